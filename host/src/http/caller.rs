//! Who calls: a bearer token (JWT) or an API key.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::reply::Refused;
use super::{Room, Shared};
use crate::app::orders::store_problem;
use crate::app::problem::Problem;
use crate::domain::catalogue::ApiKey;
use crate::domain::ids::Millis;
use crate::identity::{PresentedKey, Principal};

/// How long a looked-up API key is remembered, milliseconds: a revoked one works at most this much longer.
const REMEMBER_KEY_MS: Millis = 2_000;
/// How many looked-up keys are remembered.
pub(super) const KEYS_REMEMBERED: usize = 4_096;

/// A verified caller whose role may use the route. Put there by the layer around every route: see `around`.
pub(super) struct Caller(pub Arc<Principal>);

impl Deref for Caller {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Refused> {
        parts
            .extensions
            .remove::<Arc<Principal>>()
            .map(Self)
            .ok_or_else(|| Problem::internal("a handler of a public route asks who calls").into())
    }
}

/// A key as last looked up.
#[derive(Clone)]
pub(super) struct KnownKey {
    key: Option<Arc<(ApiKey, Arc<Principal>)>>,
    looked_up_at: Millis,
}

/// Verifies the bearer of a request.
pub(super) async fn verify(room: &Room, headers: &HeaderMap) -> Result<Arc<Principal>, Refused> {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer "))
        .map(|(_, bearer)| bearer.trim())
        .ok_or_else(|| Refused::unauthorized("send the header Authorization: Bearer with a token or an API key"))?;
    match PresentedKey::parse(bearer) {
        Some(presented) => verify_key(room, presented).await,
        None => room
            .app
            .tokens
            .verify(bearer, room.app.clock.now())
            .map_err(|error| Refused::unauthorized(error.to_string())),
    }
}

async fn verify_key(room: &Room, presented: PresentedKey<'_>) -> Result<Arc<Principal>, Refused> {
    let now = room.app.clock.now();
    let known = room.keys.get(presented.id).filter(|known| (0..REMEMBER_KEY_MS).contains(&(now - known.looked_up_at)));
    let known = if let Some(known) = known {
        known
    } else {
        let known = KnownKey { key: look_up(room, presented.id).await?, looked_up_at: now };
        room.keys.insert(presented.id.into(), known.clone());
        known
    };
    let refused = || Refused::unauthorized("the API key is unknown, revoked or has expired");
    let key = known.key.ok_or_else(refused)?;
    let (stored, principal) = &*key;
    if !room.app.api_keys.matches(presented, &stored.hash) || stored.expires_at <= now {
        return Err(refused());
    }
    Ok(principal.clone())
}

async fn look_up(room: &Room, id: &str) -> Result<Option<Arc<(ApiKey, Arc<Principal>)>>, Problem> {
    let Some(stored) = room.app.store.api_key(id).await.map_err(store_problem)? else { return Ok(None) };
    let principal = crate::app::admin::api_keys::principal(&stored)?;
    Ok(Some(Arc::new((stored, Arc::new(principal)))))
}
