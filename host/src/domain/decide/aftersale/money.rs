//! The money of an after-sale: it begins when no hook is being asked, follows its refunds, and ends with the last.

use super::{Cannot, find, turn};
use crate::domain::aftersale::{Aftersale, AftersaleKind, AftersaleStatus, Claim};
use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::decide::refund::{Left, owe, unrefunded};
use crate::domain::decide::{ship, stock, undo};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::ShipmentStatus;
use crate::domain::ids::{AftersaleNo, OrderNo, RefundNo};
use crate::domain::order::{Delivery, Reason, ShopOrder, SubStatus};
use crate::domain::payment::Refund;
use crate::domain::tree::OrderTree;

/// The after-sale of a shop order whose refund can begin now: agreed, and no hook is being asked about the order. Those
/// whose goods are back come first, since nobody outside is asked about them. Where an order stands still and a person
/// looks at it, everything may go back without the hook's answer.
pub fn ready<'t>(tree: &'t OrderTree, shop: &ShopOrder) -> Option<&'t Aftersale> {
    if shop.sub_status == SubStatus::Closing {
        return None;
    }
    let lines = unrefunded(tree, shop);
    let free = |a: &&Aftersale| shop.suspended.is_none() || shop.attention.is_some() && is_whole(&lines, &a.items);
    let due = || tree.aftersales_of(shop.no).filter(|a| is_due(a)).filter(free);
    due().find(|a| a.takes_goods_back()).or_else(|| due().next())
}

/// Whether the money of an after-sale is what comes next.
pub fn is_due(row: &Aftersale) -> bool {
    let agreed = match row.status {
        AftersaleStatus::Approved => row.kind == AftersaleKind::Refund,
        AftersaleStatus::Returned => row.kind == AftersaleKind::Return && row.detail.goods_back,
        _ => false,
    };
    agreed && row.is_open() && !row.detail.refund_begun
}

/// Whether the goods of a refund left while it waited, so that they must come back first.
pub fn must_come_back(tree: &OrderTree, shop: &ShopOrder, row: &Aftersale) -> bool {
    row.detail.unshipped && shop.facts.delivery == Delivery::Parcel && !super::apply::are_here(tree, shop, &row.items)
}

/// What became of an approved refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proceeds {
    /// The money is on its way, or there was none.
    Refunding,
    /// The goods left while it waited: they must come back first.
    Return,
}

/// Begins the refund of an approved after-sale, or of goods that are back. When everything of the order has gone back
/// with it, the order is closing. `numbers` holds [`crate::domain::decide::refund::REFUNDS`] fresh numbers.
pub fn proceed(
    draft: &mut Draft,
    no: AftersaleNo,
    rules: &LineRules,
    numbers: &[RefundNo],
) -> Result<Proceeds, Cannot> {
    let mut row = find(draft, no)?;
    if !is_due(&row) {
        return Err(Cannot::State { no, status: row.status, what: "refunded now" });
    }
    let before = draft.tree().shop(row.shop_no).cloned().ok_or(Cannot::Unknown(no))?;
    let shop_no = before.no;
    if must_come_back(draft.tree(), &before, &row) {
        row.kind = AftersaleKind::Return;
        row.detail.unshipped = false;
        draft.stay(shop_no, "aftersale_return", "the goods left meanwhile");
        let deadline = draft.at() + rules.aftersale_buyer_ms;
        turn(draft, row, AftersaleStatus::Approved, Some(deadline));
        return Ok(Proceeds::Return);
    }
    let lines = unrefunded(draft.tree(), &before);
    let whole = is_whole(&lines, &row.items);
    let state = if whole { (before.status, SubStatus::Closing) } else { (before.status, before.sub_status) };
    let stepped = draft.step(shop_no, "aftersale_refund", state, no.to_string());
    if whole {
        stepped.suspended = None;
        stepped.reason = Some(Reason::new("refunded", row.reason.clone()));
        stepped.attention = None;
    }
    give_goods_back(draft, &before, &row);
    keep_fees(draft, shop_no, &row.items);
    row.detail.refund_begun = true;
    let (claims, unshipped, reason) = (row.items.clone(), row.detail.unshipped, row.reason.clone());
    turn(draft, row, AftersaleStatus::Refunding, None);
    let parts: Vec<Left> = if whole {
        super::join(draft, shop_no, "everything goes back");
        let back = undo::never_left(draft.tree(), shop_no);
        let freight = lines.iter().find(|line| line.item_no.is_none());
        settle_freight(draft, shop_no, freight.filter(|_| !back));
        undo::let_go(draft, &before);
        lines.iter().filter(|line| back || line.item_no.is_some()).map(|line| rest(line, &claims)).collect()
    } else {
        if unshipped {
            take_out(draft, &before, &claims);
        }
        claims.iter().filter_map(|claim| part(&lines, claim)).collect()
    };
    owe(draft, &before, &parts, (&reason, Some(no)), numbers);
    undo::close_if_settled(draft, shop_no, rules);
    settle_refunds(draft, shop_no);
    undo::settle_if_due(draft, shop_no);
    if draft.tree().shop(shop_no).is_some_and(|shop| ready(draft.tree(), shop).is_some()) {
        draft.arm(shop_no, TimerKind::Compensate, draft.at(), 0);
    }
    Ok(Proceeds::Refunding)
}

