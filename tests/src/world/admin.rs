//! The admin API, as far as a world needs it. Every path and body of it is here.

use hyper::Method;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::WorldError;
use super::line::LineSetup;
use crate::client::{Answer, Call, Client, ClientError};

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

    /// Registers a line with everything that its orders need.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn register(mut self, setup: &LineSetup, component: Vec<u8>) -> Result<(), WorldError> {
        self.business(setup).await?;
        for (name, value) in &setup.secrets {
            self.secret(&setup.code, name, value).await?;
        }
        let digest = self.upload(&setup.code, component).await?.success()?.json::<Value>()?;
        let digest = digest["digest"].as_str().unwrap_or_default();
        self.activate(&setup.code, digest).await?;
        for sku in &setup.skus {
            self.sku(&setup.code, &sku.sku, &sku.facts).await?;
            for (key, quantity) in &sku.stock {
                self.stock(&setup.code, key, *quantity).await?;
            }
        }
        Ok(())
    }

    /// The line itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn business(&mut self, setup: &LineSetup) -> Result<(), ClientError> {
        let body = json!({
            "code": setup.code, "name": setup.code, "kinds": [setup.component.kind()], "rules": setup.rules,
            "settings": setup.settings, "grant": {"origins": setup.origins},
        });
        self.call(Method::POST, "/admin/v1/businesses", &body).await
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

    /// Adds a SKU or replaces it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn sku(&mut self, line: &str, sku: &str, facts: &Value) -> Result<(), ClientError> {
        let path = format!("/admin/v1/businesses/{line}/skus/{sku}");
        self.call(Method::PUT, &path, &json!({"facts": facts, "on_sale": true})).await
    }

    /// Adds available stock.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stock(&mut self, line: &str, key: &str, quantity: i64) -> Result<(), ClientError> {
        let body = json!({"key": key, "quantity": quantity});
        self.call(Method::POST, &format!("/admin/v1/businesses/{line}/stock"), &body).await
    }

    /// Puts money into a buyer's wallet.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn top_up(&mut self, buyer: &str, unit: &str, amount: i64) -> Result<(), ClientError> {
        let body = json!({"unit": unit, "amount": amount});
        self.call(Method::POST, &format!("/admin/v1/wallets/{buyer}/top-up"), &body).await
    }

    async fn call(&mut self, method: Method, path: &str, body: &Value) -> Result<(), ClientError> {
        self.client.send(Call::new(method, path).json(body)).await?.success().map(drop)
    }
}
