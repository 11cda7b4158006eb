//! API keys: made, shown once, revoked.

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::App;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::{Deed, line};
use crate::domain::catalogue::{AdminWrite, ApiKey};
use crate::domain::ids::BusinessCode;
use crate::domain::time::rfc3339;
use crate::identity::{Principal, Role};

/// Live keys of one principal: two, so that one can be replaced without a gap.
const LIVE_MAX: usize = 2;
/// The longest life of a key, seconds: two years.
const LIFE_MAX_S: i64 = 2 * 366 * 86_400;

/// Whom a key stands for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyIn {
    /// The caller's name in logs and audit; the buyer id for a buyer.
    pub subject: String,
    /// `buyer`, `shop`, `business`, `operator` or `admin`.
    #[schema(value_type = String)]
    pub role: Role,
    /// The shops of a shop.
    #[serde(default)]
    pub shops: Vec<String>,
    /// The line of a business.
    pub business: Option<String>,
    /// How long it lives, seconds; at most two years.
    pub expires_in_s: i64,
}

/// A new key. The only time that it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewKey {
    /// Public; revoke it by this.
    pub id: String,
    /// To be sent as `Authorization: Bearer …`.
    pub key: String,
    /// RFC 3339
    pub expires_at: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    subject: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shops: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    business: Option<String>,
}

/// Whom a stored key stands for.
pub fn principal(key: &ApiKey) -> Result<Principal, Problem> {
    let Stored { subject, role, shops, business } = serde_json::from_str(&key.principal).map_err(Problem::internal)?;
    Principal { subject, role, shops, business }.checked().map_err(Problem::internal)
}

/// Makes a key of a line.
pub async fn make_for_line(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    subject: String,
    expires_in_s: i64,
) -> Result<NewKey, Problem> {
    line(app, who, code).await?;
    let wanted = KeyIn { subject, role: Role::Business, shops: vec![], business: Some(code.to_string()), expires_in_s };
    make(app, who, wanted).await
}

/// Makes a key. Who may make which is decided before.
pub async fn make(app: &App, who: &Principal, wanted: KeyIn) -> Result<NewKey, Problem> {
    if !(1..=LIFE_MAX_S).contains(&wanted.expires_in_s) {
        return Err(Problem::invalid("bad-body", format!("expires_in_s: 1 to {LIFE_MAX_S}")));
    }
    let KeyIn { subject, role, shops, business, expires_in_s } = wanted;
    let checked = Principal { subject, role, shops, business }
        .checked()
        .map_err(|error| Problem::invalid("bad-body", error.to_string()))?;
    let Principal { subject, role, shops, business } = checked;
    let stored = serde_json::to_string(&Stored { subject, role, shops, business }).map_err(Problem::internal)?;
    let now = app.clock.now();
    let live = app.store.api_keys().await.map_err(store_problem)?;
    if live.iter().filter(|key| key.principal == stored && key.expires_at > now).count() >= LIVE_MAX {
        let detail = format!("this principal has {LIVE_MAX} live keys; revoke one first");
        return Err(Problem::conflict("too-many-keys", detail));
    }
    let minted = app.api_keys.mint(&app.entropy);
    let expires_at = now + expires_in_s * 1_000;
    let key = ApiKey {
        id: minted.id.clone(),
        hash: minted.mac.to_vec(),
        principal: stored.clone(),
        expires_at,
        created_at: now,
    };
    let deed = Deed {
        who,
        action: "api_key.make",
        target: minted.id.clone(),
        detail: json!({"principal": stored, "expires_at": rfc3339(expires_at)}),
        key: None,
    };
    deed.commit(app, vec![AdminWrite::PutApiKey(key)], ()).await?;
    Ok(NewKey { id: minted.id, key: minted.shown.expose_secret().to_owned(), expires_at: rfc3339(expires_at) })
}

/// Ends a key; hosts that remember it let it go within seconds. A line ends only its own keys, operators those of
/// lines, admins any.
pub async fn revoke(app: &App, who: &Principal, id: &str) -> Result<(), Problem> {
    let missing = || Problem::not_found(format!("API key {id}"));
    let key = app.store.api_key(id).await.map_err(store_problem)?.ok_or_else(missing)?;
    let of = principal(&key)?;
    let mine = match who.role {
        Role::Admin => true,
        Role::Operator => of.role == Role::Business,
        Role::Business => of.role == Role::Business && of.business == who.business,
        Role::Buyer | Role::Shop => false,
    };
    if !mine {
        return Err(missing());
    }
    let deed = Deed { who, action: "api_key.revoke", target: id.to_owned(), detail: json!({}), key: None };
    deed.commit(app, vec![AdminWrite::RevokeApiKey { id: id.to_owned() }], ()).await
}
