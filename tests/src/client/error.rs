//! Why a call has no usable answer.

use hyper::{Method, StatusCode};

/// Why a call has no answer. The difference between the first two is what a checker of lost orders lives on.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request never left: it had no effect.
    #[error("{method} {path} was not sent: {reason}")]
    NotSent {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// The request left and no whole answer came back: it had its effect or not.
    #[error("{method} {path} has an unknown outcome: {reason}")]
    Unknown {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// An answer that is not what the caller expected.
    #[error("{method} {path} was answered {status}: {body}")]
    Answered {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// Its status.
        status: StatusCode,
        /// Its body, usually problem+json.
        body: String,
    },
}

impl ClientError {
    /// The status of an unexpected answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::NotSent { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// A [`ClientError`] that does not know yet what was asked.
pub(super) enum Failure {
    NotSent(String),
    Unknown(String),
}

impl Failure {
    pub(super) fn of(self, (method, path): (Method, String)) -> ClientError {
        match self {
            Self::NotSent(reason) => ClientError::NotSent { method, path, reason },
            Self::Unknown(reason) => ClientError::Unknown { method, path, reason },
        }
    }
}
