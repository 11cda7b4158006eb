//! A running provider: a server on a free loopback port with a protocol, a book and manners.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::book::{Book, Refused, Trade};
use super::manners::{Manner, Manners, Operation};
use super::message::Message;
use super::protocol::{Event, Protocol};

/// The platform's name of the merchant account.
pub const ACCOUNT: &str = "main";

/// The state that a stand-in shares with its server.
#[derive(Debug)]
pub struct Desk<P> {
    /// Its protocol and keys.
    pub protocol: P,
    /// What it did.
    pub book: Book,
    /// How it behaves.
    pub manners: Manners,
    /// Its own address, without a slash at the end.
    pub url: String,
}

/// A running stand-in; dropped, it hangs up.
#[derive(Debug)]
pub struct StandIn<P> {
    desk: Arc<Desk<P>>,
    server: JoinHandle<()>,
}

impl<P> Desk<P> {
    /// Begins to serve a request: pauses or fails as told, and says how to go on.
    ///
    /// # Errors
    /// The answer, where nothing else is to be done.
    pub async fn begin(&self, operation: Operation) -> Result<Manner, Box<Response>> {
        let manner = self.manners.of(operation);
        match &manner {
            Manner::Fail(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Err(Box::new((status, "told to fail").into_response()));
            }
            Manner::Slow(pause) => tokio::time::sleep(*pause).await,
            Manner::Good | Manner::Refuse | Manner::Pend | Manner::LoseAnswer | Manner::Unknown { .. } => {}
        }
        Ok(manner)
    }

    /// Ends it: the answer, or a connection broken off.
    pub fn end(&self, manner: &Manner, answer: Response) -> Response {
        if *manner == Manner::LoseAnswer { broken_off() } else { answer }
    }
}

impl<P: Protocol> Desk<P> {
    /// Where callbacks go on the platform.
    pub fn callback_path(&self) -> String {
        format!("/callbacks/payments/{}/{ACCOUNT}", self.protocol.name())
    }
}

impl<P: Protocol> StandIn<P> {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(protocol: P) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let desk = Arc::new(Desk { protocol, book: Book::default(), manners: Manners::default(), url });
        let router = P::router(Arc::clone(&desk));
        let server = tokio::spawn(async move {
            // Ends with the task; there is nobody to tell about its errors.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { desk, server })
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.desk.url
    }

    /// Its protocol and keys.
    pub fn protocol(&self) -> &P {
        &self.desk.protocol
    }

    /// What it did.
    pub fn book(&self) -> &Book {
        &self.desk.book
    }

    /// How it behaves.
    pub fn manners(&self) -> &Manners {
        &self.desk.manners
    }

    /// Where the merchant account of it is set up, and with what.
    pub fn account(&self, businesses: &[&str]) -> (String, Value) {
        let path = format!("/admin/v1/merchant-accounts/{}/{ACCOUNT}", self.desk.protocol.name());
        (path, self.desk.protocol.account(self.url(), businesses))
    }

    /// The buyer follows the offer of an opened payment.
    ///
    /// # Errors
    /// What is wrong with the offer.
    pub fn visit(&self, offer: &Value) -> Result<(), String> {
        P::visit(&self.desk, offer)
    }

    /// The buyer pays. The callback that tells it is not sent yet.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn pay(&self, payment_no: &str) -> Result<Message, Refused> {
        let event = P::buyer_pays(&self.desk, payment_no)?;
        Ok(P::message(&self.desk, &self.known(payment_no)?, &event, now()))
    }

    /// An honest callback of now.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn message(&self, payment_no: &str, event: &Event) -> Result<Message, Refused> {
        Ok(P::message(&self.desk, &self.known(payment_no)?, event, now()))
    }

    /// A callback of now by somebody without the provider's key.
    ///
    /// # Errors
    /// [`Refused::Unknown`].
    pub fn forged(&self, payment_no: &str, event: &Event) -> Result<Message, Refused> {
        Ok(P::forged(&self.desk, &self.known(payment_no)?, event, now()))
    }

    fn known(&self, payment_no: &str) -> Result<Trade, Refused> {
        self.desk.book.trade(payment_no).ok_or(Refused::Unknown)
    }
}

impl<P> Drop for StandIn<P> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

/// A head that promises a body, and then no body: the connection breaks.
fn broken_off() -> Response {
    let nothing = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("told to lose the answer")) });
    Response::new(Body::from_stream(nothing))
}
