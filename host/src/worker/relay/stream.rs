//! One stream of a slot group: what it should hold, whether it still does, and how far it was confirmed.

use std::collections::VecDeque;

use crate::broker::{Broker, BrokerError, Outgoing, Position, StreamKey};
use crate::domain::event::Topic;
use crate::domain::ids::Millis;
use crate::store::StreamMark;

/// Written as the last position while a lost stream is being filled again: every real position is lower, so whoever
/// comes after a crash sees the loss again.
const FILLING: &str = "18446744073709551615-18446744073709551615";

/// What a write came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// It is in the stream.
    All,
    /// The stream lost what it had; nothing was written.
    StreamLost,
}

/// The relay's view of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) key: StreamKey,
    pub(super) topic: Topic,
    /// The last position the broker gave. None: the stream was never written.
    last: Option<Position>,
    /// Every event up to this outbox position is confirmed by the consumer groups.
    low: i64,
    /// Batches that may not be confirmed: the last broker position, the lowest and the highest outbox position.
    open: VecDeque<(Position, i64, i64)>,
    /// Whether the mark has changed since it was last stored.
    dirty: bool,
}

impl Stream {
    /// As the last relay left it. A mark that nobody can read counts as a loss.
    pub(super) fn new(key: StreamKey, topic: Topic, mark: Option<StreamMark>) -> Self {
        let mut stream = Self { key, topic, last: None, low: 0, open: VecDeque::new(), dirty: false };
        if let Some(mark) = mark {
            let last = mark.last_id.parse().unwrap_or_else(|_| Position::at(i64::MAX));
            stream.last = Some(last);
            stream.low = mark.low_mark;
            stream.open.push_back((last, mark.low_mark + 1, mark.low_mark));
        }
        stream
    }

    /// Up to where nothing need be published again after a loss.
    pub(super) fn low(&self) -> i64 {
        self.low
    }

    /// Whether the broker lost the stream, or its end.
    pub(super) async fn is_lost(&self, broker: &dyn Broker) -> Result<bool, BrokerError> {
        match self.last {
            None => Ok(false),
            Some(known) => Ok(broker.last(&self.key).await?.is_none_or(|last| last < known)),
        }
    }

    /// Appends, unless the stream was lost: then its events come first.
    pub(super) async fn append(&mut self, broker: &dyn Broker, batch: &Batch) -> Result<Wrote, BrokerError> {
        let positions = if self.last.is_some() {
            if self.is_lost(broker).await? {
                return Ok(Wrote::StreamLost);
            }
            // Between the look and the write it may be wiped: then this makes no new stream.
            match broker.extend(&self.key, &batch.events).await? {
                Some(positions) => positions,
                None => return Ok(Wrote::StreamLost),
            }
        } else {
            broker.publish(&self.key, &batch.events).await?
        };
        self.note(&positions, batch);
        Ok(Wrote::All)
    }

    /// Appends whether or not the stream is there.
    pub(super) async fn refill(&mut self, broker: &dyn Broker, batch: &Batch) -> Result<(), BrokerError> {
        let positions = broker.publish(&self.key, &batch.events).await?;
        self.last = None;
        self.note(&positions, batch);
        Ok(())
    }

    fn note(&mut self, positions: &[Position], batch: &Batch) {
        let Some(last) = positions.iter().max() else { return };
        self.last = Some(self.last.map_or(*last, |known| known.max(*last)));
        self.open.push_back((*last, batch.lowest, batch.highest));
        // Another host's commit may come later with a lower position.
        self.low = self.low.min(batch.lowest - 1);
        self.dirty = true;
    }

    /// The mark to store before a lost stream is filled again.
    pub(super) fn begin_refill(&mut self) -> StreamMark {
        self.open.clear();
        StreamMark { stream: self.key.to_string(), last_id: FILLING.to_owned(), low_mark: self.low }
    }

    /// The stream holds again what it should. With nothing to fill it with, it is as if it had never been.
    pub(super) fn end_refill(&mut self, found: Option<Position>) {
        self.last = found;
        self.dirty = true;
    }

