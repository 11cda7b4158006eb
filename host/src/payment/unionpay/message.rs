//! UnionPay's messages, protocol 5.1.0: fields signed and verified the same way in requests, answers and notices.
//!
//! Signed is the SHA-256 (lower-case hex) of all fields but `signature`, sorted by name and joined as `k=v&…`; RSA
//! PKCS#1 v1.5 with SHA-256 over that text.

use aws_lc_rs::digest::{SHA256, digest};

use super::settings::Account;
use crate::domain::ids::Millis;
use crate::domain::money::{MAX_AMOUNT, Minor};
use crate::payment::Unverified;
use crate::payment::form::{Fields, joined, needed};

pub(super) const VERSION: &str = "5.1.0";
/// RSA certificates.
pub(super) const SIGN_METHOD: &str = "01";
/// A payment that the buyer makes.
pub(super) const PAYMENT: &str = "01";
/// Money that goes back.
pub(super) const REFUND: &str = "04";
/// The online gateway.
pub(super) const BUSINESS: &str = "000201";
/// Yuan, ISO 4217 numeric.
pub(super) const YUAN: &str = "156";

/// A signed request: the fields given and those that every request has.
pub(super) fn signed(account: &Account, own: &[(&str, &str)]) -> Fields {
    let common = [
        ("version", VERSION),
        ("encoding", "UTF-8"),
        ("signMethod", SIGN_METHOD),
        ("bizType", BUSINESS),
        ("accessType", "0"),
        ("merId", &account.merchant_id),
        ("certId", &account.certificate_number),
    ];
    let fields = common.iter().chain(own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut fields = fields.collect::<Fields>();
    let signature = account.private_key.sign(digested(&fields).as_bytes());
    fields.insert("signature".to_owned(), signature);
    fields
}

/// Verifies a message of the provider to us.
pub(super) fn verify(account: &Account, fields: &Fields, now: Millis) -> Result<(), Unverified> {
    if needed(fields, "version", 8)? != VERSION {
        return Err(Unverified::UnknownKey("version"));
    }
    if needed(fields, "signMethod", 2)? != SIGN_METHOD {
        return Err(Unverified::UnknownKey("signMethod"));
    }
    let signature = needed(fields, "signature", 2048)?;
    let key = account.trust.key(needed(fields, "signPubKeyCert", 16 << 10)?, now)?;
    if !key.fits(digested(fields).as_bytes(), signature) {
        return Err(Unverified::Signature);
    }
    if needed(fields, "merId", 15)? != account.merchant_id {
        return Err(Unverified::Foreign("merId"));
    }
    Ok(())
}

/// The text that is signed: hex of the hash of everything but the signature.
fn digested(fields: &Fields) -> String {
    let text = joined(fields.iter().filter(|(name, _)| *name != "signature"));
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// Reads a synchronous answer: `k=v&…` on raw values, nothing escaped; a value in braces or brackets may hold `&`.
pub(super) fn read_answer(body: &[u8]) -> Result<Fields, Unverified> {
    let bad = |problem: &str| Unverified::Body(problem.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| bad("it is no UTF-8"))?.trim();
    let mut fields = Fields::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| bad("a field has no ="))?;
        let mut closing = None;
        let end = after.char_indices().find(|(_, letter)| {
            match (closing, letter) {
                (Some(wanted), letter) if *letter == wanted => closing = None,
                (None, '{') => closing = Some('}'),
                (None, '[') => closing = Some(']'),
                (None, '&') => return true,
                _ => {}
            }
            false
        });
        let end = end.map_or(after.len(), |(at, _)| at);
        let is_name = !name.is_empty() && !name.contains('&');
        if !is_name || fields.insert(name.to_owned(), after[..end].to_owned()).is_some() {
            return Err(bad("a field has no name, no = or comes twice"));
        }
        rest = after.get(end + 1..).unwrap_or_default();
    }
    Ok(fields)
}

/// Minor units, as `txnAmt` has them.
pub(super) fn amount(fields: &Fields) -> Result<Minor, Unverified> {
    let text = needed(fields, "txnAmt", 12)?;
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let amount = digits.and_then(|digits| digits.parse().ok()).filter(|amount| *amount <= MAX_AMOUNT);
    amount.ok_or(Unverified::Field("txnAmt"))
}

/// ISO 4217 letters of `currencyCode`, or the digits where they are not the yuan's.
pub(super) fn currency(fields: &Fields) -> Result<String, Unverified> {
    let code = needed(fields, "currencyCode", 3)?;
    Ok(if code == YUAN { "CNY" } else { code }.to_owned())
}
