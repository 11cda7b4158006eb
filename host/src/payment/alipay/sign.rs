//! Requests as Alipay's open platform takes them, and its answers once they are verified.
//!
//! A request is a form: every field sorted by name and joined as `k=v&…` on raw values is signed (RSA2: PKCS#1 v1.5 with
//! SHA-256). An answer is JSON with the member `…_response` and `sign`, which signs the member's text as it was sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::settings::Account;
use crate::domain::ids::Millis;
use crate::payment::beijing;
use crate::payment::form::{Fields, joined};

/// The only algorithm that is used or believed.
pub(super) const SIGN_TYPE: &str = "RSA2";

/// Whether the provider is to send notices about what the request opens, and where the buyer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Nobody,
    Us,
    UsAndTheBuyer,
}

/// A signed request of an API method.
pub(super) fn request(
    account: &Account,
    method: &str,
    content: &serde_json::Value,
    tells: Tells,
    now: Millis,
) -> Fields {
    let mut fields = Fields::new();
    let mut set = |name: &str, value: &str| fields.insert(name.to_owned(), value.to_owned());
    set("app_id", &account.app_id);
    set("method", method);
    set("format", "JSON");
    set("charset", "utf-8");
    set("sign_type", SIGN_TYPE);
    set("timestamp", &beijing::spaced(now));
    set("version", "1.0");
    set("biz_content", &content.to_string());
    if tells != Tells::Nobody {
        set("notify_url", &account.notify_url);
    }
    if let (Tells::UsAndTheBuyer, Some(url)) = (tells, &account.return_url) {
        set("return_url", url);
    }
    let signature = account.private_key.sign(joined(&fields).as_bytes());
    fields.insert("sign".to_owned(), signature);
    fields
}

/// What answers hold. A member that is not there reads as empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) code: String,
    pub(super) msg: String,
    pub(super) sub_code: String,
    pub(super) sub_msg: String,
    pub(super) out_trade_no: String,
    pub(super) trade_no: String,
    pub(super) trade_status: String,
    pub(super) total_amount: String,
    pub(super) trans_currency: String,
    pub(super) send_pay_date: String,
    pub(super) qr_code: String,
    pub(super) fund_change: String,
    pub(super) out_request_no: String,
    pub(super) refund_amount: String,
    pub(super) refund_status: String,
}

/// What kind an [`Answer`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request was carried out.
    Done,
    /// It was not, and that is certain.
    Refused,
    /// The provider does not know.
    Unsure,
}

impl Answer {
    pub(super) fn kind(&self) -> Kind {
        // Documented as "unknown": the call is to be repeated or queried.
        let unsure = self.sub_code.ends_with("SYSTEM_ERROR") || self.sub_code.ends_with("unknow-error");
        match self.code.as_str() {
            "10000" => Kind::Done,
            code if code.starts_with("400") && !unsure => Kind::Refused,
            _ => Kind::Unsure,
        }
    }

    /// For people.
    pub(super) fn said(&self) -> String {
        let code = if self.sub_code.is_empty() { &self.code } else { &self.sub_code };
        let message = if self.sub_msg.is_empty() { &self.msg } else { &self.sub_msg };
        format!("{code}: {message}").chars().take(200).collect()
    }
}

/// The answer of an API method, if the provider signed it; else why it is not believed.
pub(super) fn answer(account: &Account, method: &str, body: &[u8]) -> Result<Answer, String> {
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_slice(body).map_err(|error| format!("the answer cannot be read: {error}"))?;
    let name = format!("{}_response", method.replace('.', "_"));
    // Requests that do not even reach the method are answered under a name of their own.
    let member = members.get(&name).or_else(|| members.get("error_response"));
    let text = member.ok_or_else(|| format!("the answer has no {name}"))?.get();
    let signature = members.get("sign").and_then(|sign| serde_json::from_str::<String>(sign.get()).ok());
    let signature = signature.ok_or("the answer is not signed")?;
    if !account.believes(text.as_bytes(), &signature) {
        return Err("the answer's signature does not fit".to_owned());
    }
    serde_json::from_str(text).map_err(|error| format!("the answer cannot be read: {error}"))
}
