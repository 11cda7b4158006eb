//! Why a hook ends before its last line.

use crate::money::Overflow;
use crate::types::{HookError, HttpRequest, RetryLater, Wait};

/// What a hook returns: its result, or the reason why it pauses or ends. Carry it with `?`.
pub type Hook<T> = Result<T, Stop>;

/// A hook that pauses for an answer, or that can't go on. Made by [`crate::Ctx`] and by the functions below.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop(Box<Step>);

/// What the platform is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Call(HttpRequest),
    Wait(Wait),
    Error(HookError),
}

impl Stop {
    /// Final: the platform refunds and releases. The text reaches the buyer.
    #[must_use]
    pub fn rejected(reason: impl Into<String>) -> Self {
        HookError::Rejected(reason.into()).into()
    }

    /// Try again after a pause in milliseconds (at least 100): the last answer is dropped and asked for again.
    #[must_use]
    pub fn retry(reason: impl Into<String>, after_ms: u32) -> Self {
        HookError::Retry(RetryLater { reason: reason.into(), after_ms: after_ms.max(100) }).into()
    }

    /// A person must look. The order is listed until an operator drives it on.
    #[must_use]
    pub fn attention(reason: impl Into<String>) -> Self {
        HookError::Attention(reason.into()).into()
    }

    pub(crate) fn call(request: HttpRequest) -> Self {
        Self(Box::new(Step::Call(request)))
    }

    pub(crate) fn wait(wait: Wait) -> Self {
        Self(Box::new(Step::Wait(wait)))
    }

    pub(crate) fn into_step(self) -> Step {
        *self.0
    }
}

impl From<HookError> for Stop {
    fn from(error: HookError) -> Self {
        Self(Box::new(Step::Error(error)))
    }
}

impl From<Overflow> for Stop {
    fn from(_: Overflow) -> Self {
        Self::attention("an amount does not fit")
    }
}

impl From<Overflow> for HookError {
    fn from(_: Overflow) -> Self {
        Self::Attention("an amount does not fit".to_owned())
    }
}
