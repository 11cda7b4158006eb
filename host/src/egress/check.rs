//! What a request may hold, tested before anything is sent.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::auth::{LineSecrets, TIMESTAMP_HEADER, header_name};
use super::request::{BODY_MAX, Call, HEADER_VALUE_MAX, HEADERS_MAX, Refusal};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// The plugin's headers and the idempotency key.
pub(super) fn checked_headers(call: &Call) -> Result<HeaderMap, Refusal> {
    if call.headers.len() > HEADERS_MAX {
        return Err(Refusal::TooLarge { what: "headers", used: call.headers.len(), limit: HEADERS_MAX });
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let refused = |problem| Refusal::Header { name: name.clone(), problem };
        if value.len() > HEADER_VALUE_MAX {
            return Err(refused("is longer than 4,096 bytes"));
        }
        let parsed = header_name(name)?;
        if parsed == TIMESTAMP_HEADER {
            return Err(refused("is set by the host alone"));
        }
        headers.append(parsed, HeaderValue::from_str(value).map_err(|_| refused("has a value that cannot be sent"))?);
    }
    let key = &call.idempotency_key;
    let usable = (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = HeaderValue::from_str(key).ok().filter(|_| usable);
    headers.insert(
        IDEMPOTENCY_KEY,
        key.ok_or(Refusal::Unusable("the idempotency key is not 1 to 255 visible characters"))?,
    );
    Ok(headers)
}

/// Size, NUL, and secrets outside the credentials.
pub(super) fn content(call: &Call, secrets: &LineSecrets) -> Result<(), Refusal> {
    if call.body.len() > BODY_MAX {
        return Err(Refusal::TooLarge { what: "body bytes", used: call.body.len(), limit: BODY_MAX });
    }
    if call.body.contains(&0) || call.url.contains('\0') {
        return Err(Refusal::ContainsNul);
    }
    let in_headers = call.headers.iter().any(|(_, value)| secrets.are_in(value.as_bytes()));
    if in_headers || secrets.are_in(call.url.as_bytes()) || secrets.are_in(&call.body) {
        return Err(Refusal::HoldsSecret);
    }
    Ok(())
}
