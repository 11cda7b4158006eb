//! HTTP out for the platform itself: payment providers and other partners that operators set up.
//!
//! The same address rules as for plugins: public addresses, or what the settings name. No grant and no secrets here:
//! the caller signs its own requests.

use std::time::Duration;

use reqwest::Url;

use super::address::AddressRefused;
use super::client::{Egress, method, refused_address, sort};
use super::grant::Origin;
use super::{FailureReason, Method};

/// A request as data. Sent as it is: `headers` come with the client's own `host`, `user-agent` and `content-length` only.
#[derive(Clone)]
pub struct Exchange {
    /// The verb.
    pub method: Method,
    /// Absolute, http or https.
    pub url: String,
    /// In the order given.
    pub headers: Vec<(String, String)>,
    /// Raw bytes.
    pub body: Vec<u8>,
    /// For connection and answer together.
    pub timeout: Duration,
    /// The largest answer, bytes.
    pub answer_max: usize,
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 100 to 599; redirects are answers, nobody follows them.
    pub status: u16,
    /// Names in lower case, repeated ones repeated; values that are not visible ASCII are left out.
    pub headers: Vec<(String, String)>,
    /// Raw bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header that came exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(own, _)| own == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// A service's address without a slash at the end, if it is http or https, without user, query and fragment.
pub fn base_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let usable = plain && url.fragment().is_none() && matches!(url.scheme(), "http" | "https") && url.has_host();
    usable.then(|| text.trim_end_matches('/').to_owned())
}

/// No reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The address cannot be used.
    #[error("{0} is not an http or https address")]
    Url(String),
    /// A header cannot be sent.
    #[error("header {0} cannot be sent")]
    Header(String),
    /// The name leads to an address that is not public and that no setting names.
    #[error("{0}; name it in ORDER_EGRESS_ALLOW_PRIVATE if that is meant")]
    Address(AddressRefused),
    /// Sent or tried, without a whole answer.
    #[error("{0}")]
    Failed(FailureReason),
    /// Limit `answer_max` of the request.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

impl NoReply {
    /// Whether another try may go better.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl Egress {
    /// One try. Nothing is repeated and nothing is followed.
    pub async fn exchange(&self, request: &Exchange) -> Result<Reply, NoReply> {
        let url = Url::parse(&request.url).map_err(|_| NoReply::Url(request.url.clone()))?;
        let origin = Origin::of(&url).ok_or_else(|| NoReply::Url(request.url.clone()))?;
        let client = self.client_for(&origin).map_err(NoReply::Address)?;
        let timeout_ms = u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX);
        let mut builder = client.request(method(request.method), url).timeout(request.timeout);
        for (name, value) in &request.headers {
            let header = reqwest::header::HeaderName::from_bytes(name.as_bytes());
            let value = reqwest::header::HeaderValue::from_str(value);
            let (Ok(header), Ok(value)) = (header, value) else { return Err(NoReply::Header(name.clone())) };
            builder = builder.header(header, value);
        }
        let broken = |error: &reqwest::Error| NoReply::Failed(sort(error, timeout_ms));
        let mut response = builder
            .body(request.body.clone())
            .send()
            .await
            .map_err(|error| refused_address(&error).map_or_else(|| broken(&error), NoReply::Address))?;
        let status = response.status().as_u16();
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers = response.headers().iter().filter_map(text).collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > request.answer_max {
                return Err(NoReply::TooLarge(request.answer_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}
