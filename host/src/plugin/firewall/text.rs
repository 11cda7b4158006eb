//! Bounds of names, texts, pairs and events.

use super::super::outcome::{BadOutput, Refusal};
use super::super::weigh::Weight;
use super::within;
use crate::domain::hook::{BusinessEvent, Pairs};

/// Bytes of a text for people.
const TEXT_BYTES: usize = 4 * 1024;
/// Bytes of an event's data.
const EVENT_BYTES: usize = 4 * 1024;
/// Events of one answer.
const EVENTS: usize = 16;
/// Shortest and longest pause that `retry` may ask for, milliseconds.
const RETRY_MS: (i64, i64) = (100, 7 * 24 * 60 * 60 * 1_000);

/// `text` has at most `allowed` bytes.
pub(super) fn short(what: &'static str, text: &str, allowed: usize) -> Result<(), BadOutput> {
    if text.len() > allowed {
        return Err(BadOutput::TooLong { what, used: text.len() as u64, allowed: allowed as u64 });
    }
    Ok(())
}

/// `text` is something and has at most `allowed` bytes.
pub(super) fn filled(what: &'static str, text: &str, allowed: usize) -> Result<(), BadOutput> {
    if text.is_empty() { Err(BadOutput::Empty(what)) } else { short(what, text, allowed) }
}

/// A text for people.
pub(in super::super) fn reason(what: &'static str, text: &str) -> Result<(), Refusal> {
    if text.as_bytes().contains(&0) {
        return Err(BadOutput::Nul(what).into());
    }
    Ok(short(what, text, TEXT_BYTES)?)
}

/// The pause of a `retry`.
pub(in super::super) fn retry_after(after_ms: u32) -> Result<(), Refusal> {
    Ok(within("after-ms", i64::from(after_ms), RETRY_MS.0, RETRY_MS.1)?)
}

/// `[a-z0-9_.-]{1,64}`
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
}

/// Keys are names, and keys and values together hold at most `allowed` bytes.
pub(super) fn pairs(what: &'static str, pairs: &Pairs, allowed: u64) -> Result<(), BadOutput> {
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !is_name(key)) {
        return Err(BadOutput::Key { what, key: key.chars().take(80).collect() });
    }
    let used = pairs.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
    if used > allowed { Err(BadOutput::TooLong { what, used, allowed }) } else { Ok(()) }
}

/// Names, sizes and JSON of the line's own events.
pub(super) fn events(events: &[BusinessEvent]) -> Result<(), BadOutput> {
    if events.len() > EVENTS {
        return Err(BadOutput::TooLong { what: "events", used: events.len() as u64, allowed: EVENTS as u64 });
    }
    for event in events {
        let ok = (1..=48).contains(&event.name.len())
            && event.name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !ok {
            let name = event.name.chars().take(80).collect();
            return Err(BadOutput::Name { what: "an event", name, expected: "[A-Z0-9_]{1,48}" });
        }
        short("an event's data", &event.data, EVENT_BYTES)?;
        if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&event.data).is_err() {
            return Err(BadOutput::NotAnObject("an event's data"));
        }
    }
    Ok(())
}

/// Size and NUL of a whole answer.
pub(super) fn whole(weight: Weight) -> Result<(), Refusal> {
    use super::super::limits::{ANSWER_BYTES, Limit};
    Limit::Answer.check(weight.bytes, ANSWER_BYTES).map_err(Refusal::TooLarge)?;
    if weight.nul { Err(BadOutput::Nul("the answer").into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!(is_name("room-12.v_1"));
        for bad in ["", "Room", "a b", "ä", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn events_are_objects_with_shouted_names() {
        let event = |name: &str, data: &str| BusinessEvent { name: name.into(), data: data.into() };
        assert_eq!(events(&[event("CHECKED_IN", r#"{"room":1}"#)]), Ok(()));
        for bad in [event("x", "{}"), event("", "{}"), event("A", "[]"), event("A", "{"), event("A", &"x".repeat(5000))]
        {
            assert!(events(&[bad]).is_err());
        }
        assert!(events(&vec![event("A", "{}"); 17]).is_err());
    }
}
