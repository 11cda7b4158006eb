//! Changing what an order costs before it is paid: the seller lowers the price, or the goods go somewhere else. Coins and
//! third-party discount stay what they are, so every difference is the buyer's money.

use serde_json::json;

use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::ids::OrderNo;
use crate::domain::money::{Minor, Overflow, apportion, sum};
use crate::domain::order::{Address, Share, ShopOrder, Status, SubStatus, SuspendedHook};
use crate::domain::payment::Payment;
use crate::domain::tree::OrderTree;

use super::pay;
use super::reserve::Next;

/// Why an order cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotAdjust {
    /// It is paid, ended, or being cancelled.
    #[error("order {0} does not wait for payment any more")]
    State(OrderNo),
    /// A payment is open.
    #[error("order {0} has an open payment that could not be closed")]
    Open(OrderNo),
    /// A re-price is the total, and it only grows.
    #[error("the price is lowered by {now} already, and can only be lowered further")]
    OnlyLowers {
        /// Minor units.
        now: Minor,
    },
    /// More than the goods cost.
    #[error("the price can be lowered by at most {most} in total")]
    TooMuch {
        /// Minor units.
        most: Minor,
    },
    /// Coins or a third party pay more of a line than it would cost.
    #[error("coins or a third party pay more of a line than it would cost then")]
    Covered,
    /// It left, or is leaving.
    #[error("order {0} is being shipped, or was: its address cannot be changed any more")]
    Shipped(OrderNo),
    /// It was paid, and freight or tax would be another.
    #[error("freight or tax would be another at this address, and the order is paid")]
    ChangesPrice,
    /// A sum left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// Lowers the price of an unpaid shop order by `discount` in total. It is apportioned over its items by what is left of
/// their goods.
pub fn reprice(draft: &mut Draft, no: OrderNo, discount: Minor, remark: &str) -> Result<(), CannotAdjust> {
    let shop = unpaid(draft.tree(), no)?.clone();
    let now = shop.amounts.reprice;
    if discount < now {
        return Err(CannotAdjust::OnlyLowers { now });
    }
    let more = discount - now;
    let left: Vec<Minor> = shop.items.iter().map(|item| item.share.due - item.tax).collect();
    let most = now + sum(left.iter().copied())?;
    let parts = apportion(more, &left).map_err(|_| CannotAdjust::TooMuch { most })?;
    let mut shares = Vec::with_capacity(parts.len());
    for (item, part) in shop.items.iter().zip(parts) {
        shares.push(costing(item.share, item.share.due - part)?);
    }
    let before = told(&shop);
    let row = draft.stay(no, "reprice", remark);
    row.amounts.reprice = discount;
    row.amounts.price -= more;
    for (item, share) in shop.items.iter().zip(shares) {
        if let Some(item) = draft.item(no, item.no) {
            item.share = share;
        }
    }
    total(draft)?;
    finish(draft, no, "ORDER_REPRICED", ("reprice", remark, before));
    Ok(())
}

/// What freight and tax are at another address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requoted {
    /// Of the shop order.
    pub freight: Minor,
    /// Per item, in their order.
    pub taxes: Vec<Minor>,
}

/// Sends a shop order somewhere else. An unpaid one costs what freight and tax are there; of a paid one they must be what
/// they were.
pub fn readdress(draft: &mut Draft, no: OrderNo, address: Address, quoted: &Requoted) -> Result<(), CannotAdjust> {
    let (shop, changes) = can_be_readdressed(draft.tree(), no)?;
    let shop = shop.clone();
    let same =
        quoted.freight == shop.amounts.freight && shop.items.iter().map(|i| i.tax).eq(quoted.taxes.iter().copied());
    if !same && changes == Price::Fixed {
        return Err(CannotAdjust::ChangesPrice);
    }
    let mut shares = Vec::with_capacity(shop.items.len());
    for (item, tax) in shop.items.iter().zip(&quoted.taxes) {
        shares.push((costing(item.share, item.share.due - item.tax + tax)?, *tax));
    }
    let freight_share = costing(shop.amounts.freight_share, quoted.freight)?;
    let before = with_address(told(&shop), &shop);
    let row = draft.stay(no, "address", "");
    row.facts.address = Some(address);
    if !same {
        row.amounts.freight = quoted.freight;
        row.amounts.freight_share = freight_share;
        row.amounts.tax = sum(quoted.taxes.iter().copied())?;
        for (item, (share, tax)) in shop.items.iter().zip(shares) {
            if let Some(item) = draft.item(no, item.no) {
                (item.share, item.tax) = (share, tax);
            }
        }
        total(draft)?;
    }
    finish(draft, no, "ORDER_ADDRESS_CHANGED", ("address", "", before));
    Ok(())
}

