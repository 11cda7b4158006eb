//! Why a use case did not do what was asked: one error type for all of them, free of HTTP.

use serde_json::{Map, Value, json};

use crate::domain::ids::OrderNo;

/// Whose fault it is and what helps. Every kind is one HTTP status; only the http room knows which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request itself is wrong; repeating it unchanged never helps.
    Invalid,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The state does not allow it, or something is short.
    Conflict,
    /// Understood and refused: by the business line, or a key used with another body.
    Refused,
    /// A limit of this host; the same request may succeed later.
    Busy,
    /// A bug or a broken part of ours.
    Internal,
}

impl Kind {
    /// Whether the same request may succeed later without anything else changing.
    pub fn retryable(self) -> bool {
        match self {
            Self::Busy | Self::Internal => true,
            Self::Invalid | Self::Forbidden | Self::NotFound | Self::Conflict | Self::Refused => false,
        }
    }
}

/// An answer that is not the one asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// Whose fault.
    pub kind: Kind,
    /// Stable, such as `stock-short`.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub detail: String,
    /// The order it concerns.
    pub order: Option<OrderNo>,
    /// Further members, such as the lines refused.
    pub extra: Map<String, Value>,
    /// When to try again.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), order: None, extra: Map::new(), retry_after_s: None }
    }

    /// 400
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, detail)
    }

    /// 404
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, "not-found", format!("there is no {what}"))
    }

    /// 403
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, "forbidden", detail)
    }

    /// 409
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// 422
    pub fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Refused, code, detail)
    }

    /// 503
    pub fn busy(detail: impl Into<String>) -> Self {
        Self { retry_after_s: Some(1), ..Self::new(Kind::Busy, "busy", detail) }
    }

    /// 500. Logged here, because nobody else knows the cause.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a use case failed");
        Self::new(Kind::Internal, "internal", "something of ours is broken; it is logged, and a repeat is safe")
    }

    /// Names the order.
    #[must_use]
    pub fn of(self, order: OrderNo) -> Self {
        Self { order: Some(order), ..self }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl serde::Serialize) -> Self {
        self.extra.insert(name.to_owned(), json!(value));
        self
    }
}
