//! A callback as a provider would send it, not yet sent: once, twice, late, in another order, corrupted, or never.

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use crate::client::{Answer, Call, Client, ClientError};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it goes on the platform.
    pub path: String,
    /// With `content-type`.
    pub headers: Vec<(String, String)>,
    /// Raw bytes.
    pub body: Vec<u8>,
}

impl Message {
    /// Sends it; any status.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&self, client: &mut Client) -> Result<Answer, ClientError> {
        client.send(self.call()).await
    }

    /// The same with one bit of the middle of its body flipped.
    #[must_use]
    pub fn corrupted(&self) -> Self {
        self.corrupted_at(self.body.len() / 2)
    }

    /// The same with the lowest bit of one byte of its body flipped.
    #[must_use]
    pub fn corrupted_at(&self, index: usize) -> Self {
        let mut corrupted = self.clone();
        corrupted.body[index] ^= 1;
        corrupted
    }

    /// The call that sends it.
    pub fn call(&self) -> Call {
        let mut call =
            Call::new(Method::POST, &self.path).bytes(HeaderValue::from_static(""), self.body.clone().into());
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a stand-in's header has a name");
            call = call.header(name, HeaderValue::from_str(value).expect("a stand-in's header has a value"));
        }
        debug_assert!(self.headers.iter().any(|(name, _)| CONTENT_TYPE == name.as_str()), "a callback has a type");
        call
    }
}
