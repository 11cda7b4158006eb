//! Parameters in path, query and headers.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::Shared;
use super::reply::Refused;
use crate::app::problem::Problem;

/// A character that no text here has, and that PostgreSQL does not take.
const NUL: &str = "%00";

/// Parts of the path; a wrong one is named.
pub(super) struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for At<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, room: &Shared) -> Result<Self, Refused> {
        if parts.uri.path().contains(NUL) {
            return Err(Problem::invalid("bad-path", "%00 stands for nothing").into());
        }
        match Path::from_request_parts(parts, room).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::invalid("bad-path", strip(&error.body_text())).into()),
        }
    }
}

/// The query; a wrong or unknown parameter is named.
pub(super) struct Search<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Search<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, room: &Shared) -> Result<Self, Refused> {
        if parts.uri.query().is_some_and(|query| query.contains(NUL)) {
            return Err(Problem::invalid("bad-query", "%00 stands for nothing").into());
        }
        match Query::from_request_parts(parts, room).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::invalid("bad-query", strip(&error.body_text())).into()),
        }
    }
}

/// The library says first what it did; callers want to know what is wrong.
fn strip(text: &str) -> String {
    text.split_once(": ").map_or(text, |(_, what)| what).to_owned()
}

/// Documents the header that every mutating call accepts.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only documents the header; the body extractor reads it")]
pub(super) struct Repeatable {
    /// 1 to 255 characters. The same key with the same request gives the first answer again, with another request 422.
    /// Kept for at least 26 hours.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    idempotency_key: Option<String>,
}

/// A page of a list.
#[derive(serde::Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// The largest page.
pub(super) const PAGE_MAX: u32 = 200;
const PAGE: u32 = 50;

/// How many to list, or what is wrong with it.
pub(super) fn limit(wanted: Option<u32>) -> Result<u32, Problem> {
    match wanted {
        None => Ok(PAGE),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::invalid("bad-query", format!("limit must be 1 to {PAGE_MAX}"))),
    }
}

/// A cursor, or what is wrong with it.
pub(super) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    let bad = |_| Problem::invalid("bad-query", "cursor must be the `next` of the page before");
    text.map(|text| text.parse().map_err(bad)).transpose()
}
