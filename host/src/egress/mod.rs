//! HTTP out, for plugins: a request comes as data, is checked against the line's grant, gets its secret, is sent to a
//! tested address and answered within limits. What happened is always one [`Outcome`].
//!
//! [`Egress::exchange`] sends for the platform itself, under the same address rules.
//!
//! The room keeps no journal and knows no order: `app` writes the journal and looks secrets up.

mod address;
mod answer;
mod auth;
mod check;
mod client;
mod exchange;
mod grant;
mod request;
mod resolver;
#[cfg(test)]
mod tests;
pub mod webhook;

pub use address::{AddressRefused, is_public};
pub use answer::{ANSWER_MAX, Answer};
pub use auth::{LineSecrets, SECRET_MIN};
pub use client::{Egress, EgressError, Retries};
pub use exchange::{Exchange, NoReply, Reply, base_url};
pub use grant::{BadOrigin, Grant, Origin};
pub use request::{Auth, Call, Method, Part, Refusal, Repeat};

/// What became of a call that was allowed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side answered with a status below 500.
    Answered(Answer),
    /// No usable answer after all tries. The hook learns it; sending again later under the same key is its choice.
    Failed(Failure),
    /// A request that must never be repeated may have arrived, and no usable answer came: a person must look.
    Unknown(Failure),
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (try {tries})")]
pub struct Failure {
    /// Of the last try.
    pub reason: FailureReason,
    /// How often the request was tried.
    pub tries: u32,
    /// Whether any of the tries may have arrived.
    pub reached: Reached,
}

/// Whether the other side may have got the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Certainly not: no connection was made.
    No,
    /// Perhaps, or certainly.
    Perhaps,
}

/// What went wrong with a try. Texts hold no secret and no part of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureReason {
    /// No connection: name unknown, refused, or a bad certificate.
    #[error("no connection could be made")]
    Connect,
    /// No complete answer in time.
    #[error("no complete answer within {0} ms")]
    TimedOut(u32),
    /// The connection broke.
    #[error("the connection broke before the answer was complete")]
    Broken,
    /// A status of 500 or above.
    #[error("the answer had status {0}")]
    Status(u16),
    /// Limit `ANSWER_MAX`.
    #[error("the answer's body is larger than {ANSWER_MAX} bytes")]
    TooLarge,
    /// The answer repeats a secret of the line, in clear or encoded.
    #[error("the answer contains a secret of the line")]
    ContainsSecret,
    /// The answer holds a NUL byte.
    #[error("the answer contains a NUL")]
    ContainsNul,
}

impl FailureReason {
    /// Whether another try may go better.
    fn is_passing(&self) -> bool {
        match self {
            Self::Connect | Self::TimedOut(_) | Self::Broken | Self::Status(_) => true,
            Self::TooLarge | Self::ContainsSecret | Self::ContainsNul => false,
        }
    }

    fn reached(&self) -> Reached {
        match self {
            Self::Connect => Reached::No,
            Self::TimedOut(_)
            | Self::Broken
            | Self::Status(_)
            | Self::TooLarge
            | Self::ContainsSecret
            | Self::ContainsNul => Reached::Perhaps,
        }
    }
}
