//! Streams within the process: a bounded ring each. The oldest events leave when it is full; the outbox has them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{BATCH_MAX, Broker, BrokerError, Delivery, Keeps, Outgoing, Position, Reclaimed, StreamKey};
use crate::clock::Clock;

/// Events kept for each stream.
const RING: usize = 10_000;
/// Events that a subscriber may lag behind.
const SUBSCRIBER_LAG: usize = 1_024;

/// The broker of the embedded platform. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MemoryBroker {
    clock: Clock,
    streams: Arc<Mutex<HashMap<StreamKey, Stream>>>,
}

#[derive(Debug)]
struct Stream {
    events: VecDeque<Delivery>,
    last: Position,
    groups: HashMap<String, Group>,
    subscribers: broadcast::Sender<Delivery>,
}

#[derive(Debug, Default)]
struct Group {
    delivered: Option<Position>,
    /// Unconfirmed, with the time of delivery in epoch milliseconds.
    pending: BTreeMap<Position, i64>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            last: Position::ZERO,
            groups: HashMap::new(),
            subscribers: broadcast::Sender::new(SUBSCRIBER_LAG),
        }
    }
}

impl Stream {
    fn find(&self, position: Position) -> Option<&Delivery> {
        self.events.binary_search_by_key(&position, |event| event.position).ok().and_then(|at| self.events.get(at))
    }

    fn group(&mut self, group: &str) -> Result<&mut Group, BrokerError> {
        self.groups.get_mut(group).ok_or(BrokerError::NoGroup)
    }
}

impl MemoryBroker {
    /// No streams.
    pub fn new(clock: Clock) -> Self {
        Self { clock, streams: Arc::default() }
    }

    /// Everything published to `stream` from now on. A subscriber that lags is told how many it missed.
    pub fn subscribe(&self, stream: &StreamKey) -> broadcast::Receiver<Delivery> {
        self.streams().entry(stream.clone()).or_default().subscribers.subscribe()
    }

    /// Forgets everything, as a wiped server does. For tests.
    pub fn wipe(&self) {
        self.streams().clear();
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<StreamKey, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    fn keeps(&self) -> Keeps {
        Keeps::WhileRunning
    }

    async fn publish(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Vec<Position>, BrokerError> {
        if events.len() > BATCH_MAX {
            return Err(BrokerError::BatchTooLarge(events.len()));
        }
        let now = self.clock.now();
        let mut streams = self.streams();
        let stream = streams.entry(stream.clone()).or_default();
        let mut positions = Vec::with_capacity(events.len());
        for event in events {
            stream.last = stream.last.next(now);
            positions.push(stream.last);
            let delivery =
                Delivery { position: stream.last, event_id: event.event_id.clone(), body: event.body.clone() };
            // An error means that nobody subscribes.
            let _ = stream.subscribers.send(delivery.clone());
            stream.events.push_back(delivery);
        }
        let surplus = stream.events.len().saturating_sub(RING);
        stream.events.drain(..surplus);
        Ok(positions)
    }

    async fn extend(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Option<Vec<Position>>, BrokerError> {
        if self.last(stream).await?.is_none() {
            return Ok(None);
        }
        self.publish(stream, events).await.map(Some)
    }

    async fn last(&self, stream: &StreamKey) -> Result<Option<Position>, BrokerError> {
        Ok(self.streams().get(stream).map(|stream| stream.last).filter(|last| *last > Position::ZERO))
    }

    async fn low_water(&self, stream: &StreamKey, groups: &[String]) -> Result<Option<Position>, BrokerError> {
        let streams = self.streams();
        let stream = streams.get(stream);
        let mark = |name: &String| {
            let group = stream.and_then(|stream| stream.groups.get(name))?;
            match group.pending.keys().next() {
                Some(oldest) => Some(oldest.before()),
                None => group.delivered,
            }
        };
        Ok(groups.iter().map(|name| mark(name).unwrap_or(Position::ZERO)).min())
    }

    async fn trim(&self, stream: &StreamKey, position: Position) -> Result<u64, BrokerError> {
        let mut streams = self.streams();
        let Some(stream) = streams.get_mut(stream) else { return Ok(0) };
        let below = stream.events.partition_point(|event| event.position < position);
        stream.events.drain(..below);
        Ok(below as u64)
    }

    async fn ensure_group(&self, stream: &StreamKey, group: &str) -> Result<(), BrokerError> {
        self.streams().entry(stream.clone()).or_default().groups.entry(group.to_owned()).or_default();
        Ok(())
    }

    async fn read(
        &self,
        stream: &StreamKey,
        group: &str,
        _consumer: &str,
        count: usize,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let now = self.clock.now();
        let mut streams = self.streams();
        let stream = streams.get_mut(stream).ok_or(BrokerError::NoGroup)?;
        let after = stream.group(group)?.delivered.unwrap_or(Position::ZERO);
        let start = stream.events.partition_point(|event| event.position <= after);
        let fresh: Vec<_> = stream.events.iter().skip(start).take(count).cloned().collect();
        let group = stream.group(group)?;
        for delivery in &fresh {
            group.delivered = Some(delivery.position);
            group.pending.insert(delivery.position, now);
        }
        Ok(fresh)
    }

    async fn reclaim(
        &self,
        stream: &StreamKey,
        group: &str,
        _consumer: &str,
        idle: u64,
        count: usize,
    ) -> Result<Reclaimed, BrokerError> {
        let now = self.clock.now();
        let overdue = now.saturating_sub_unsigned(idle);
        let mut streams = self.streams();
        let stream = streams.get_mut(stream).ok_or(BrokerError::NoGroup)?;
        let pending = &stream.group(group)?.pending;
        let late: Vec<_> = pending.iter().filter(|(_, at)| **at <= overdue).map(|(at, _)| *at).take(count).collect();
        let mut reclaimed = Reclaimed::default();
        for position in late {
            if let Some(delivery) = stream.find(position).cloned() {
                stream.group(group)?.pending.insert(position, now);
                reclaimed.deliveries.push(delivery);
            } else {
                stream.group(group)?.pending.remove(&position);
                reclaimed.lost.push(position);
            }
        }
        Ok(reclaimed)
    }

    async fn confirm(&self, stream: &StreamKey, group: &str, positions: &[Position]) -> Result<(), BrokerError> {
        let mut streams = self.streams();
        if let Some(group) = streams.get_mut(stream).and_then(|stream| stream.groups.get_mut(group)) {
            for position in positions {
                group.pending.remove(position);
            }
        }
        Ok(())
    }
}
