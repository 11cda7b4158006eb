//! What a hook may know besides its order, and how it asks the outside.

use core::time::Duration;

use serde::de::DeserializeOwned;

use crate::http::Response;
use crate::stop::{Hook, Stop};
use crate::types::{Answer, HttpRequest, JournalEntry, Millis, Repeat, Signal, Wait};

/// Milliseconds until a supplier that is down is asked again.
const SUPPLIER_DOWN_MS: u32 = 5_000;

/// The journal of a hook, read in the order in which it was written.
///
/// Each question either finds its answer in the journal or suspends the hook: the platform asks, writes the answer
/// down and runs the hook again from its first line.
#[derive(Debug)]
pub struct Ctx<'a> {
    settings: &'a str,
    unread: &'a [JournalEntry],
    now: Millis,
}

impl<'a> Ctx<'a> {
    pub(crate) const fn new(settings: &'a str, now: Millis, journal: &'a [JournalEntry]) -> Self {
        Self { settings, unread: journal, now }
    }

    /// The time of the last answer read, at first the time of the hook's first run.
    #[must_use]
    pub const fn now(&self) -> Millis {
        self.now
    }

    /// The moment after a pause from [`Ctx::now`].
    #[must_use]
    pub fn after(&self, pause: Duration) -> Millis {
        self.now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
    }

    /// The line's settings.
    ///
    /// # Errors
    ///
    /// Settings of another form need a person.
    pub fn settings<T: DeserializeOwned>(&self) -> Hook<T> {
        serde_json::from_str(self.settings).map_err(|error| Stop::attention(format!("settings: {error}")))
    }

    /// Sends a request to the supplier.
    ///
    /// # Errors
    ///
    /// Suspends until there is an answer. A supplier that can't be reached, or answers 429 or 5xx, is asked again
    /// later under the same key; if the request must not be repeated, a person is needed.
    pub fn http(&mut self, request: impl Into<HttpRequest>) -> Hook<Response<'a>> {
        let request = request.into();
        let repeat = request.repeat;
        let reason = match self.answer(|| Stop::call(request))? {
            Answer::Response(response) if response.status == 429 || response.status >= 500 => {
                format!("supplier answered {}", response.status)
            }
            Answer::Response(response) => return Ok(Response(response)),
            Answer::Failed(reason) => format!("supplier can't be reached: {reason}"),
            Answer::Signal(_) | Answer::TimedOut | Answer::Other(_) => return Err(diverged()),
        };
        Err(match repeat {
            Repeat::Safe | Repeat::ByKey => Stop::retry(reason, SUPPLIER_DOWN_MS),
            Repeat::Never => Stop::attention(reason),
        })
    }

    /// Waits for a signal; `None` when the time came first.
    ///
    /// # Errors
    ///
    /// Suspends until either happens.
    pub fn wait_for_signal(&mut self, name: &str, until: Millis) -> Hook<Option<&'a Signal>> {
        let wait = || Wait { signal: Some(name.to_owned()), until, redo_last: false };
        match self.answer(|| Stop::wait(wait()))? {
            Answer::Signal(signal) => Ok(Some(signal)),
            Answer::TimedOut => Ok(None),
            Answer::Response(_) | Answer::Failed(_) | Answer::Other(_) => Err(diverged()),
        }
    }

    /// Waits for a moment.
    ///
    /// # Errors
    ///
    /// Suspends until it has come.
    pub fn sleep_until(&mut self, until: Millis) -> Hook<()> {
        match self.answer(|| Stop::wait(Wait { signal: None, until, redo_last: false }))? {
            Answer::TimedOut => Ok(()),
            Answer::Signal(_) | Answer::Response(_) | Answer::Failed(_) | Answer::Other(_) => Err(diverged()),
        }
    }

    /// Drops the last answer and asks for it again after a pause: `return ctx.poll_again(pause)`.
    ///
    /// Compare [`Ctx::now`] with the time of an earlier answer to give up some day.
    ///
    /// # Errors
    ///
    /// Always suspends.
    pub fn poll_again<T>(&self, pause: Duration) -> Hook<T> {
        Err(Stop::wait(Wait { signal: None, until: self.after(pause), redo_last: true }))
    }

    /// Every answer must have been read: one that was not belongs to another course of the hook.
    pub(crate) fn finish(&self) -> Hook<()> {
        if self.unread.is_empty() { Ok(()) } else { Err(diverged()) }
    }

    fn answer(&mut self, otherwise: impl FnOnce() -> Stop) -> Hook<&'a Answer> {
        let Some((entry, unread)) = self.unread.split_first() else { return Err(otherwise()) };
        self.unread = unread;
        self.now = entry.at;
        Ok(&entry.answer)
    }
}

fn diverged() -> Stop {
    Stop::attention("the journal was written by another course of this hook")
}

/// Reads a signal's payload.
///
/// # Errors
///
/// A payload of another form needs a person.
pub fn payload<T: DeserializeOwned>(signal: &Signal) -> Hook<T> {
    serde_json::from_str(&signal.payload)
        .map_err(|error| Stop::attention(format!("signal {} is unreadable: {error}", signal.name)))
}
