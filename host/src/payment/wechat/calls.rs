//! Requests to the provider. An answer whose signature does not fit is no answer.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::WeChat;
use super::sign::{authorization, check};
use crate::egress::{Exchange, Method};

/// A verified answer.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Vec<u8>,
}

/// The body of an answer that declines.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Declined {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    message: String,
}

impl std::fmt::Display for Declined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Answer {
    /// The body of a good answer; an answer that cannot be read is as good as none.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the answer is not what was expected: {error}"))
    }

    /// Why the provider declined.
    pub(super) fn declined(&self) -> Declined {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the provider says that there is no such thing.
    pub(super) fn is_absent(&self) -> bool {
        let known = ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"];
        self.status == 404 && known.contains(&self.declined().code.as_str())
    }
}

impl WeChat {
    /// Sends a request and verifies the answer. Errors are reasons for "not known".
    pub(super) async fn ask(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, String> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let make = || self.signed(method, path, &body);
        let reply = self.gateway.call(operation, make).await.map_err(|unanswered| unanswered.to_string())?;
        check(&self.account, &reply.headers, &reply.body, self.gateway.now()).map_err(|unverified| {
            tracing::warn!(operation, status = reply.status, %unverified, "an answer of WeChat Pay is not believed");
            format!("the answer (status {}) is not believed: {unverified}", reply.status)
        })?;
        Ok(Answer { status: reply.status, body: reply.body })
    }

    /// A signed request, new for every try.
    pub(super) fn signed(&self, method: Method, path: &str, body: &str) -> Exchange {
        let nonce = hex::encode(self.gateway.entropy().bytes::<16>());
        let authorization = authorization(&self.account, method.word(), path, body, self.gateway.now(), &nonce);
        let mut headers = vec![
            ("authorization".to_owned(), authorization),
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        if let Some(serial) = self.account.preferred_key() {
            headers.push(("wechatpay-serial".to_owned(), serial.to_owned()));
        }
        self.gateway.request(method, path, headers, body.as_bytes().to_vec())
    }
}
