//! Alipay's notices: a posted form, signed without `sign` and `sign_type`.

use super::settings::Account;
use super::sign::SIGN_TYPE;
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::money::Minor;
use crate::payment::form::{self, Fields, needed};
use crate::payment::{Notice, Receipt, Says, Unverified, beijing, decimal};

/// Notices of payments and refunds.
const TRADES: &str = "trade_status_sync";
/// Notices of Alipay's service market begin so; they are signed with `sign_type`.
const MARKET: &str = "servicemarket";
const DECIMALS: u8 = 2;

/// Believes a notice or not.
pub(super) fn verified(account: &Account, body: &[u8], now: Millis) -> Result<Notice, Unverified> {
    let fields = form::read(body)?;
    if needed(&fields, "sign_type", 16)? != SIGN_TYPE {
        return Err(Unverified::UnknownKey("sign_type"));
    }
    let signature = needed(&fields, "sign", 2048)?;
    let kind = needed(&fields, "notify_type", 128)?;
    let with_type = kind.starts_with(MARKET);
    let signed = fields.iter().filter(|(name, _)| *name != "sign" && (with_type || *name != "sign_type"));
    if !account.believes(form::joined(signed).as_bytes(), signature) {
        return Err(Unverified::Signature);
    }
    if needed(&fields, "app_id", 32)? != account.app_id {
        return Err(Unverified::Foreign("app_id"));
    }
    let id = needed(&fields, "notify_id", 128)?.to_owned();
    let says = if kind == TRADES { trade(account, &fields, now)? } else { Says::Nothing };
    Ok(Notice { id: Some(id), says })
}

fn trade(account: &Account, fields: &Fields, now: Millis) -> Result<Says, Unverified> {
    if needed(fields, "seller_id", 32)? != account.seller_id {
        return Err(Unverified::Foreign("seller_id"));
    }
    let reference = needed(fields, "out_trade_no", 64)?;
    let payment_no: PaymentNo = reference.parse().map_err(|_| Unverified::Foreign("out_trade_no"))?;
    if is_of_refund(fields) {
        let refund_no: Option<RefundNo> = filled(fields, "out_biz_no").and_then(|number| number.parse().ok());
        // One that was made by hand at the provider has no number of ours: reconciliation finds it.
        return Ok(refund_no.map_or(Says::Nothing, |refund_no| Says::AskRefund(payment_no, refund_no)));
    }
    Ok(match needed(fields, "trade_status", 32)? {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => Says::Paid(Receipt {
            payment_no,
            trade_no: needed(fields, "trade_no", 64)?.to_owned(),
            amount: amount(needed(fields, "total_amount", 16)?).ok_or(Unverified::Field("total_amount"))?,
            currency: filled(fields, "trans_currency").unwrap_or("CNY").to_owned(),
            at: filled(fields, "gmt_payment").and_then(beijing::read_spaced).unwrap_or(now),
        }),
        // Closed without having been paid; closed after it was paid means that everything went back.
        "TRADE_CLOSED" if filled(fields, "gmt_payment").is_none() => {
            Says::Ended(payment_no, "closed unpaid at the provider".to_owned())
        }
        "WAIT_BUYER_PAY" => Says::Nothing,
        _ => Says::Ask(payment_no),
    })
}

/// Any of three fields makes it a notice of a refund: a partial refund comes with the status of a paid trade and must
/// never count as a payment.
fn is_of_refund(fields: &Fields) -> bool {
    let back = filled(fields, "refund_fee").is_some_and(|fee| amount(fee) != Some(0));
    back || filled(fields, "out_biz_no").is_some() || filled(fields, "gmt_refund").is_some()
}

fn filled<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Minor units of yuan.
pub(super) fn amount(text: &str) -> Option<Minor> {
    decimal::minor(text, DECIMALS).filter(|amount| *amount >= 0)
}

/// Yuan.
pub(super) fn yuan(amount: Minor) -> String {
    decimal::text(amount, DECIMALS)
}
