//! Orders that a test changes only where it matters.

use crate::types::{Delivery, Item, Millis, Minor, Order, Payment, RefundLine, RefundRequest};

/// 2026-06-01 08:00 UTC, the time of every test that sets no other.
pub const NOW: Millis = 1_780_300_800_000;

/// Line 0, bought for `due` in all.
#[must_use]
pub fn item(sku: &str, quantity: u32, due: Minor) -> Item {
    Item {
        line: 0,
        number: "7000000000000000300".to_owned(),
        sku: sku.to_owned(),
        quantity,
        original: due / i64::from(quantity.max(1)),
        discount: 0,
        tax: 0,
        due,
        title: sku.to_owned(),
        attributes: Vec::new(),
        extra: Vec::new(),
        stock: Vec::new(),
        refunded: 0,
    }
}

/// A paid order of the given items, whose lines are numbered from 0.
#[must_use]
pub fn order(items: impl IntoIterator<Item = Item>) -> Order {
    let items: Vec<Item> = (0..).zip(items).map(|(line, item)| Item { line, ..item }).collect();
    Order {
        number: "7000000000000000200".to_owned(),
        pay_number: "7000000000000000100".to_owned(),
        buyer: "buyer-1".to_owned(),
        shop: "shop-1".to_owned(),
        kind: 0,
        currency: "CNY".to_owned(),
        status: "paid".to_owned(),
        freight: 0,
        due: items.iter().map(|item| item.due).sum(),
        items,
        address: None,
        delivery: Delivery::Other("test".to_owned()),
        attributes: Vec::new(),
        shipments: Vec::new(),
        created_at: NOW - 60_000,
        paid_at: Some(NOW),
        buyer_comment: String::new(),
        extra: Vec::new(),
    }
}

/// The payment of the whole order.
#[must_use]
pub fn payment(order: &Order) -> Payment {
    Payment { method: "sandbox".to_owned(), number: "P7000000000000000400".to_owned(), amount: order.due, paid_at: NOW }
}

/// Asks for the refund of `(line, quantity)` at a time, with the line's settings.
#[must_use]
pub fn refund(order: &Order, items: &[(u32, u32)], now: Millis, settings: &serde_json::Value) -> RefundRequest {
    RefundRequest {
        order: order.clone(),
        items: items.iter().map(|&(line, quantity)| RefundLine { line, quantity }).collect(),
        reason: String::new(),
        now,
        settings: settings.to_string(),
        extra: Vec::new(),
    }
}
