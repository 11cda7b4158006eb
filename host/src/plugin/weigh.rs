//! How large an input or an answer is, and whether a text holds a NUL: one walk for both.
//!
//! A text weighs its bytes and 8, a body its bytes, a number or a case 8. The machine's own sizes play no part, so that
//! every host refuses the same answers.

use crate::domain::hook::{
    Address, Answer, Auth, BusinessEvent, Channel, Coupon, DeductInput, Deducted, Delivery, DeliverySecret, HmacPart,
    HttpRequest, HttpResponse, ItemRequest, JournalEntry, LineRefusal, OrderItem, OrderView, Packed, PaymentView,
    PricedItem, PricedShop, Progress, Promotion, PromotionLevel, QuoteRequest, Quoted, ReceiveInput, Received,
    RefundInput, RefundLine, RefundQuote, Refundable, Repeat, RevokeInput, Revoked, ShipInput, Shipment, ShipmentView,
    Shipped, ShopRequest, Signal, Step, StockNeed, Trigger, Verdict, Wait,
};

/// What a walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) bytes: u64,
    pub(super) nul: bool,
}

impl Weight {
    pub(super) fn of(value: &(impl Weigh + ?Sized)) -> Self {
        let mut weight = Self::default();
        value.weigh(&mut weight);
        weight
    }
}

pub(super) trait Weigh {
    fn weigh(&self, weight: &mut Weight);
}

impl Weigh for String {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8 + self.len() as u64;
        weight.nul |= self.as_bytes().contains(&0);
    }
}

impl Weigh for u8 {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 1;
    }
}

impl<T: Weigh> Weigh for Vec<T> {
    fn weigh(&self, weight: &mut Weight) {
        self.as_slice().weigh(weight);
    }
}

impl<T: Weigh> Weigh for [T] {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        for item in self {
            item.weigh(weight);
        }
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        if let Some(value) = self {
            value.weigh(weight);
        }
    }
}

impl Weigh for (String, String) {
    fn weigh(&self, weight: &mut Weight) {
        self.0.weigh(weight);
        self.1.weigh(weight);
    }
}

/// Plain things, 8 each.
macro_rules! plain {
    ($($ty:ty),*) => { $(impl Weigh for $ty {
        fn weigh(&self, weight: &mut Weight) {
            weight.bytes += 8;
        }
    })* };
}
plain!(bool, u16, u32, u64, i64, Channel, Delivery, HmacPart, Progress, PromotionLevel, Repeat);

/// Records: all fields, so that a new one can't be forgotten.
macro_rules! records {
    ($($ty:ident { $($field:ident),* $(,)? })*) => { $(impl Weigh for $ty {
        fn weigh(&self, weight: &mut Weight) {
            let Self { $($field),* } = self;
            $($field.weigh(weight);)*
        }
    })* };
}
records! {
    Address { name, mobile, zip, country, province, city, district, town, detail }
    StockNeed { key, quantity }
    OrderItem {
        line, number, sku, quantity, original, discount, tax, due, title, attributes, extra, stock, refunded,
    }
    ShipmentView { number, status, carrier, waybill }
    OrderView {
        number, pay_number, buyer, shop, kind, currency, status, items, freight, due, address, delivery, attributes,
        shipments, created_at, paid_at, buyer_comment, extra,
    }
    PaymentView { method, number, amount, paid_at }
    Coupon { code, kind, terms }
    ItemRequest { line, sku, quantity, facts, extra }
    ShopRequest { shop, items, address, coupons, extra }
    QuoteRequest {
        buyer, channel, platform, marketplace, now, currency, shops, platform_coupons, coins, coin_value, settings,
        extra,
    }
    PricedItem { line, original, discount, tax, title, picture, attributes, stock, extra }
    PricedShop {
        shop, items, discount, freight, delivery, auto_receive_s, aftersale_window_s, ship_within_s, extra,
    }
    Promotion { level, shop, title, amount, coupon }
    Quoted { shops, platform_discount, coins, third_party_discount, promotions, pay_timeout_s, extra }
    LineRefusal { line, code, reason }
    HttpRequest { method, url, headers, body, auth, repeat, timeout_ms }
    HttpResponse { status, headers, body }
    Signal { name, id, payload }
    JournalEntry { at, answer }
    Wait { signal, until, redo_last }
    BusinessEvent { name, data }
    Deducted { attributes, events, extra }
    Packed { line, quantity }
    DeliverySecret { name, value }
    Shipment { items, delivery, progress, carrier, waybill, secrets, attributes }
    Shipped { shipments, attributes, events, extra }
    Received { verdict, attributes, events, extra }
    RefundLine { line, quantity }
    RefundInput { order, items, reason, now, settings, extra }
    Refundable { line, amount, fee }
    RefundQuote { items, reason, extra }
    Revoked { attributes, extra }
}

/// Inputs with a journal, which has a limit of its own and is left out.
macro_rules! journaled {
    ($($ty:ident { $($field:ident),* })*) => { $(impl Weigh for $ty {
        fn weigh(&self, weight: &mut Weight) {
            let Self { journal: _, $($field),* } = self;
            $($field.weigh(weight);)*
        }
    })* };
}
journaled! {
    DeductInput { order, payment, now, settings, extra }
    ShipInput { order, now, settings, extra }
    ReceiveInput { order, trigger, now, settings, extra }
    RevokeInput { order, items, now, settings, extra }
}

impl Weigh for Auth {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        match self {
            Self::None => {}
            Self::Bearer(secret) => secret.weigh(weight),
            Self::Header { header, secret } => {
                header.weigh(weight);
                secret.weigh(weight);
            }
            Self::Basic { user, secret } => {
                user.weigh(weight);
                secret.weigh(weight);
            }
            Self::HmacSha256 { secret, header, parts } => {
                secret.weigh(weight);
                header.weigh(weight);
                parts.weigh(weight);
            }
        }
    }
}

impl Weigh for Answer {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        match self {
            Self::Response(response) => response.weigh(weight),
            Self::Failed(reason) => reason.weigh(weight),
            Self::Signal(signal) => signal.weigh(weight),
            Self::TimedOut => {}
        }
    }
}

impl Weigh for Trigger {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        match self {
            Self::Signal(signal) => signal.weigh(weight),
            Self::Buyer | Self::Delivered | Self::Timer => {}
        }
    }
}

impl Weigh for Verdict {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        match self {
            Self::Refused(reason) => reason.weigh(weight),
            Self::Confirmed | Self::NotYet => {}
        }
    }
}

impl<D: Weigh> Weigh for Step<D> {
    fn weigh(&self, weight: &mut Weight) {
        weight.bytes += 8;
        match self {
            Self::Done(done) => done.weigh(weight),
            Self::Call(request) => request.weigh(weight),
            Self::Wait(wait) => wait.weigh(weight),
        }
    }
}