/// Whether another address may change the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// Not paid yet.
    Open,
    /// Paid.
    Fixed,
}

/// The shop order, if its address can be changed.
pub fn can_be_readdressed(tree: &OrderTree, no: OrderNo) -> Result<(&ShopOrder, Price), CannotAdjust> {
    let shop = tree.shop(no).ok_or(CannotAdjust::State(no))?;
    match shop.status {
        Status::Created | Status::Cancelled => unpaid(tree, no).map(|shop| (shop, Price::Open)),
        // A ship hook that was begun has told the supplier where it goes.
        Status::Paid if shop.packed_at.is_none() && !is_shipping(shop) => match shop.sub_status {
            SubStatus::ToDeduct | SubStatus::ToShip => Ok((shop, Price::Fixed)),
            _ => Err(CannotAdjust::Shipped(no)),
        },
        Status::Paid | Status::Shipped | Status::Received | Status::Closed | Status::Completed => {
            Err(CannotAdjust::Shipped(no))
        }
    }
}

fn is_shipping(shop: &ShopOrder) -> bool {
    shop.suspended.as_ref().is_some_and(|suspended| suspended.hook != SuspendedHook::Deduct)
}

/// An order that costs nothing any more is paid, unless it still waits for its stock: then it will be with that.
pub fn pay_nothing(draft: &mut Draft, next: &Next<'_>) {
    let tree = draft.tree();
    if tree.pay.status == Status::Created && tree.pay.amounts.to_pay == 0 && !tree.stock_pending() {
        pay::nothing(draft, next.payment, next.shipments, next.compensate_ms);
    }
}

fn unpaid(tree: &OrderTree, no: OrderNo) -> Result<&ShopOrder, CannotAdjust> {
    let waits = tree.pay.status == Status::Created && tree.pay.sub_status != SubStatus::Cancelling;
    if tree.payments.iter().any(Payment::is_open) && waits {
        return Err(CannotAdjust::Open(no));
    }
    tree.shop(no).filter(|_| waits).ok_or(CannotAdjust::State(no))
}

/// The share of a line that now costs `due`.
fn costing(share: Share, due: Minor) -> Result<Share, CannotAdjust> {
    let cash = due - share.coins_value - share.third_party;
    if cash < 0 { Err(CannotAdjust::Covered) } else { Ok(Share { due, cash, ..share }) }
}

/// Sums of the pay order from its shop orders.
fn total(draft: &mut Draft) -> Result<(), Overflow> {
    let shops = &draft.tree().shops;
    let price = sum(shops.iter().map(|s| s.amounts.price))? - draft.tree().pay.amounts.platform_discount;
    let freight = sum(shops.iter().map(|s| s.amounts.freight))?;
    let tax = sum(shops.iter().map(|s| s.amounts.tax))?;
    let to_pay = sum(shops.iter().flat_map(ShopOrder::shares).map(|share| share.cash))?;
    let amounts = &mut draft.pay().amounts;
    (amounts.price, amounts.freight, amounts.tax, amounts.to_pay) = (price, freight, tax, to_pay);
    Ok(())
}

/// Of the shop order alone: sellers read it, and the pay order may be others' too.
fn told(shop: &ShopOrder) -> serde_json::Value {
    let to_pay: Minor = shop.shares().map(|share| share.cash).sum();
    json!({
        "promotion_amount": shop.amounts.reprice, "price": shop.amounts.price, "freight": shop.amounts.freight,
        "tax": shop.amounts.tax, "to_pay": to_pay,
    })
}

fn with_address(mut told: serde_json::Value, shop: &ShopOrder) -> serde_json::Value {
    told["address"] = json!(shop.facts.address);
    told
}

/// The event (never with the address), the operate log, and a version of the pay order for the snapshot.
fn finish(draft: &mut Draft, no: OrderNo, tag: &str, (operation, remark, before): (&str, &str, serde_json::Value)) {
    draft.pay();
    let shop = draft.stepped(no).clone();
    let after = told(&shop);
    draft.emit(no, Topic::Order, tag, after.clone());
    let after = if before.get("address").is_some() { with_address(after, &shop) } else { after };
    draft.operated(no, operation, remark, (before, after));
}
