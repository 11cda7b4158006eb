//! The contract's types into domain types. An `other` case stops here.

use super::bindings::exports::hookline::business::{aftersale, deduct, pricing, receive, ship};
use super::bindings::hookline::business::{calls, types};
use super::outcome::{BadOutput, Outcome};
use crate::domain::hook;

type Out<T> = Result<T, BadOutput>;

fn all<A, B>(list: Vec<A>, f: impl FnMut(A) -> Out<B>) -> Out<Vec<B>> {
    list.into_iter().map(f).collect()
}

/// Characters kept of a reserved case's text.
const RESERVED_CHARS: usize = 200;

fn reserved(what: &'static str, text: String) -> BadOutput {
    let text = if text.len() > RESERVED_CHARS { text.chars().take(RESERVED_CHARS).collect() } else { text };
    BadOutput::Reserved { what, text }
}

/// A hook's error is an outcome of its own. `other` counts as attention, as the contract says.
pub(super) fn error<T>(error: types::HookError) -> Outcome<T> {
    match error {
        types::HookError::Rejected(reason) => Outcome::Rejected(reason),
        types::HookError::Retry(later) => Outcome::Retry { reason: later.reason, after_ms: later.after_ms },
        types::HookError::Attention(reason) | types::HookError::Other(reason) => Outcome::Attention(reason),
    }
}

pub(super) fn quote_error<T>(error: pricing::QuoteError) -> Outcome<T> {
    match error {
        pricing::QuoteError::Refused(lines) => Outcome::Refused(
            lines.into_iter().map(|l| hook::LineRefusal { line: l.line, code: l.code, reason: l.reason }).collect(),
        ),
        pricing::QuoteError::Other(text) => Outcome::BadOutput(reserved("quote-error", text)),
    }
}

pub(super) fn quoted(from: pricing::Quoted) -> Out<hook::Quoted> {
    Ok(hook::Quoted {
        shops: all(from.shops, shop)?,
        platform_discount: from.platform_discount,
        coins: from.coins,
        third_party_discount: from.third_party_discount,
        promotions: from.promotions.into_iter().map(promotion).collect(),
        pay_timeout_s: from.pay_timeout_s,
        extra: from.extra,
    })
}

fn shop(from: pricing::PricedShop) -> Out<hook::PricedShop> {
    Ok(hook::PricedShop {
        shop: from.shop,
        items: from.items.into_iter().map(item).collect(),
        discount: from.discount,
        freight: from.freight,
        delivery: delivery(from.delivery)?,
        auto_receive_s: from.auto_receive_s,
        aftersale_window_s: from.aftersale_window_s,
        ship_within_s: from.ship_within_s,
        extra: from.extra,
    })
}

fn item(from: pricing::PricedItem) -> hook::PricedItem {
    hook::PricedItem {
        line: from.line,
        original: from.original,
        discount: from.discount,
        tax: from.tax,
        title: from.title,
        picture: from.picture,
        attributes: from.attributes,
        stock: from.stock.into_iter().map(|s| hook::StockNeed { key: s.key, quantity: s.quantity }).collect(),
        extra: from.extra,
    }
}

fn promotion(from: pricing::Promotion) -> hook::Promotion {
    hook::Promotion {
        level: match from.level {
            pricing::PromotionLevel::Item => hook::PromotionLevel::Item,
            pricing::PromotionLevel::Shop => hook::PromotionLevel::Shop,
            pricing::PromotionLevel::Platform => hook::PromotionLevel::Platform,
        },
        shop: from.shop,
        title: from.title,
        amount: from.amount,
        coupon: from.coupon,
    }
}

fn delivery(from: types::Delivery) -> Out<hook::Delivery> {
    match from {
        types::Delivery::Parcel => Ok(hook::Delivery::Parcel),
        types::Delivery::Code => Ok(hook::Delivery::Code),
        types::Delivery::Voucher => Ok(hook::Delivery::Voucher),
        types::Delivery::Ticket => Ok(hook::Delivery::Ticket),
        types::Delivery::Booking => Ok(hook::Delivery::Booking),
        types::Delivery::Credit => Ok(hook::Delivery::Credit),
        types::Delivery::Other(text) => Err(reserved("delivery", text)),
    }
}

fn request(from: calls::HttpRequest) -> Out<hook::HttpRequest> {
    Ok(hook::HttpRequest {
        method: from.method,
        url: from.url,
        headers: from.headers,
        body: from.body,
        auth: auth(from.auth)?,
        repeat: match from.repeat {
            calls::Repeat::Safe => hook::Repeat::Safe,
            calls::Repeat::ByKey => hook::Repeat::ByKey,
            calls::Repeat::Never => hook::Repeat::Never,
        },
        timeout_ms: from.timeout_ms,
    })
}