/// Whether every unit of the order has gone back once these have.
fn is_whole(lines: &[Left], claims: &[Claim]) -> bool {
    let asked =
        |line: &Left| claims.iter().filter(|c| Some(c.item_no) == line.item_no).map(|c| c.quantity).sum::<u32>();
    claims.iter().any(|claim| claim.quantity > 0)
        && lines.iter().filter(|line| line.item_no.is_some()).all(|line| line.quantity == asked(line))
}

fn part(lines: &[Left], claim: &Claim) -> Option<Left> {
    let line = lines.iter().find(|line| line.item_no == Some(claim.item_no))?;
    Some(line.of(claim.quantity, claim.cash, claim.coins))
}

/// All that is left of a line, but for what is kept of it.
fn rest(line: &Left, claims: &[Claim]) -> Left {
    let mine = || claims.iter().filter(|claim| Some(claim.item_no) == line.item_no);
    let fee: i64 = mine().map(|claim| claim.fee).sum();
    let fee_coins: i64 = mine().map(|claim| claim.fee_coins).sum();
    line.of(line.quantity, line.cash() - fee, line.coins - fee_coins)
}

/// Units that never left, and what a supplier took back, can be sold again. Goods that came back were counted then, and
/// goods that stay with the buyer are gone.
fn give_goods_back(draft: &mut Draft, shop: &ShopOrder, row: &Aftersale) {
    let parcel = shop.facts.delivery == Delivery::Parcel;
    if row.takes_goods_back() || parcel && !row.detail.unshipped {
        return;
    }
    restock(draft, shop, &row.items, &row.no.to_string());
}

/// Gives the stock of units back and counts them. The shop order must have been stepped.
pub(super) fn restock(draft: &mut Draft, shop: &ShopOrder, units: &[Claim], cause: &str) {
    let moves = stock::give_units_back(shop, units, ship::is_deducted(shop), cause);
    draft.change.stock.extend(moves);
    for claim in units {
        if let Some(item) = draft.item(shop.no, claim.item_no) {
            item.refunded.restocked += claim.quantity;
        }
    }
}

fn keep_fees(draft: &mut Draft, shop_no: OrderNo, claims: &[Claim]) {
    for claim in claims.iter().filter(|claim| claim.fee > 0 || claim.fee_coins > 0) {
        if let Some(item) = draft.item(shop_no, claim.item_no) {
            item.refunded.retained += claim.fee;
            item.refunded.retained_coins += claim.fee_coins;
        }
    }
}

