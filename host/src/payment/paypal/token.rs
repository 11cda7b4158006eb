//! The bearer token of our calls: fetched with the client's credentials, kept until shortly before it ends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::settings::Account;
use crate::domain::ids::Millis;
use crate::egress::Method;
use crate::payment::Gateway;

/// A token is not used in its last minute, milliseconds.
const MARGIN_MS: Millis = 60_000;

/// The token in use. It never appears in logs.
#[derive(Default)]
pub(super) struct Tokens(tokio::sync::Mutex<Option<Token>>);

struct Token {
    value: SecretString,
    /// Epoch milliseconds.
    until: Millis,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    token_type: String,
    /// Seconds.
    expires_in: i64,
}

impl Tokens {
    /// A token that is still good; one caller fetches, the others wait for it. Errors are reasons for "not known".
    pub(super) async fn get(&self, account: &Account, gateway: &Gateway) -> Result<SecretString, String> {
        let mut kept = self.0.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.until > gateway.now()) {
            return Ok(token.value.clone());
        }
        let token = fetch(account, gateway).await?;
        let value = token.value.clone();
        *kept = Some(token);
        Ok(value)
    }

    /// Forgets a token that the provider no longer takes, unless another one came meanwhile.
    pub(super) async fn forget(&self, refused: &SecretString) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            *kept = None;
        }
    }
}

async fn fetch(account: &Account, gateway: &Gateway) -> Result<Token, String> {
    let credentials = Zeroizing::new(format!("{}:{}", account.client_id, account.client_secret.expose_secret()));
    let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(credentials.as_bytes())));
    let asked_at = gateway.now();
    let make = || {
        let headers = vec![
            ("authorization".to_owned(), basic.to_string()),
            ("accept".to_owned(), "application/json".to_owned()),
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ];
        gateway.request(Method::Post, "/v1/oauth2/token", headers, b"grant_type=client_credentials".to_vec())
    };
    let reply = gateway.call("token", make).await.map_err(|unanswered| unanswered.to_string())?;
    if reply.status != 200 {
        return Err(format!("the provider gives no token: status {}", reply.status));
    }
    // The parser's own words could repeat a part of the token.
    let granted: Granted =
        serde_json::from_slice(&reply.body).map_err(|_| "the provider's token cannot be read".to_owned())?;
    let visible = granted.access_token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
    if !granted.token_type.eq_ignore_ascii_case("bearer") || !visible {
        return Err("the provider's token is no bearer token".to_owned());
    }
    let until = asked_at.saturating_add(granted.expires_in.saturating_mul(1000)).saturating_sub(MARGIN_MS);
    Ok(Token { value: granted.access_token, until })
}
