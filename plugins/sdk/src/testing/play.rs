//! The platform's loop around a hook: run, answer, run again.

use core::fmt::Debug;

use super::script::Script;
use crate::stop::{Hook, Step};
use crate::types::{Answer, HookError, HttpRequest, JournalEntry, RetryLater, Wait};

/// What the hook asked the outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A call of the supplier.
    Call(HttpRequest),
    /// A wait for a signal or a time.
    Wait(Wait),
}

/// How the hook ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// It is through.
    Done(T),
    /// Final: the platform refunds.
    Rejected(String),
    /// Not now, and the script tells nothing of later.
    Retry(RetryLater),
    /// A person must look.
    Attention(String),
}

/// A hook, played to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Played<T> {
    /// How it ended.
    pub outcome: Outcome<T>,
    /// What it asked, in order; a poll's pause and each of its repeats count.
    pub asked: Vec<Asked>,
}

impl<T: Debug> Played<T> {
    /// The result of a hook that must be through.
    #[must_use]
    pub fn done(self) -> T {
        match self.outcome {
            Outcome::Done(done) => done,
            other => panic!("the hook is not done: {other:?}"),
        }
    }

    /// The calls as `METHOD url body`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let calls = self.asked.iter().filter_map(|asked| match asked {
            Asked::Call(call) => Some(call),
            Asked::Wait(_) => None,
        });
        calls
            .map(|call| format!("{} {} {}", call.method, call.url, String::from_utf8_lossy(&call.body)))
            .map(|call| call.trim_end().to_owned())
            .collect()
    }
}

/// Runs the hook until it ends; an unanswered question and an answer that nobody asked for fail the test.
pub(super) fn play<T, F>(mut script: Script, hook: F) -> Played<T>
where
    T: Debug + PartialEq,
    F: Fn(&Script, &[JournalEntry]) -> Hook<T>,
{
    let mut journal: Vec<JournalEntry> = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut asked = Vec::new();
    let mut clock = script.now;
    let outcome = loop {
        let step = match hook(&script, &journal) {
            Ok(done) => break Outcome::Done(done),
            Err(stop) => stop.into_step(),
        };
        match &step {
            Step::Error(HookError::Rejected(reason)) => break Outcome::Rejected(reason.clone()),
            Step::Error(HookError::Attention(reason) | HookError::Other(reason)) => {
                break Outcome::Attention(reason.clone());
            }
            Step::Error(HookError::Retry(later)) if script.answers.is_empty() => break Outcome::Retry(later.clone()),
            Step::Error(HookError::Retry(later)) => {
                clock += i64::from(later.after_ms);
                journal.pop();
                steps.truncate(journal.len());
                continue;
            }
            Step::Wait(wait) => asked.push(Asked::Wait(wait.clone())),
            Step::Call(call) => asked.push(Asked::Call(call.clone())),
        }
        if let Step::Wait(Wait { until, redo_last: true, .. }) = &step {
            assert!(journal.pop().is_some(), "a poll repeats an answer, but there is none");
            steps.truncate(journal.len());
            clock = clock.max(*until);
            continue;
        }
        let Some((delay, answer)) = script.answers.pop_front() else { panic!("the script has no answer to {step:?}") };
        clock = match (&step, &answer) {
            (Step::Wait(wait), Answer::TimedOut) => clock.max(wait.until),
            _ => clock + delay,
        };
        journal.push(JournalEntry { at: clock, answer });
        steps.push(step);
    };
    assert!(script.answers.is_empty(), "nobody asked for {:?}", script.answers);
    for (known, step) in steps.iter().enumerate() {
        let again = hook(&script, &journal[..known]).map_err(crate::Stop::into_step);
        assert_eq!(again.as_ref().err(), Some(step), "the same journal of {known} answers gave another step");
    }
    Played { outcome, asked }
}
