//! The admin API, as far as a world needs it. Every path and body of it is here.

use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::catalogue::SkuFacts;
use super::line::LineSetup;
use super::{WorldError, run_name};
use crate::client::{Answer, Call, Client, ClientError};

/// Rows of one call.
const PAGE: usize = 400;

/// Every top-up of a run is one of its own.
static GIFTS: AtomicUsize = AtomicUsize::new(1);

/// An admin with a connection.
#[derive(Debug)]
pub struct Admin {
    client: Client,
}

impl Admin {
    /// With a client that carries an admin's token.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Any other call.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&mut self, call: Call) -> Result<Answer, ClientError> {
        self.client.send(call).await
    }

    /// Registers a line with everything that its orders need, or sets up anew one that is there from an earlier run.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn register(mut self, setup: &LineSetup, component: Vec<u8>) -> Result<(), WorldError> {
        self.business(setup).await?;
        for (name, value) in &setup.secrets {
            self.secret(&setup.code, name, value).await?;
        }
        let version = self.upload(&setup.code, component).await?.success()?.json::<Value>()?;
        let digest = version["digest"].as_str().unwrap_or_default();
        self.activate(&setup.code, digest).await?;
        self.skus(&setup.code, &setup.skus).await?;
        Ok(())
    }

    /// The line itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn business(&mut self, setup: &LineSetup) -> Result<(), ClientError> {
        let mut body = json!({
            "name": setup.code, "order_types": [setup.kind], "rules": setup.rules,
            "settings": setup.settings, "grant": {"origins": setup.origins}, "enabled": true,
        });
        let known = format!("/admin/v1/businesses/{}", setup.code);
        if self.client.send(Call::new(Method::GET, &known)).await?.status.is_success() {
            return self.call(Method::PUT, &known, &body).await;
        }
        body["code"] = json!(setup.code);
        self.call(Method::POST, "/admin/v1/businesses", &body).await
    }

    /// Adds SKUs or replaces them, and adds their stock.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn skus(&mut self, line: &str, skus: &[SkuFacts]) -> Result<(), ClientError> {
        for page in skus.chunks(PAGE) {
            let rows: Vec<Value> = page.iter().map(|sku| json!({"sku_id": sku.sku, "facts": sku.facts})).collect();
            self.call(Method::PUT, &format!("/admin/v1/businesses/{line}/skus"), &json!({"skus": rows})).await?;
        }
        let stock: Vec<&(String, i64)> = skus.iter().flat_map(|sku| &sku.stock).collect();
        for page in stock.chunks(PAGE) {
            let row = |(key, quantity): &&(String, i64)| json!({"key": key, "quantity": quantity});
            let rows: Vec<Value> = page.iter().map(row).collect();
            self.call(Method::POST, &format!("/admin/v1/businesses/{line}/stock"), &json!({"stock": rows})).await?;
        }
        Ok(())
    }

    /// A secret, write-only.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn secret(&mut self, line: &str, name: &str, value: &str) -> Result<(), ClientError> {
        let path = format!("/admin/v1/businesses/{line}/secrets/{name}");
        self.call(Method::PUT, &path, &json!({"value": value})).await
    }

    /// Uploads one component.
    ///
    /// # Errors
    /// [`ClientError::NotSent`] and [`ClientError::Unknown`]; refusals are answers.
    pub async fn upload(&mut self, line: &str, component: Vec<u8>) -> Result<Answer, ClientError> {
        let call = Call::new(Method::PUT, format!("/admin/v1/businesses/{line}/plugins"));
        self.client.send(call.bytes(HeaderValue::from_static("application/wasm"), component.into())).await
    }

    /// Makes an uploaded version the active one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn activate(&mut self, line: &str, digest: &str) -> Result<(), ClientError> {
        self.call(Method::POST, &format!("/admin/v1/businesses/{line}/plugins/{digest}/activate"), &json!({})).await
    }

    /// Puts money into a buyer's wallet.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn top_up(&mut self, buyer: &str, unit: &str, amount: i64) -> Result<(), ClientError> {
        let reference = format!("gift-{}-{}", run_name(), GIFTS.fetch_add(1, Ordering::Relaxed));
        let body = json!({"unit": unit, "amount": amount, "reference": reference});
        self.call(Method::POST, &format!("/admin/v1/wallets/{buyer}/top-up"), &body).await
    }

    async fn call(&mut self, method: Method, path: &str, body: &Value) -> Result<(), ClientError> {
        self.client.send(Call::new(method, path).json(body)).await?.success().map(drop)
    }
}
