//! How far after-sales have come: `reverse_status` on three levels and order-module's words for it. Computed on read.

use crate::domain::aftersale::Aftersale;
use crate::domain::decide::refund::unrefunded;
use crate::domain::ids::Millis;
use crate::domain::order::{ItemOrder, ReverseStatus, ShopOrder, Status, SubStatus};
use crate::domain::tree::OrderTree;

/// Of an item.
pub fn item_status(tree: &OrderTree, shop: &ShopOrder, item: &ItemOrder, now: Millis) -> ReverseStatus {
    let about = |a: &&Aftersale| a.items.iter().any(|claim| claim.item_no == item.no);
    let mut mine = tree.aftersales_of(shop.no).filter(about).peekable();
    if mine.peek().is_none() {
        return ReverseStatus::None;
    }
    let (mut open, mut succeeded) = (false, false);
    for aftersale in mine {
        open |= aftersale.is_open();
        succeeded |= aftersale.succeeded();
    }
    match (open, succeeded) {
        (true, _) => ReverseStatus::Open,
        (false, false) => ReverseStatus::Failed,
        (false, true) if more_is_possible(tree, shop, item, now) => ReverseStatus::Succeeded,
        (false, true) => ReverseStatus::Final,
    }
}

fn more_is_possible(tree: &OrderTree, shop: &ShopOrder, item: &ItemOrder, now: Millis) -> bool {
    let window_ends = shop.received_at.map(|received| received + shop.facts.aftersale_window_ms);
    let open = matches!(shop.status, Status::Paid | Status::Shipped | Status::Received)
        && shop.sub_status != SubStatus::Closing
        && window_ends.is_none_or(|ends| now < ends);
    let left = unrefunded(tree, shop);
    open && left.iter().any(|line| line.item_no == Some(item.no) && (line.quantity > 0 || line.cash() > 0))
}

/// Of a shop order: open if one of its items is, else what its items came to.
pub fn of_shop(tree: &OrderTree, shop: &ShopOrder, now: Millis) -> ReverseStatus {
    highest(shop.items.iter().map(|item| item_status(tree, shop, item, now)))
}

/// Of some shop orders of a pay order.
pub fn of_shops<'t>(tree: &OrderTree, shops: impl Iterator<Item = &'t ShopOrder>, now: Millis) -> ReverseStatus {
    highest(shops.map(|shop| of_shop(tree, shop, now)))
}

fn highest(children: impl Iterator<Item = ReverseStatus>) -> ReverseStatus {
    use ReverseStatus as R;
    let rank = |status: &R| match status {
        R::Open => 4,
        R::Succeeded => 3,
        R::Final => 2,
        R::Failed => 1,
        R::None => 0,
    };
    children.max_by_key(rank).unwrap_or(R::None)
}

/// order-module's word: none, processing, finished or failed.
pub fn aftersales_word(status: ReverseStatus) -> &'static str {
    match status {
        ReverseStatus::None => "none",
        ReverseStatus::Open => "processing",
        ReverseStatus::Succeeded | ReverseStatus::Final => "finished",
        ReverseStatus::Failed => "failed",
    }
}
