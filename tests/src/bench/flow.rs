//! One buyer's steps, as cheap as a client can make them: ready tokens, one connection, bodies by `format!`.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue};
use rand::RngExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{Call, Client, ClientError};
use crate::sandbox::Notice;
use crate::tokens::Mint;
use crate::world::Line;

use super::SKUS;

/// The SKU that everybody wants.
pub(super) const HOT: &str = "hot";
/// Different buyers, each with a token.
const BUYERS: usize = 2_000;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The n-th SKU.
pub(super) fn sku(n: usize) -> String {
    format!("sku-{n}")
}

/// Ready tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    buyers: Vec<HeaderValue>,
    service: HeaderValue,
}

impl Tokens {
    pub(super) fn new(mint: &Mint) -> Self {
        let bearer = |token: &str| HeaderValue::from_str(&format!("Bearer {token}")).expect("tokens are printable");
        let buyers = (0..BUYERS).map(|n| bearer(&mint.buyer(&format!("bench-buyer-{n}")))).collect();
        Self { buyers, service: bearer(&mint.business(Line::Goods.code())) }
    }
}

/// A place in the crowd: a connection with which one buyer after the other goes through a flow.
pub(super) struct Place {
    client: Client,
    tokens: Arc<Tokens>,
    number: usize,
    round: usize,
    /// Begins the keys of this run.
    run: i64,
}

#[derive(Deserialize)]
struct Made {
    order_no: String,
    shop_orders: Vec<MadeShop>,
}

#[derive(Deserialize)]
struct MadeShop {
    order_no: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Opened {
    payment_no: String,
    amount: i64,
}

#[derive(Deserialize)]
struct Received {
    status: String,
}

impl Place {
    pub(super) fn new(address: SocketAddr, tokens: &Arc<Tokens>, number: usize, run: i64) -> Self {
        Self { client: Client::new(address), tokens: Arc::clone(tokens), number, round: 0, run }
    }

    /// Create, pay, callback, forward, receive. Says whether it is received.
    pub(super) async fn flow(&mut self) -> Result<bool, ClientError> {
        let (first, second) = {
            let mut random = rand::rng();
            (random.random_range(1..=SKUS / 2), random.random_range(SKUS / 2 + 1..=SKUS))
        };
        let items = format!(r#"{{"sku_id":"sku-{first}","quantity":2}},{{"sku_id":"sku-{second}","quantity":1}}"#);
        let (buyer, made) = self.create(&items).await?;
        let pay = format!("/api/v1/orders/{}/pay", made.order_no);
        let opened: Opened = self.post(&buyer, pay, r#"{"payment_method":"sandbox"}"#.to_owned()).await?;
        self.client.send(Notice::paid(&opened.payment_no, opened.amount).call(0)).await?.success()?;
        let shop_order = &made.shop_orders[0].order_no;
        let service = self.tokens.service.clone();
        let moved: Made = self.post(&service, format!("/api/v1/orders/{shop_order}/forward"), "{}".to_owned()).await?;
        debug_assert_eq!(moved.shop_orders[0].status, "shipped", "forward answers when the order is shipped");
        let received: Received =
            self.post(&buyer, format!("/api/v1/orders/{shop_order}/receive"), "{}".to_owned()).await?;
        Ok(received.status == "received")
    }

    /// Create alone, of the hot SKU.
    pub(super) async fn hot(&mut self) -> Result<bool, ClientError> {
        self.create(&format!(r#"{{"sku_id":"{HOT}","quantity":1}}"#)).await.map(|_| true)
    }

    async fn create(&mut self, items: &str) -> Result<(HeaderValue, Made), ClientError> {
        self.round += 1;
        let (number, round) = (self.number, self.round);
        let buyer = self.tokens.buyers[(number + round * 67) % BUYERS].clone();
        let body = format!(
            r#"{{"mode":"wait","channel":"mobile","currency":"CNY","shops":[{{"shop_id":"shop-1","business":"goods","type":1,"address":{{"name":"Li Lei","mobile":"13800000000","country":"CN","province":"Zhejiang","city":"Hangzhou","detail":"1 Some Road, Some District"}},"items":[{items}]}}]}}"#
        );
        let key = format!("{}-{number}-{round}", self.run);
        let call = Call::new(Method::POST, "/api/v1/orders").bytes(JSON, body.into()).idempotency_key(&key);
        let answer = self.client.send(call.header(AUTHORIZATION, buyer.clone())).await?.success()?;
        Ok((buyer, answer.json()?))
    }

    async fn post<T: DeserializeOwned>(
        &mut self,
        token: &HeaderValue,
        path: String,
        body: String,
    ) -> Result<T, ClientError> {
        let call = Call::new(Method::POST, path).bytes(JSON, body.into()).header(AUTHORIZATION, token.clone());
        self.client.send(call).await?.success()?.json()
    }
}
