//! Where events go: one stream for each topic and slot group.
//!
//! The outbox stays the truth. A broker may lose everything (a wiped Redis, a restarted process): the relay sees it by
//! [`Broker::last`] and publishes again. Publishing the same event twice is allowed, consumers drop it by its id.

mod memory;
mod position;
mod redis_streams;

use async_trait::async_trait;
use bytes::Bytes;

pub use memory::MemoryBroker;
pub use position::{BadPosition, Position};
pub use redis_streams::RedisBroker;

/// The most events that one [`Broker::publish`] takes.
pub const BATCH_MAX: usize = 512;

/// A stream's key, `<ORDER_EVENT_TOPIC>:<TOPIC>:<slot group>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey(String);

impl StreamKey {
    /// The stream of `topic` (such as `ORDER_TOPIC`) for a slot group.
    pub fn new(prefix: &str, topic: &str, slot_group: u8) -> Self {
        Self(format!("{prefix}:{topic}:{slot_group}"))
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Equal for every publishing of one event.
    pub event_id: String,
    /// The event as JSON.
    pub body: Bytes,
}

/// An event as read from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where in the stream.
    pub position: Position,
    /// The publisher's id.
    pub event_id: String,
    /// The event as JSON.
    pub body: Bytes,
}

/// What [`Broker::reclaim`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Deliveries of other consumers that took too long, now ours.
    pub deliveries: Vec<Delivery>,
    /// Delivered, never confirmed, and gone from the stream: an alarm, publish them again from the outbox.
    pub lost: Vec<Position>,
}

/// What becomes of the streams when their server restarts in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// They end with the process, so an absent stream is no alarm at the start.
    WhileRunning,
    /// They stay: an absent stream or a lower last position is a loss.
    AcrossRestarts,
}

/// Why the broker did not do it. A publish that failed may still have happened, wholly: repeat it.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Not reachable or too slow: try again later.
    #[error("the broker cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with an error: out of memory, no right, wrong type.
    #[error("the broker refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered what it should not.
    #[error("the broker's answer about {stream} makes no sense: {detail}")]
    Nonsense {
        /// The stream asked about.
        stream: StreamKey,
        /// What was wrong.
        detail: String,
    },
    /// More than [`BATCH_MAX`] events.
    #[error("a batch holds at most {BATCH_MAX} events, not {0}")]
    BatchTooLarge(usize),
    /// The consumer group is not there (again): make it with [`Broker::ensure_group`].
    #[error("the consumer group does not exist")]
    NoGroup,
}

/// Streams of events.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What outlives a restart.
    fn keeps(&self) -> Keeps;

    /// Appends `events` in order, all or none. Answers their positions, in order and rising.
    async fn publish(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Vec<Position>, BrokerError>;

    /// The same for a stream that exists. None: there is no such stream, and none was made.
    async fn extend(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Option<Vec<Position>>, BrokerError>;

    /// The highest position ever given in `stream`, trimmed or not. None: there is no such stream.
    async fn last(&self, stream: &StreamKey) -> Result<Option<Position>, BrokerError>;

    /// Up to and including where every one of `groups` has confirmed all. A group or stream that is not there has
    /// confirmed nothing ([`Position::ZERO`]). None: no group is named.
    async fn low_water(&self, stream: &StreamKey, groups: &[String]) -> Result<Option<Position>, BrokerError>;

    /// Removes what lies below `position` and answers how many. Call it with a low-water mark, or with
    /// [`Position::at`] of a day ago when no group is named.
    async fn trim(&self, stream: &StreamKey, position: Position) -> Result<u64, BrokerError>;

    /// Makes the group, and the stream if need be. A new group starts at the first event that is still there.
    async fn ensure_group(&self, stream: &StreamKey, group: &str) -> Result<(), BrokerError>;

    /// Up to `count` events that no consumer of the group has had. Does not wait for new ones.
    async fn read(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        count: usize,
    ) -> Result<Vec<Delivery>, BrokerError>;

    /// Takes over up to `count` deliveries that have gone unconfirmed for `idle` milliseconds (0 takes all). Choose it
    /// above the longest processing time: a slow consumer is still running.
    async fn reclaim(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        idle: u64,
        count: usize,
    ) -> Result<Reclaimed, BrokerError>;

    /// Confirms deliveries. Unknown ones are ignored.
    async fn confirm(&self, stream: &StreamKey, group: &str, positions: &[Position]) -> Result<(), BrokerError>;
}
