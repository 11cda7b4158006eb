//! Made-up inputs: for the trial call of every hook at upload, and for tests.

use crate::domain::hook::{
    Address, Channel, DeductInput, Delivery, ItemRequest, OrderItem, OrderView, PaymentView, QuoteRequest,
    ReceiveInput, RefundInput, RefundLine, RevokeInput, ShipInput, ShopRequest, StockNeed, Trigger,
};

/// 2026-01-01.
const NOW: i64 = 1_767_225_600_000;

fn object() -> String {
    "{}".to_owned()
}

fn address() -> Address {
    Address { name: "A. Buyer".to_owned(), country: "CN".to_owned(), detail: "1 Road".to_owned(), ..Address::default() }
}

/// A cart of one shop with `lines` lines.
pub(super) fn quote(lines: u32, settings: &str) -> QuoteRequest {
    QuoteRequest {
        buyer: "buyer-1".to_owned(),
        channel: Channel::Api,
        platform: 0,
        marketplace: 1,
        now: NOW,
        currency: "CNY".to_owned(),
        shops: vec![ShopRequest {
            shop: "shop-1".to_owned(),
            items: (0..lines)
                .map(|line| ItemRequest {
                    line,
                    sku: format!("sku-{line}"),
                    quantity: 1,
                    facts: object(),
                    extra: Vec::new(),
                })
                .collect(),
            address: Some(address()),
            coupons: Vec::new(),
            extra: Vec::new(),
        }],
        platform_coupons: Vec::new(),
        coins: 0,
        coin_value: 1,
        settings: settings.to_owned(),
        extra: Vec::new(),
    }
}

/// A paid shop order with `lines` lines of 1,000 each.
pub(super) fn order(lines: u32) -> OrderView {
    OrderView {
        number: "1".to_owned(),
        pay_number: "2".to_owned(),
        buyer: "buyer-1".to_owned(),
        shop: "shop-1".to_owned(),
        kind: 0,
        currency: "CNY".to_owned(),
        status: "paid".to_owned(),
        items: (0..lines)
            .map(|line| OrderItem {
                line,
                number: format!("3{line}"),
                sku: format!("sku-{line}"),
                quantity: 1,
                original: 1_000,
                discount: 0,
                tax: 0,
                due: 1_000,
                title: String::new(),
                attributes: Vec::new(),
                extra: Vec::new(),
                stock: vec![StockNeed { key: format!("sku-{line}"), quantity: 1 }],
                refunded: 0,
            })
            .collect(),
        freight: 0,
        due: 1_000 * i64::from(lines),
        address: Some(address()),
        // The kind that asks least of an answer: no carrier, no waybill.
        delivery: Delivery::Code,
        attributes: Vec::new(),
        shipments: Vec::new(),
        created_at: NOW,
        paid_at: Some(NOW),
        buyer_comment: String::new(),
        extra: Vec::new(),
    }
}

pub(super) fn deduct(lines: u32, settings: &str) -> DeductInput {
    let order = order(lines);
    let payment = PaymentView { method: "sandbox".to_owned(), number: "4".to_owned(), amount: order.due, paid_at: NOW };
    DeductInput { order, payment, now: NOW, settings: settings.to_owned(), journal: Vec::new(), extra: Vec::new() }
}

pub(super) fn ship(lines: u32, settings: &str) -> ShipInput {
    ShipInput { order: order(lines), now: NOW, settings: settings.to_owned(), journal: Vec::new(), extra: Vec::new() }
}

pub(super) fn receive(lines: u32, settings: &str) -> ReceiveInput {
    let order = OrderView { status: "shipped".to_owned(), ..order(lines) };
    ReceiveInput {
        order,
        trigger: Trigger::Buyer,
        now: NOW,
        settings: settings.to_owned(),
        journal: Vec::new(),
        extra: Vec::new(),
    }
}

pub(super) fn refund(lines: u32, settings: &str) -> RefundInput {
    RefundInput {
        order: order(lines),
        items: (0..lines).map(|line| RefundLine { line, quantity: 1 }).collect(),
        reason: "trial".to_owned(),
        now: NOW,
        settings: settings.to_owned(),
        extra: Vec::new(),
    }
}

pub(super) fn revoke(lines: u32, settings: &str) -> RevokeInput {
    let RefundInput { order, items, now, settings, extra, .. } = refund(lines, settings);
    RevokeInput { order, items, now, settings, journal: Vec::new(), extra }
}
