//! A client of the HTTP API: one connection, kept alive, cheap enough to generate load with.

mod call;
mod error;

pub use call::{Answer, Call};
pub use error::ClientError;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use error::Failure;

const DEFAULT_LIMIT: Duration = Duration::from_secs(30);
const READY: &str = "/health/ready";

/// One connection to a host, opened at the first call and again after it broke.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    limit: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client without a token.
    pub fn new(address: SocketAddr) -> Self {
        let host = HeaderValue::from_str(&address.to_string()).expect("an address is a header value");
        Self { address, host, authorization: None, limit: DEFAULT_LIMIT, connection: None }
    }

    /// With a bearer token on every call.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("tokens are printable");
        self.authorization = Some(value);
        self
    }

    /// With another limit for one call; the default is 30 s.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A second client with the same settings and a connection of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        let (host, authorization) = (self.host.clone(), self.authorization.clone());
        Self { address: self.address, host, authorization, limit: self.limit, connection: None }
    }

    /// GET, 2xx expected.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ClientError> {
        self.send(Call::new(Method::GET, path)).await?.success()?.json()
    }

    /// POST, 2xx expected.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.send(Call::new(Method::POST, path).json(body)).await?.success()?.json()
    }

    /// PUT, 2xx expected.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put<T: DeserializeOwned>(&mut self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.send(Call::new(Method::PUT, path).json(body)).await?.success()?.json()
    }

    /// Whether the host says that it is ready.
    pub async fn is_ready(&mut self) -> bool {
        self.send(Call::new(Method::GET, READY)).await.is_ok_and(|answer| answer.status == StatusCode::OK)
    }

    /// Any call, any status. After an error the next call connects anew.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] and [`ClientError::Unknown`].
    pub async fn send(&mut self, call: Call) -> Result<Answer, ClientError> {
        let asked = (call.method.clone(), call.path.clone());
        let outcome = match tokio::time::timeout(self.limit, self.exchange(call)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::Unknown(format!("no whole answer in {:?}", self.limit))),
        };
        outcome.map_err(|failure| failure.of(asked))
    }

    async fn exchange(&mut self, call: Call) -> Result<Answer, Failure> {
        let asked = (call.method.clone(), call.path.clone());
        let mut request = self.request(call)?;
        // Taken out meanwhile: a call that fails or is cancelled leaves no half used connection behind.
        let mut idle = self.connection.take();
        let (mut connection, response) = loop {
            let reused = idle.is_some();
            let mut connection = match idle.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match connection.try_send_request(request).await {
                Ok(response) => break (connection, response),
                Err(mut failed) => match failed.take_message() {
                    // The host closed it while it was idle.
                    Some(unsent) if reused => request = unsent,
                    Some(_) => return Err(Failure::NotSent(failed.error().to_string())),
                    None => return Err(Failure::Unknown(failed.error().to_string())),
                },
            }
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Failure::Unknown(error.to_string()))?.to_bytes();
        if connection.ready().await.is_ok() {
            self.connection = Some(connection);
        }
        Ok(Answer { asked, status: head.status, headers: head.headers, body })
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.path.parse().map_err(|error| Failure::NotSent(format!("bad path: {error}")))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        // Last: a call may bring its own authorization.
        headers.extend(call.headers);
        Ok(request)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::NotSent(error.to_string());
        let stream = TcpStream::connect(self.address).await.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // Ends with the sender; its errors reach the calls.
        tokio::spawn(connection);
        Ok(sender)
    }
}