/// Freight that was spent is kept, as it is left; else all of it goes back.
fn settle_freight(draft: &mut Draft, shop_no: OrderNo, spent: Option<&Left>) {
    let refunded = &mut draft.stepped(shop_no).amounts.freight_refunded;
    match spent {
        Some(freight) => {
            refunded.retained += freight.cash();
            refunded.retained_coins += freight.coins;
        }
        None => refunded.quantity = 1,
    }
}

/// Takes units out of the packages that have not left; a package without any is cancelled.
fn take_out(draft: &mut Draft, shop: &ShopOrder, claims: &[Claim]) {
    let waiting = draft.tree().shipments_of(shop.no).filter(|s| s.status == ShipmentStatus::Created);
    let waiting: Vec<_> = waiting.cloned().collect();
    let line = |no: OrderNo| shop.items.iter().find(|i| i.no == no).map(|i| i.line);
    let mut wanted: Vec<(u32, u32)> =
        claims.iter().filter_map(|claim| Some((line(claim.item_no)?, claim.quantity))).collect();
    for mut shipment in waiting {
        let whole = shipment.items.clone();
        for packed in &mut shipment.items {
            if let Some((_, wanted)) = wanted.iter_mut().find(|(line, _)| *line == packed.line) {
                let taken = packed.quantity.min(*wanted);
                packed.quantity -= taken;
                *wanted -= taken;
            }
        }
        shipment.items.retain(|packed| packed.quantity > 0);
        if shipment.items.is_empty() {
            (shipment.status, shipment.items) = (ShipmentStatus::Cancelled, whole);
        } else if shipment.items == whole {
            continue;
        }
        if shipment.told_at.is_some() {
            // The outside fulfilment service must not send it like this: it is told again.
            shipment.taken_at = None;
            let at = draft.at();
            draft.arm(shop.no, TimerKind::Fulfilment, at, 0);
        }
        draft.shipment(Write::Update(shipment));
    }
    ship::packages_changed(draft, shop.no);
}

/// Ends the after-sales of a shop order whose last refund was done. The shop order must have been stepped.
pub fn settle_refunds(draft: &mut Draft, shop_no: OrderNo) {
    let closed = draft.tree().shop(shop_no).is_none_or(|shop| shop.sub_status != SubStatus::Closing);
    let owed = |cause: AftersaleNo| {
        let mine = |r: &&Refund| r.shop_no == Some(shop_no) && r.is_owed();
        let of_it = |r: &Refund| r.aftersale_no == Some(cause);
        draft.tree().refunds.iter().filter(mine).any(|r| of_it(r) || !closed)
    };
    // One whose refund had failed is over, too, once a person ended that by hand.
    let refunding = |a: &&Aftersale| a.is_open() && a.detail.refund_begun;
    let done: Vec<Aftersale> =
        draft.tree().aftersales_of(shop_no).filter(refunding).filter(|a| !owed(a.no)).cloned().collect();
    if done.is_empty() {
        return;
    }
    for row in done {
        turn(draft, row, AftersaleStatus::Refunded, None);
    }
    super::resume(draft, shop_no);
}

/// A refund of it failed for good: a person decides what becomes of the money.
pub fn refund_failed(draft: &mut Draft, no: AftersaleNo, why: &str) {
    if let Ok(mut row) = find(draft, no)
        && row.is_open()
        && row.status == AftersaleStatus::Refunding
    {
        row.detail.note = Some("the refund failed; it is looked into".to_owned());
        draft.stay(row.shop_no, "aftersale_refund_failed", why);
        turn(draft, row, AftersaleStatus::Approved, None);
    }
}

/// Its failed refund is tried again under a new number.
pub fn refund_retried(draft: &mut Draft, no: AftersaleNo) {
    if let Ok(row) = find(draft, no)
        && row.is_open()
        && row.status == AftersaleStatus::Approved
        && row.detail.refund_begun
    {
        draft.stay(row.shop_no, "aftersale_refund", "again");
        turn(draft, row, AftersaleStatus::Refunding, None);
    }
}
