//! Orders whose next event the broker refuses. Their later events wait behind it; everybody else's go on.

use std::collections::HashMap;

use crate::domain::event::{Event, Topic};
use crate::domain::ids::{Millis, OrderNo};

/// So often an event is refused before it is parked.
pub(super) const TRIES: u32 = 5;
/// The first wait before a refused event is tried again, milliseconds; it doubles.
const FIRST_WAIT: Millis = 200;
/// The longest wait of an event that is not parked, milliseconds.
const LONGEST_WAIT: Millis = 5_000;
/// How often a parked event is tried again, milliseconds: somebody may have repaired the cause.
const PARKED_WAIT: Millis = 60_000;

/// An order of events: consumers count per subject and topic.
pub(super) type Line = (OrderNo, Topic);

/// The line of an event.
pub(super) fn line(event: &Event) -> Line {
    (event.subject, event.topic)
}

/// What is known about a line that is held up.
#[derive(Debug)]
struct Suspect {
    sequence: i64,
    /// Refusals while the broker took other events.
    tries: u32,
    /// All refusals.
    refusals: u32,
    next: Millis,
}

/// Every line that is held up, in one slot group.
#[derive(Debug, Default)]
pub(super) struct Suspects(HashMap<Line, Suspect>);

/// What becomes of an event in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes with all the others.
    Together,
    /// It was refused before: it goes alone.
    Alone,
    /// Not now.
    Wait,
}

impl Suspects {
    /// Whether an event's time has come.
    pub(super) fn turn(&self, event: &Event, now: Millis) -> Turn {
        match self.0.get(&line(event)) {
            None => Turn::Together,
            Some(suspect) if suspect.sequence == event.sequence && now >= suspect.next => Turn::Alone,
            Some(_) => Turn::Wait,
        }
    }

    /// The broker refused it. Only if it `took_others` does that speak against the event. True if it is to be parked now.
    pub(super) fn refused(&mut self, event: &Event, now: Millis, took_others: bool) -> bool {
        let fresh = Suspect { sequence: event.sequence, tries: 0, refusals: 0, next: now };
        let suspect = self.0.entry(line(event)).or_insert(fresh);
        suspect.tries += u32::from(took_others);
        suspect.refusals += 1;
        let wait = FIRST_WAIT << suspect.refusals.saturating_sub(1).min(16);
        suspect.next = now + if suspect.tries < TRIES { wait.min(LONGEST_WAIT) } else { PARKED_WAIT };
        took_others && suspect.tries == TRIES
    }

    /// The broker took it after all: true if it had been parked.
    pub(super) fn cleared(&mut self, event: &Event) -> bool {
        self.0.remove(&line(event)).is_some_and(|suspect| suspect.tries >= TRIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(subject: i64, sequence: i64) -> Event {
        Event { subject: OrderNo(subject), topic: Topic::Order, sequence, tag: "T".into(), body: String::new() }
    }

    #[test]
    fn a_refused_event_holds_up_its_own_line_only() {
        let mut suspects = Suspects::default();
        let mut now = 0;
        for attempt in 1..=TRIES {
            assert_eq!(suspects.refused(&event(1, 7), now, true), attempt == TRIES);
            assert!(!suspects.refused(&event(1, 7), now, false));
            assert_eq!(suspects.turn(&event(1, 7), now), Turn::Wait);
            assert_eq!(suspects.turn(&event(1, 8), now), Turn::Wait);
            assert_eq!(suspects.turn(&event(2, 1), now), Turn::Together);
            now += PARKED_WAIT;
            assert_eq!(suspects.turn(&event(1, 7), now), Turn::Alone);
            assert_eq!(suspects.turn(&event(1, 8), now), Turn::Wait);
        }
        assert!(suspects.cleared(&event(1, 7)));
        assert_eq!(suspects.turn(&event(1, 8), now), Turn::Together);
    }
}
