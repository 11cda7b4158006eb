//! Request bodies: read within their limit, parsed once, refused with the place and the reason.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::Shared;
use super::reply::Refused;
use crate::app::api::Idempotency;
use crate::app::problem::Problem;
use crate::domain::ids::Digest;

/// The header that makes a repeat harmless.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";
const KEY_MAX: usize = 255;

/// A parsed body. No body at all counts as `{}`.
pub(super) struct Json<T>(pub T);

/// A parsed body with the caller's `Idempotency-Key`.
pub(super) struct Command<T> {
    /// The body.
    pub body: T,
    /// The key with the digest of method, path and raw body.
    pub key: Option<Idempotency>,
}

/// The raw body of an upload, within its own limit.
pub(super) struct Upload(pub Bytes);

/// A body without members.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, room: &Shared) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, room.request_limit()).await?;
        parse(&parts.headers, &bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Command<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, room: &Shared) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let key = match parts.headers.get(IDEMPOTENCY_KEY) {
            None => None,
            Some(value) => Some(
                value
                    .to_str()
                    .ok()
                    .filter(|key| (1..=KEY_MAX).contains(&key.len()))
                    .ok_or_else(|| Problem::invalid("bad-idempotency-key", "Idempotency-Key has 1 to 255 characters"))?
                    .to_owned(),
            ),
        };
        let bytes = read(body, room.request_limit()).await?;
        let key = key.map(|key| {
            let digest = digest(&[parts.method.as_str().as_bytes(), parts.uri.path().as_bytes(), &bytes]);
            Idempotency { key, digest }
        });
        let body = parse(&parts.headers, &bytes)?;
        Ok(Self { body, key })
    }
}

impl FromRequest<Shared> for Upload {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Refused> {
        read(request.into_body(), super::UPLOAD_LIMIT).await.map(Self)
    }
}

/// SHA-256 over the parts, a zero byte between them: none but the last can contain one.
fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(part);
        context.update(&[0]);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Digest(bytes)
}

/// The whole body, or 413 once it is known to be longer than `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Refused> {
    let mut chunks = body.into_data_stream();
    let broken = |_| Problem::invalid("body-cut-off", "the body ended early");
    let Some(first) = chunks.next().await.transpose().map_err(broken)? else { return Ok(Bytes::new()) };
    let mut whole = match chunks.next().await.transpose().map_err(broken)? {
        None if first.len() <= limit => return Ok(first),
        None => return Err(Refused::too_large(limit)),
        Some(second) => [&first[..], &second[..]].concat(),
    };
    while whole.len() <= limit {
        match chunks.next().await.transpose().map_err(broken)? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.into()),
        }
    }
    Err(Refused::too_large(limit))
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Refused> {
    if bytes.is_empty() {
        return serde_json::from_slice(b"{}").map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line").next().unwrap_or_default();
            Problem::invalid("bad-body", format!("the body is empty: {what}")).into()
        });
    }
    if !is_json(headers) {
        return Err(Refused::media_type("application/json"));
    }
    if has_nul(bytes) {
        return Err(Problem::invalid("bad-body", "a text has the character NUL (\\u0000), which is refused").into());
    }
    serde_json::from_slice(bytes).map_err(|_| explain::<T>(bytes).into())
}

/// Parses again, slowly, to tell where and what.
fn explain<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let found = serde_path_to_error::deserialize::<_, T>(&mut reader);
    let (path, error) = match found {
        Err(error) => (error.path().to_string(), error.into_inner()),
        Ok(_) => match reader.end() {
            Err(error) => (".".to_owned(), error),
            Ok(()) => return Problem::internal("a body was refused and then accepted"),
        },
    };
    let detail = if path == "." || !error.is_data() { error.to_string() } else { format!("{path}: {error}") };
    let code = if error.is_data() { "bad-body" } else { "malformed-json" };
    let problem = Problem::invalid(code, detail).with("line", error.line()).with("column", error.column());
    if path == "." { problem } else { problem.with("field", path) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Whether a text of the JSON has an escaped NUL; a bare one is malformed anyway.
fn has_nul(bytes: &[u8]) -> bool {
    let escape = br"\u0000";
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\\').map(|at| from + at) {
        if bytes[at..].starts_with(escape) {
            return true;
        }
        // Whatever is escaped is passed over, another backslash too.
        from = (at + 2).min(bytes.len());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_found_and_an_escaped_backslash_is_not_one() {
        assert!(has_nul(br#"{"a":"x\u0000"}"#));
        assert!(has_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!has_nul(br#"{"a":"\\u0000"}"#));
        assert!(!has_nul(br#"{"a":"\"#));
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_however_it_is_cut() {
        let body = |sizes: &'static [usize]| {
            Body::from_stream(futures_util::stream::iter(
                sizes.iter().map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *size]))),
            ))
        };
        for sizes in [&[11][..], &[5, 6], &[4, 4, 4], &[10, 0, 1]] {
            assert!(read(body(sizes), 10).await.is_err(), "{sizes:?}");
        }
        for sizes in [&[10][..], &[5, 5], &[], &[4, 4, 2]] {
            assert!(read(body(sizes), 10).await.is_ok(), "{sizes:?}");
        }
    }
}
