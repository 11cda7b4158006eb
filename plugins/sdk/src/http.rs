//! Requests and answers as data.

use core::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stop::{Hook, Stop};
use crate::types::{Auth, BasicSecret, HeaderSecret, HmacSecret, HttpRequest, HttpResponse, Repeat};

/// Builds a request. Without [`Request::by_key`] or [`Request::safe`] anything but a `GET` is sent at most once, and an
/// unknown outcome needs a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Request(HttpRequest);

impl Request {
    /// Any method at an absolute address whose origin is granted to the line.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self(HttpRequest {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            auth: Auth::None,
            repeat: if method == "GET" { Repeat::Safe } else { Repeat::Never },
            timeout_ms: 0,
        })
    }

    /// A read, which may be repeated at will.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of a JSON body.
    pub fn post_json(url: impl Into<String>, body: &impl Serialize) -> Self {
        Self::new("POST", url).json(body)
    }

    /// Sets a JSON body. A value that has no JSON form (a map whose keys are no strings) is sent as an empty body.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.0.body = serde_json::to_vec(body).unwrap_or_default();
        self.header("content-type", "application/json")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.headers.push((name.to_owned(), value.into()));
        self
    }

    /// `Authorization: Bearer …` with the value of a secret of the line.
    #[must_use]
    pub fn bearer(mut self, secret: &str) -> Self {
        self.0.auth = Auth::Bearer(secret.to_owned());
        self
    }

    /// A header with the value of a secret of the line.
    #[must_use]
    pub fn secret_header(mut self, header: &str, secret: &str) -> Self {
        self.0.auth = Auth::Header(HeaderSecret { header: header.to_owned(), secret: secret.to_owned() });
        self
    }

    /// `Authorization: Basic …` with a secret of the line as the password.
    #[must_use]
    pub fn basic(mut self, user: &str, secret: &str) -> Self {
        self.0.auth = Auth::Basic(BasicSecret { user: user.to_owned(), secret: secret.to_owned() });
        self
    }

    /// HMAC-SHA-256 in hex over `parts` (method, path, body, timestamp).
    #[must_use]
    pub fn hmac_sha256(mut self, secret: &str, header: &str, parts: &[&str]) -> Self {
        self.0.auth = Auth::HmacSha256(HmacSecret {
            secret: secret.to_owned(),
            header: header.to_owned(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
        });
        self
    }

    /// The supplier drops duplicates by the `Idempotency-Key` header that the host adds.
    #[must_use]
    pub fn by_key(mut self) -> Self {
        self.0.repeat = Repeat::ByKey;
        self
    }

    /// Sending it again changes nothing.
    #[must_use]
    pub fn safe(mut self) -> Self {
        self.0.repeat = Repeat::Safe;
        self
    }

    /// How long to wait for the answer: up to 30 s, in whole milliseconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        self
    }
}

impl From<Request> for HttpRequest {
    fn from(request: Request) -> Self {
        request.0
    }
}

/// What the supplier answered.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a>(pub(crate) &'a HttpResponse);

impl<'a> Response<'a> {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.0.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self.0.status, 200..=299)
    }

    /// A header by its lower-case name.
    #[must_use]
    pub fn header(self, name: &str) -> Option<&'a str> {
        self.0.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The raw body.
    #[must_use]
    pub fn body(self) -> &'a [u8] {
        &self.0.body
    }

    /// The JSON body.
    ///
    /// # Errors
    ///
    /// A body that is not what the line expects needs a person.
    pub fn json<T: DeserializeOwned>(self) -> Hook<T> {
        serde_json::from_slice(&self.0.body)
            .map_err(|error| Stop::attention(format!("supplier's answer ({}) is unreadable: {error}", self.0.status)))
    }

    /// The supplier's reason for a refusal: `reason` of a JSON body, else the given words.
    #[must_use]
    pub fn reason_or(self, otherwise: &str) -> String {
        #[derive(serde::Deserialize)]
        struct Refused {
            reason: String,
        }
        serde_json::from_slice::<Refused>(&self.0.body).map_or_else(|_| otherwise.to_owned(), |refused| refused.reason)
    }

    /// Any status that the line has no rule for needs a person.
    #[must_use]
    pub fn unexpected(self) -> Stop {
        Stop::attention(format!("supplier answered {}", self.0.status))
    }
}
