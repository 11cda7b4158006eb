//! Webhooks. The signature covers a CRC32 of the body, and another body with the same CRC32 is easily made: whatever a
//! webhook says, it is only a hint to ask.

use serde::Deserialize;

use super::PayPal;
use super::orders::millis;
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::payment::{Callback, Notice, Says, Unverified};

/// Base64.
pub(super) const SIGNATURE: &str = "paypal-transmission-sig";
/// The id of this notice; a repeat of it has the same.
pub(super) const ID: &str = "paypal-transmission-id";
/// RFC 3339.
pub(super) const TIME: &str = "paypal-transmission-time";
/// Where the certificate is.
pub(super) const ADDRESS: &str = "paypal-cert-url";
/// Which algorithm.
pub(super) const ALGORITHM: &str = "paypal-auth-algo";
/// The only algorithm there is.
pub(super) const SHA256_RSA: &str = "SHA256withRSA";
/// Older is refused: the provider repeats for three days.
pub(super) const OLDEST_MS: Millis = 4 * 86_400_000;
/// Farther ahead of our time is refused.
pub(super) const AHEAD_MS: Millis = 300_000;
/// The largest webhook, bytes.
const BODY_MAX: usize = 64 << 10;
/// The longest value of a header.
const HEADER_MAX: usize = 1_400;

#[derive(Deserialize)]
struct Event {
    event_type: String,
    resource: Resource,
}

/// The parts of an order, a capture or a refund that carry our numbers.
#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    custom_id: Option<String>,
    #[serde(default)]
    invoice_id: Option<String>,
    #[serde(default)]
    purchase_units: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    custom_id: Option<String>,
    #[serde(default)]
    invoice_id: Option<String>,
}

/// What is signed.
pub(super) fn signed_text(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

impl PayPal {
    /// Believes a webhook or not.
    pub(super) async fn believe(&self, callback: Callback<'_>) -> Result<Notice, Unverified> {
        let header = |name| {
            let value: Result<&str, _> = callback.header(name);
            value.and_then(|value| if value.len() <= HEADER_MAX { Ok(value) } else { Err(Unverified::Header(name)) })
        };
        let (id, time, signature) = (header(ID)?, header(TIME)?, header(SIGNATURE)?);
        let (address, algorithm) = (header(ADDRESS)?, header(ALGORITHM)?);
        if algorithm != SHA256_RSA {
            return Err(Unverified::UnknownKey("algorithm"));
        }
        // A bar would move the borders of what is signed.
        if id.contains('|') || id.len() > 128 {
            return Err(Unverified::Header(ID));
        }
        let sent_at = millis(time).ok_or(Unverified::Header(TIME))?;
        if callback.now.saturating_sub(sent_at) > OLDEST_MS {
            return Err(Unverified::Time(OLDEST_MS / 1000));
        }
        if sent_at.saturating_sub(callback.now) > AHEAD_MS {
            return Err(Unverified::Time(AHEAD_MS / 1000));
        }
        if callback.body.len() > BODY_MAX {
            return Err(Unverified::Body(format!("larger than {BODY_MAX} bytes")));
        }
        let key = self.certificates.key(&self.account, &self.certificate_gateway, address, callback.now).await?;
        let text = signed_text(id, time, &self.account.webhook_id, callback.body);
        if !key.fits(text.as_bytes(), signature) {
            return Err(Unverified::Signature);
        }
        let event: Event =
            serde_json::from_slice(callback.body).map_err(|error| Unverified::Body(error.to_string()))?;
        Ok(Notice { id: Some(id.to_owned()), says: event.says() })
    }
}

impl Event {
    fn says(&self) -> Says {
        let kind = self.event_type.as_str();
        let about_refund = kind.starts_with("PAYMENT.REFUND.")
            || matches!(kind, "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED");
        let about_payment = kind.starts_with("CHECKOUT.ORDER.") || kind.starts_with("PAYMENT.CAPTURE.");
        match (self.number::<PaymentNo>(), self.number::<RefundNo>()) {
            (Some(payment), Some(refund)) if about_refund => Says::AskRefund(payment, refund),
            (Some(payment), _) if about_payment || about_refund => Says::Ask(payment),
            _ => Says::Nothing,
        }
    }

    /// The first of the resource's references that is a number of this kind.
    fn number<T: std::str::FromStr>(&self) -> Option<T> {
        let Resource { custom_id, invoice_id, purchase_units } = &self.resource;
        let units = purchase_units.iter().flat_map(|unit| [&unit.custom_id, &unit.invoice_id]);
        [custom_id, invoice_id].into_iter().chain(units).flatten().find_map(|text| text.parse().ok())
    }
}