    /// Everything up to a broker position is confirmed.
    pub(super) fn confirmed(&mut self, up_to: Position) {
        let mut reached = self.low;
        while let Some((_, _, highest)) = self.open.pop_front_if(|(last, ..)| *last <= up_to) {
            reached = reached.max(highest);
        }
        let bound = self.open.iter().map(|(_, lowest, _)| lowest - 1).min().unwrap_or(i64::MAX);
        let low = reached.min(bound);
        if low > self.low {
            self.low = low;
            self.dirty = true;
        }
    }

    /// The mark, if it is not stored yet.
    pub(super) fn take_mark(&mut self) -> Option<StreamMark> {
        let last = self.last.filter(|_| self.dirty)?;
        self.dirty = false;
        Some(StreamMark { stream: self.key.to_string(), last_id: last.to_string(), low_mark: self.low })
    }

    /// The mark could not be stored.
    pub(super) fn keep_mark(&mut self) {
        self.dirty = true;
    }

    /// Removes what nobody needs any more and notes what was confirmed.
    pub(super) async fn tidy(
        &mut self,
        broker: &dyn Broker,
        groups: &[String],
        oldest: Millis,
        trim: bool,
    ) -> Result<(), BrokerError> {
        if self.last.is_none() {
            return Ok(());
        }
        let up_to = broker.low_water(&self.key, groups).await?.unwrap_or(Position::at(oldest));
        self.confirmed(up_to);
        if trim && up_to > Position::ZERO {
            broker.trim(&self.key, up_to).await?;
        }
        Ok(())
    }
}

/// Events on their way to one stream, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Outgoing>,
    lowest: i64,
    highest: i64,
}

impl Batch {
    /// One more.
    pub(super) fn push(&mut self, event: &crate::store::Outgoing) {
        self.lowest = if self.events.is_empty() { event.position } else { self.lowest.min(event.position) };
        self.highest = self.highest.max(event.position);
        let (event_id, body) = (event.event.id(), event.event.body.clone().into());
        self.events.push(Outgoing { event_id, body });
    }

    /// A single one.
    pub(super) fn of(event: &crate::store::Outgoing) -> Self {
        let mut batch = Self::default();
        batch.push(event);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    fn stream(mark: Option<(&str, i64)>) -> Stream {
        let mark = mark.map(|(last_id, low_mark)| StreamMark { stream: "s".into(), last_id: last_id.into(), low_mark });
        Stream::new(StreamKey::new("e", "ORDER_TOPIC", 0), Topic::Order, mark)
    }

    fn wrote(stream: &mut Stream, at: &str, lowest: i64, highest: i64) {
        stream.note(&[position(at)], &Batch { events: vec![], lowest, highest });
    }

    #[test]
    fn the_mark_follows_what_is_confirmed() {
        let mut stream = stream(None);
        wrote(&mut stream, "5-0", 1, 10);
        wrote(&mut stream, "6-0", 11, 20);
        stream.confirmed(position("5-9"));
        assert_eq!(stream.low(), 10);
        stream.confirmed(position("6-0"));
        assert_eq!(stream.low(), 20);
        assert_eq!(stream.take_mark().map(|mark| (mark.last_id, mark.low_mark)), Some(("6-0".into(), 20)));
        assert_eq!(stream.take_mark(), None);
    }

    #[test]
    fn a_late_event_with_a_low_position_lowers_the_mark() {
        let mut stream = stream(None);
        wrote(&mut stream, "5-0", 1, 10);
        stream.confirmed(position("5-0"));
        wrote(&mut stream, "6-0", 4, 12);
        assert_eq!(stream.low(), 3);
        stream.confirmed(position("5-5"));
        assert_eq!(stream.low(), 3);
        stream.confirmed(position("7-0"));
        assert_eq!(stream.low(), 12);
    }

    #[test]
    fn what_an_earlier_relay_wrote_is_not_taken_for_confirmed() {
        let mut stream = stream(Some(("9-0", 30)));
        wrote(&mut stream, "10-0", 41, 50);
        stream.confirmed(position("8-0"));
        assert_eq!(stream.low(), 30);
        stream.confirmed(position("10-0"));
        assert_eq!(stream.low(), 50);
    }

    #[test]
    fn every_real_position_is_below_that_of_a_stream_being_filled() {
        assert!(position(FILLING) > position("1800000000000-5"));
    }
}
