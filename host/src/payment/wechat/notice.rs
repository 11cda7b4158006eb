//! Notices and the records in them, which queries answer too.

use aws_lc_rs::aead::{Aad, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::settings::Account;
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::money::Minor;
use crate::payment::{Notice, Receipt, Says, Unverified};

/// The largest notice, bytes. A real one has about two thousand.
const BODY_MAX: usize = 64 << 10;
/// The only algorithm of encrypted resources.
const ALGORITHM: &str = "AEAD_AES_256_GCM";

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Resource,
}

#[derive(Deserialize)]
struct Resource {
    algorithm: String,
    /// Base64, the tag at the end.
    ciphertext: String,
    #[serde(default)]
    associated_data: String,
    /// Text of 12 bytes.
    nonce: String,
}

/// A payment, as the provider has it.
#[derive(Deserialize)]
pub(super) struct Transaction {
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) out_trade_no: String,
    pub(super) trade_state: String,
    #[serde(default)]
    pub(super) trade_state_desc: String,
    #[serde(default, rename = "transaction_id")]
    trade_no: Option<String>,
    #[serde(default)]
    success_time: Option<String>,
    #[serde(default)]
    amount: Option<Amount>,
}

#[derive(Deserialize)]
struct Amount {
    /// What the order asked for, minor units; what the buyer paid of it with the provider's coupons is their matter.
    total: Minor,
    currency: String,
}

/// A refund, as a notice has it.
#[derive(Deserialize)]
struct RefundRecord {
    mchid: String,
    out_trade_no: String,
    out_refund_no: String,
    refund_status: String,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    total: Minor,
    refund: Minor,
}

impl Transaction {
    /// Whose it is: refuses another merchant or application, and a reference that no payment of ours has.
    pub(super) fn payment_no(&self, account: &Account) -> Result<PaymentNo, Unverified> {
        ours(&self.mchid, &account.mchid, "mchid")?;
        ours(&self.appid, &account.appid, "appid")?;
        reference(&self.out_trade_no, "out_trade_no")
    }

    /// The money, of a transaction that succeeded.
    pub(super) fn receipt(&self, payment_no: PaymentNo) -> Result<Receipt, Unverified> {
        let trade_no = self.trade_no.clone().filter(|no| (1..=64).contains(&no.len()) && !no.contains('\0'));
        let trade_no = trade_no.ok_or(Unverified::Field("transaction_id"))?;
        let at = self.success_time.as_deref().and_then(millis).ok_or(Unverified::Field("success_time"))?;
        let amount = self.amount.as_ref().ok_or(Unverified::Field("amount"))?;
        let code = amount.currency.len() == 3 && amount.currency.bytes().all(|byte| byte.is_ascii_uppercase());
        if !code {
            return Err(Unverified::Field("amount.currency"));
        }
        if amount.total <= 0 {
            return Err(Unverified::Field("amount.total"));
        }
        Ok(Receipt { payment_no, trade_no, amount: amount.total, currency: amount.currency.clone(), at })
    }
}

/// What a notice says whose signature fits.
pub(super) fn read(account: &Account, body: &[u8]) -> Result<Notice, Unverified> {
    if body.len() > BODY_MAX {
        return Err(Unverified::Body(format!("larger than {BODY_MAX} bytes")));
    }
    let envelope: Envelope = json(body)?;
    if envelope.id.is_empty() || envelope.id.len() > 64 {
        return Err(Unverified::Field("id"));
    }
    let clear = open(account, &envelope.resource)?;
    let says = match envelope.event_type.as_str() {
        "TRANSACTION.SUCCESS" => transaction(account, &clear)?,
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => refund(account, &clear)?,
        _ => Says::Nothing,
    };
    Ok(Notice { id: Some(envelope.id), says })
}

fn transaction(account: &Account, clear: &[u8]) -> Result<Says, Unverified> {
    let transaction: Transaction = json(clear)?;
    let payment_no = transaction.payment_no(account)?;
    match transaction.trade_state.as_str() {
        "SUCCESS" => Ok(Says::Paid(transaction.receipt(payment_no)?)),
        // Signed, ours, and against its own headline: only the provider's books can tell.
        _ => Ok(Says::Ask(payment_no)),
    }
}

fn refund(account: &Account, clear: &[u8]) -> Result<Says, Unverified> {
    let record: RefundRecord = json(clear)?;
    ours(&record.mchid, &account.mchid, "mchid")?;
    let payment_no = reference(&record.out_trade_no, "out_trade_no")?;
    let refund_no: RefundNo = reference(&record.out_refund_no, "out_refund_no")?;
    if !["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"].contains(&record.refund_status.as_str()) {
        return Err(Unverified::Field("refund_status"));
    }
    if record.amount.total <= 0 {
        return Err(Unverified::Field("amount.total"));
    }
    if !(1..=record.amount.total).contains(&record.amount.refund) {
        return Err(Unverified::Field("amount.refund"));
    }
    Ok(Says::AskRefund(payment_no, refund_no))
}

fn open(account: &Account, resource: &Resource) -> Result<Vec<u8>, Unverified> {
    if resource.algorithm != ALGORITHM {
        return Err(Unverified::UnknownKey("algorithm"));
    }
    let nonce = Nonce::try_assume_unique_for_key(resource.nonce.as_bytes()).map_err(|_| Unverified::Field("nonce"))?;
    let mut sealed = STANDARD.decode(&resource.ciphertext).map_err(|_| Unverified::Field("ciphertext"))?;
    let aad = Aad::from(resource.associated_data.as_bytes());
    let clear = account.resource_key.open_in_place(nonce, aad, &mut sealed);
    // Either the bytes are not the provider's, or it encrypts under another APIv3 key than the account's.
    let length = clear.map_err(|_| Unverified::UnknownKey("APIv3 key"))?.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unverified> {
    serde_json::from_slice(bytes).map_err(|error| Unverified::Body(error.to_string()))
}

fn ours(named: &str, own: &str, field: &'static str) -> Result<(), Unverified> {
    if named == own { Ok(()) } else { Err(Unverified::Foreign(field)) }
}

fn reference<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<T, Unverified> {
    text.parse().map_err(|_| Unverified::Foreign(field))
}

fn millis(text: &str) -> Option<Millis> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}
