//! A call as a plugin asks for it, and why it may be refused before anything is sent.

use super::address::AddressRefused;

/// Limits of a request.
pub(super) const URL_MAX: usize = 4_096;
pub(super) const BODY_MAX: usize = 64 * 1_024;
pub(super) const HEADERS_MAX: usize = 32;
pub(super) const HEADER_VALUE_MAX: usize = 4_096;
/// Milliseconds when the request says 0, and at most.
pub(super) const TIMEOUT_DEFAULT_MS: u32 = 5_000;
pub(super) const TIMEOUT_MAX_MS: u32 = 30_000;

/// One HTTP request as data. It never holds a secret's value, so it can go into the journal as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// An absolute address whose origin is in the grant.
    pub url: String,
    /// Names and values; the host's own headers are refused here.
    pub headers: Vec<(String, String)>,
    /// At most 64 KiB.
    pub body: Vec<u8>,
    /// Which secret, and where it goes.
    pub auth: Auth,
    /// What may happen when it is not known whether the request arrived.
    pub repeat: Repeat,
    /// For one try, milliseconds: 1 to 30,000; 0 is 5,000.
    pub timeout_ms: u32,
    /// Sent as `Idempotency-Key`, the same at every try and at every later repetition of this call.
    pub idempotency_key: String,
}

/// The methods a plugin may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// From its word in capitals.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete].into_iter().find(|method| method.word() == word)
    }
}

/// Credentials by the name of a secret of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// None.
    None,
    /// `Authorization: Bearer <secret>`
    Bearer {
        /// The secret's name.
        secret: String,
    },
    /// `<header>: <secret>`
    Header {
        /// The header's name.
        header: String,
        /// The secret's name.
        secret: String,
    },
    /// `Authorization: Basic …`
    Basic {
        /// The user, no colon.
        user: String,
        /// The name of the secret that is the password.
        secret: String,
    },
    /// `<header>: <hex of HMAC-SHA-256 over the parts, joined by one LF>`
    HmacSha256 {
        /// The secret's name.
        secret: String,
        /// Where the signature goes.
        header: String,
        /// What is signed, in this order; at least one.
        parts: Vec<Part>,
    },
}

impl Auth {
    /// The name of the secret it needs.
    pub fn secret_name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer { secret }
            | Self::Header { secret, .. }
            | Self::Basic { secret, .. }
            | Self::HmacSha256 { secret, .. } => Some(secret),
        }
    }
}

/// A signed part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// In capitals.
    Method,
    /// Path and query as sent.
    Path,
    /// The body's bytes.
    Body,
    /// Epoch milliseconds of the try, also sent as `X-Timestamp`.
    Timestamp,
}

impl Part {
    /// From its word in the contract.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "method" => Some(Self::Method),
            "path" => Some(Self::Path),
            "body" => Some(Self::Body),
            "timestamp" => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// What the host may do when it does not know whether a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Reading: send again.
    Safe,
    /// Send again: the other side drops duplicates by the key.
    ByKey,
    /// Never send again once it may have arrived.
    Never,
}

/// Why a call is not sent. It is final: the plugin or its grant must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No absolute http(s) address, too long, or with a user in it.
    #[error("the address is not usable: {0}")]
    Url(&'static str),
    /// The grant does not list the origin.
    #[error("the line's grant does not list the origin {0}")]
    NotGranted(String),
    /// The name leads, or the address is, where plugins may not go.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// A header that is malformed, too long, the host's own or the credential's.
    #[error("the header `{name}` {problem}")]
    Header {
        /// As asked for.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A limit of the request.
    #[error("the request has {used} {what}, at most {limit} are allowed")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// How many it has.
        used: usize,
        /// The limit.
        limit: usize,
    },
    /// The line has no such secret, or it cannot be used as asked.
    #[error("the secret `{name}` {problem}")]
    Secret {
        /// The secret's name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A secret's value is in the address, a header or the body.
    #[error("the request holds a secret's value outside its credentials")]
    HoldsSecret,
    /// A NUL in a text of the request.
    #[error("the request contains a NUL")]
    ContainsNul,
    /// An HMAC without parts, a user with a colon, or an unusable idempotency key.
    #[error("the request cannot be signed or keyed: {0}")]
    Unusable(&'static str),
}
