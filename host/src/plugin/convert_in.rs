//! Domain types into the contract's types. Texts are moved, never copied.

use super::bindings::exports::hookline::business::{aftersale, deduct, pricing, receive, ship};
use super::bindings::hookline::business::{calls, types};
use crate::domain::hook;

fn all<A, B: From<A>>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(B::from).collect()
}

/// Records with equal field names: `field` is moved, `field: f` is converted by `f`.
macro_rules! records {
    ($($from:path => $to:path { $($field:ident $(: $convert:expr)?),* $(,)? })*) => { $(
        impl From<$from> for $to {
            fn from(from: $from) -> Self {
                Self { $($field: records!(@field from.$field $(, $convert)?)),* }
            }
        }
    )* };
    (@field $value:expr) => { $value };
    (@field $value:expr, $convert:expr) => { $convert($value) };
}

records! {
    hook::Address => types::Address { name, mobile, zip, country, province, city, district, town, detail }
    hook::StockNeed => types::StockNeed { key, quantity }
    hook::OrderItem => types::OrderItem {
        line, number, sku, quantity, original, discount, tax, due, title, attributes, extra, stock: all, refunded,
    }
    hook::ShipmentView => types::ShipmentView { number, status, carrier, waybill }
    hook::OrderView => types::OrderView {
        number, pay_number, buyer, shop, kind, currency, status, items: all, freight, due,
        address: |a: Option<hook::Address>| a.map(Into::into), delivery: types::Delivery::from, attributes,
        shipments: all, created_at, paid_at, buyer_comment, extra,
    }
    hook::PaymentView => types::PaymentView { method, number, amount, paid_at }
    hook::Coupon => pricing::Coupon { code, kind, terms }
    hook::ItemRequest => pricing::ItemRequest { line, sku, quantity, facts, extra }
    hook::ShopRequest => pricing::ShopRequest {
        shop, items: all, address: |a: Option<hook::Address>| a.map(Into::into), coupons: all, extra,
    }
    hook::QuoteRequest => pricing::QuoteRequest {
        buyer, channel: pricing::Channel::from, platform, marketplace, now, currency, shops: all,
        platform_coupons: all, coins, coin_value, settings, extra,
    }
    hook::HttpResponse => calls::HttpResponse { status, headers, body }
    hook::Signal => calls::Signal { name, id, payload }
    hook::JournalEntry => calls::JournalEntry { at, answer: calls::Answer::from }
    hook::DeductInput => deduct::DeductInput {
        order: Into::into, payment: Into::into, now, settings, journal: all, extra,
    }
    hook::ShipInput => ship::ShipInput { order: Into::into, now, settings, journal: all, extra }
    hook::ReceiveInput => receive::ReceiveInput {
        order: Into::into, trigger: receive::Trigger::from, now, settings, journal: all, extra,
    }
    hook::RefundLine => aftersale::RefundLine { line, quantity }
    hook::RefundInput => aftersale::RefundInput { order: Into::into, items: all, reason, now, settings, extra }
    hook::RevokeInput => aftersale::RevokeInput { order: Into::into, items: all, now, settings, journal: all, extra }
}

impl From<hook::Delivery> for types::Delivery {
    fn from(delivery: hook::Delivery) -> Self {
        match delivery {
            hook::Delivery::Parcel => Self::Parcel,
            hook::Delivery::Code => Self::Code,
            hook::Delivery::Voucher => Self::Voucher,
            hook::Delivery::Ticket => Self::Ticket,
            hook::Delivery::Booking => Self::Booking,
            hook::Delivery::Credit => Self::Credit,
        }
    }
}

impl From<hook::Channel> for pricing::Channel {
    fn from(channel: hook::Channel) -> Self {
        match channel {
            hook::Channel::Pc => Self::Pc,
            hook::Channel::Mobile => Self::Mobile,
            hook::Channel::Api => Self::Api,
            hook::Channel::ThirdParty => Self::ThirdParty,
        }
    }
}

impl From<hook::Answer> for calls::Answer {
    fn from(answer: hook::Answer) -> Self {
        match answer {
            hook::Answer::Response(response) => Self::Response(response.into()),
            hook::Answer::Failed(reason) => Self::Failed(reason),
            hook::Answer::Signal(signal) => Self::Signal(signal.into()),
            hook::Answer::TimedOut => Self::TimedOut,
        }
    }
}

impl From<hook::Trigger> for receive::Trigger {
    fn from(trigger: hook::Trigger) -> Self {
        match trigger {
            hook::Trigger::Buyer => Self::Buyer,
            hook::Trigger::Delivered => Self::Delivered,
            hook::Trigger::Timer => Self::Timer,
            hook::Trigger::Signal(signal) => Self::Signal(signal.into()),
        }
    }
}
