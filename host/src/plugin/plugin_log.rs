//! What a plugin writes: kept with the call, and copied to the structured log at a bounded rate.

use std::sync::Mutex;
use std::time::Duration;

use super::engine::stopwatch;
use super::limits;
use crate::clock::Stopwatch;
use crate::domain::{hook::Hook, ids::Digest};
use crate::telemetry::metrics::PLUGIN_LOG_DROPPED;

/// Lines a second that one business line may add to the structured log.
const RATE: u32 = 100;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// One line that a plugin wrote, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// What it says.
    pub text: String,
}

/// The log of one call. What exceeds the limit is dropped and counted, it does not fail the call.
#[derive(Default)]
pub(super) struct LogBuffer {
    lines: Vec<LogLine>,
    bytes: u64,
    dropped: u64,
}

impl LogBuffer {
    pub(super) fn write(&mut self, level: LogLevel, text: &str) {
        let cost = text.len() as u64 + 16;
        if self.bytes + cost > limits::LOG_BYTES {
            self.dropped += 1;
            return;
        }
        self.bytes += cost;
        self.lines.push(LogLine { level, text: plain(text) });
    }

    pub(super) fn into_lines(mut self) -> Vec<LogLine> {
        if self.dropped > 0 {
            let text = format!("{} lines beyond {} bytes were dropped", self.dropped, limits::LOG_BYTES);
            self.lines.push(LogLine { level: LogLevel::Warn, text });
        }
        self.lines
    }
}

/// Drops terminal sequences (`ESC [ … letter`) and every other control character.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.trim_end_matches(['\n', '\r']).chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next_if(|c| !('\u{40}'..='\u{7e}').contains(c)).is_some() {}
                chars.next();
            }
        } else if c == '\n' || c == '\t' {
            out.push(' ');
        } else if !c.is_control() {
            out.push(c);
        }
    }
    out
}

/// Whose lines they are.
pub(super) struct Origin<'a> {
    pub(super) business: &'a str,
    pub(super) digest: Digest,
    pub(super) hook: Hook,
    pub(super) order: &'a str,
    /// Which run of the hook: journal entries so far.
    pub(super) call: usize,
}

/// Bounds what one business line adds to the structured log.
pub(super) struct LogGate {
    window: Mutex<Window>,
}

struct Window {
    since: Stopwatch,
    passed: u32,
    dropped: u64,
}

impl LogGate {
    pub(super) fn new() -> Self {
        Self { window: Mutex::new(Window { since: stopwatch(), passed: 0, dropped: 0 }) }
    }

    /// Copies lines to the structured log, target `plugin`.
    pub(super) fn emit(&self, origin: &Origin<'_>, lines: &[LogLine]) {
        for line in lines {
            let Some(dropped) = self.admit() else {
                metrics::counter!(PLUGIN_LOG_DROPPED, "business" => origin.business.to_owned()).increment(1);
                continue;
            };
            if dropped > 0 {
                tracing::warn!(target: "plugin", line = origin.business, dropped, "plugin log lines were dropped");
            }
            macro_rules! emit {
                ($level:ident) => {
                    tracing::$level!(
                        target: "plugin",
                        line = origin.business,
                        digest = %origin.digest,
                        hook = origin.hook.as_str(),
                        order = origin.order,
                        call = origin.call,
                        "{}",
                        line.text
                    )
                };
            }
            match line.level {
                LogLevel::Debug => emit!(debug),
                LogLevel::Info => emit!(info),
                LogLevel::Warn => emit!(warn),
                LogLevel::Error => emit!(error),
            }
        }
    }

    /// None if this second is full; else how many were dropped before.
    fn admit(&self) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if window.since.elapsed() >= Duration::from_secs(1) {
            *window = Window { since: stopwatch(), passed: 0, dropped: window.dropped };
        }
        if window.passed >= RATE {
            window.dropped += 1;
            return None;
        }
        window.passed += 1;
        Some(std::mem::take(&mut window.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_and_controls_are_dropped() {
        assert_eq!(plain("a\u{1b}[31mred\u{1b}[0m\0\u{7}b\nc\n"), "aredb c");
        assert_eq!(plain("\u{1b}["), "");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut log = LogBuffer::default();
        for _ in 0..100_000 {
            log.write(LogLevel::Info, "0123456789");
        }
        let lines = log.into_lines();
        assert!(lines.len() < 1_000);
        assert!(lines.last().unwrap().text.contains("dropped"));
    }

    #[test]
    fn a_line_may_add_a_hundred_a_second() {
        let gate = LogGate::new();
        assert_eq!((0..300).filter(|_| gate.admit().is_some()).count(), 100);
    }
}
