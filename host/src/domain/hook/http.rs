//! A call to the outside, as data.

use serde::{Deserialize, Serialize};

/// An HTTP request as a hook asks for it. The origin must be in the business line's grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// GET, POST, PUT, PATCH or DELETE.
    pub method: String,
    /// An absolute address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// May be empty. Base64 when serialised.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
    /// Which credentials the host adds.
    pub auth: Auth,
    /// What may happen when the outcome is unknown.
    pub repeat: Repeat,
    /// 1 to 30,000; 0 means the host's default of 5,000.
    pub timeout_ms: u32,
}

/// Credentials, by the name of a secret of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nothing is added.
    None,
    /// `Authorization: Bearer <secret>`
    Bearer(String),
    /// The secret in a header of its own.
    Header {
        /// The header's name.
        header: String,
        /// The secret's name.
        secret: String,
    },
    /// `Authorization: Basic …`
    Basic {
        /// The user, in clear.
        user: String,
        /// The name of the secret that is the password.
        secret: String,
    },
    /// HMAC-SHA-256 over the joined parts, hex.
    HmacSha256 {
        /// The secret's name.
        secret: String,
        /// The header that carries the signature.
        header: String,
        /// Joined by one LF.
        parts: Vec<HmacPart>,
    },
}

/// A part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacPart {
    /// The method in upper case.
    Method,
    /// Path and query.
    Path,
    /// The body's bytes.
    Body,
    /// Also sent as `X-Timestamp`.
    Timestamp,
}

/// What may happen when the host does not know whether a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Reading: send again at will.
    Safe,
    /// The supplier drops duplicates by the `Idempotency-Key` header, which the host adds.
    ByKey,
    /// Never send again: an unknown outcome needs a person.
    Never,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Base64 when serialised.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}

/// Bodies are bytes; JSON has none.
mod base64_bytes {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}