fn auth(from: calls::Auth) -> Out<hook::Auth> {
    Ok(match from {
        calls::Auth::None => hook::Auth::None,
        calls::Auth::Bearer(secret) => hook::Auth::Bearer(secret),
        calls::Auth::Header(h) => hook::Auth::Header { header: h.header, secret: h.secret },
        calls::Auth::Basic(b) => hook::Auth::Basic { user: b.user, secret: b.secret },
        calls::Auth::HmacSha256(h) => {
            hook::Auth::HmacSha256 { secret: h.secret, header: h.header, parts: all(h.parts, hmac_part)? }
        }
        calls::Auth::Other(text) => return Err(reserved("auth", text)),
    })
}

fn hmac_part(name: String) -> Out<hook::HmacPart> {
    match name.as_str() {
        "method" => Ok(hook::HmacPart::Method),
        "path" => Ok(hook::HmacPart::Path),
        "body" => Ok(hook::HmacPart::Body),
        "timestamp" => Ok(hook::HmacPart::Timestamp),
        _ => Err(BadOutput::Name { what: "a part of the HMAC", name, expected: "method, path, body or timestamp" }),
    }
}

fn wait(from: calls::Wait) -> hook::Wait {
    hook::Wait { signal: from.signal, until: from.until, redo_last: from.redo_last }
}

fn events(from: Vec<types::BusinessEvent>) -> Vec<hook::BusinessEvent> {
    from.into_iter().map(|e| hook::BusinessEvent { name: e.name, data: e.data }).collect()
}

/// Steps differ only in the type of `Done`.
macro_rules! step {
    ($name:ident, $from:path, $done:ty, $convert:expr) => {
        pub(super) fn $name(from: $from) -> Out<hook::Step<$done>> {
            use $from as From;
            match from {
                From::Done(done) => Ok(hook::Step::Done($convert(done)?)),
                From::Call(call) => Ok(hook::Step::Call(request(call)?)),
                From::Wait(pause) => Ok(hook::Step::Wait(wait(pause))),
                From::Other(text) => Err(reserved("step", text)),
            }
        }
    };
}
step!(deduct_step, deduct::DeductStep, hook::Deducted, deducted);
step!(ship_step, ship::ShipStep, hook::Shipped, shipped);
step!(receive_step, receive::ReceiveStep, hook::Received, received);
step!(revoke_step, aftersale::RevokeStep, hook::Revoked, revoked);

#[expect(clippy::unnecessary_wraps, reason = "all conversions of a step have one form")]
fn deducted(from: deduct::Deducted) -> Out<hook::Deducted> {
    Ok(hook::Deducted { attributes: from.attributes, events: events(from.events), extra: from.extra })
}

fn shipped(from: ship::Shipped) -> Out<hook::Shipped> {
    Ok(hook::Shipped {
        shipments: all(from.shipments, shipment)?,
        attributes: from.attributes,
        events: events(from.events),
        extra: from.extra,
    })
}

fn shipment(from: ship::Shipment) -> Out<hook::Shipment> {
    Ok(hook::Shipment {
        items: from.items.into_iter().map(|p| hook::Packed { line: p.line, quantity: p.quantity }).collect(),
        delivery: delivery(from.delivery)?,
        progress: match from.progress {
            ship::Progress::Prepared => hook::Progress::Prepared,
            ship::Progress::Shipped => hook::Progress::Shipped,
            ship::Progress::Delivered => hook::Progress::Delivered,
        },
        carrier: from.carrier,
        waybill: from.waybill,
        secrets: from.secrets.into_iter().map(|s| hook::DeliverySecret { name: s.name, value: s.value }).collect(),
        attributes: from.attributes,
    })
}

fn received(from: receive::Received) -> Out<hook::Received> {
    Ok(hook::Received {
        verdict: match from.verdict {
            receive::Verdict::Confirmed => hook::Verdict::Confirmed,
            receive::Verdict::NotYet => hook::Verdict::NotYet,
            receive::Verdict::Refused(reason) => hook::Verdict::Refused(reason),
            receive::Verdict::Other(text) => return Err(reserved("verdict", text)),
        },
        attributes: from.attributes,
        events: events(from.events),
        extra: from.extra,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "all conversions of a step have one form")]
fn revoked(from: aftersale::Revoked) -> Out<hook::Revoked> {
    Ok(hook::Revoked { attributes: from.attributes, extra: from.extra })
}

pub(super) fn refund_quote(from: aftersale::RefundQuote) -> hook::RefundQuote {
    hook::RefundQuote {
        items: from
            .items
            .into_iter()
            .map(|r| hook::Refundable { line: r.line, amount: r.amount, fee: r.fee })
            .collect(),
        reason: from.reason,
        extra: from.extra,
    }
}
