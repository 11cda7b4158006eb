//! Redis Streams. The server should run with `noeviction` and an append-only file; nothing is lost if it does not,
//! only published again.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::Value;
use secrecy::SecretString;

use super::{BATCH_MAX, Broker, BrokerError, Delivery, Keeps, Outgoing, Position, Reclaimed, StreamKey};
use crate::redis_link::{LinkError, RedisLink};

/// The longest that one command or batch may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The fields of an entry.
const EVENT_ID: &str = "id";
const BODY: &str = "event";

/// Streams of a Redis 6.2 or later. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RedisBroker {
    link: RedisLink,
}

/// Whether a missing stream may be made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    Any,
    Existing,
}

impl From<LinkError> for BrokerError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::TimedOut(_) | LinkError::Broken(_) => Self::Unavailable(Box::new(error)),
            LinkError::Refused(_) if error.is_absent() => Self::NoGroup,
            LinkError::Refused(_) => Self::Refused(Box::new(error)),
        }
    }
}

impl RedisBroker {
    /// Connects at the first use.
    pub fn new(url: &SecretString) -> Result<Self, BrokerError> {
        Ok(Self { link: RedisLink::lazy(url, PATIENCE)? })
    }

    /// Appends in one transaction. None: the stream had to exist and does not.
    async fn append(
        &self,
        stream: &StreamKey,
        events: &[Outgoing],
        onto: Onto,
    ) -> Result<Option<Vec<Position>>, BrokerError> {
        if events.len() > BATCH_MAX {
            return Err(BrokerError::BatchTooLarge(events.len()));
        }
        if events.is_empty() {
            return Ok(Some(Vec::new()));
        }
        // MULTI: an event refused in the middle must not leave later ones of its order published before it.
        let mut batch = redis::pipe();
        batch.atomic();
        for event in events {
            let command = batch.cmd("XADD").arg(stream.as_str());
            if onto == Onto::Existing {
                command.arg("NOMKSTREAM");
            }
            command.arg("*").arg(EVENT_ID).arg(&event.event_id).arg(BODY).arg(event.body.as_ref());
        }
        let ids: Vec<Value> = self.link.pipeline(&batch).await?;
        if onto == Onto::Existing && ids.iter().all(|id| *id == Value::Nil) {
            return Ok(None);
        }
        let positions = ids.iter().map(|id| position(stream, id)).collect::<Result<Vec<_>, _>>()?;
        if positions.len() == events.len() {
            Ok(Some(positions))
        } else {
            Err(nonsense(stream, format!("{} ids for {} events", positions.len(), events.len())))
        }
    }

    /// The last delivered position of each group, none if the stream is not there.
    async fn delivered(&self, stream: &StreamKey) -> Result<Vec<(String, Position)>, BrokerError> {
        let mut command = redis::cmd("XINFO");
        command.arg("GROUPS").arg(stream.as_str());
        let groups: Vec<Vec<Value>> = match self.link.command(&command).await {
            Err(error) if error.is_absent() => return Ok(Vec::new()),
            answer => answer?,
        };
        groups
            .iter()
            .map(|group| {
                let name = field(group, "name").and_then(text);
                let delivered = field(group, "last-delivered-id").and_then(text).and_then(|id| id.parse().ok());
                name.zip(delivered).ok_or_else(|| nonsense(stream, "XINFO GROUPS without name and last-delivered-id"))
            })
            .collect()
    }

    /// The oldest delivery that the group has not confirmed.
    async fn oldest_pending(&self, stream: &StreamKey, group: &str) -> Result<Option<Position>, BrokerError> {
        let mut command = redis::cmd("XPENDING");
        command.arg(stream.as_str()).arg(group);
        let summary: Vec<Value> = self.link.command(&command).await?;
        match summary.get(1) {
            Some(Value::Nil) => Ok(None),
            Some(id) => Ok(Some(position(stream, id)?)),
            None => Err(nonsense(stream, "XPENDING without a lowest id")),
        }
    }
}

#[async_trait]
impl Broker for RedisBroker {
    fn keeps(&self) -> Keeps {
        Keeps::AcrossRestarts
    }

    async fn publish(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Vec<Position>, BrokerError> {
        let positions = self.append(stream, events, Onto::Any).await?;
        positions.ok_or_else(|| nonsense(stream, "XADD without an id"))
    }

    async fn extend(&self, stream: &StreamKey, events: &[Outgoing]) -> Result<Option<Vec<Position>>, BrokerError> {
        self.append(stream, events, Onto::Existing).await
    }

    async fn last(&self, stream: &StreamKey) -> Result<Option<Position>, BrokerError> {
        let mut command = redis::cmd("XINFO");
        command.arg("STREAM").arg(stream.as_str());
        let info: Vec<Value> = match self.link.command(&command).await {
            Err(error) if error.is_absent() => return Ok(None),
            answer => answer?,
        };
        match field(&info, "last-generated-id") {
            Some(id) => Ok(Some(position(stream, id)?).filter(|last| *last > Position::ZERO)),
            None => Err(nonsense(stream, "XINFO STREAM without last-generated-id")),
        }
    }

    async fn low_water(&self, stream: &StreamKey, groups: &[String]) -> Result<Option<Position>, BrokerError> {
        if groups.is_empty() {
            return Ok(None);
        }
        // Asked in this order, what is delivered in between only lowers the mark.
        let delivered = self.delivered(stream).await?;
        let mut mark: Option<Position> = None;
        for name in groups {
            let own = match delivered.iter().find(|(group, _)| group == name) {
                None => Position::ZERO,
                Some((_, delivered)) => match self.oldest_pending(stream, name).await {
                    Ok(None) => *delivered,
                    Ok(Some(oldest)) => oldest.before().min(*delivered),
                    Err(BrokerError::NoGroup) => Position::ZERO,
                    Err(error) => return Err(error),
                },
            };
            mark = Some(mark.map_or(own, |mark| mark.min(own)));
        }
        Ok(mark)
    }

    async fn trim(&self, stream: &StreamKey, position: Position) -> Result<u64, BrokerError> {
        let mut command = redis::cmd("XTRIM");
        command.arg(stream.as_str()).arg("MINID").arg("=").arg(position.to_string());
        Ok(self.link.command(&command).await?)
    }

    async fn ensure_group(&self, stream: &StreamKey, group: &str) -> Result<(), BrokerError> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(stream.as_str()).arg(group).arg("0").arg("MKSTREAM");
        match self.link.command::<Value>(&command).await {
            Err(LinkError::Refused(error)) if error.code() == Some("BUSYGROUP") => Ok(()),
            answer => Ok(answer.map(drop)?),
        }
    }

    async fn read(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        count: usize,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(group).arg(consumer).arg("COUNT").arg(count);
        command.arg("STREAMS").arg(stream.as_str()).arg(">");
        let answer: Option<Vec<(Value, Vec<Value>)>> = self.link.command(&command).await?;
        let entries = answer.into_iter().flatten().flat_map(|(_, entries)| entries);
        entries.map(|entry| delivery(stream, &entry)).collect()
    }

    async fn reclaim(
        &self,
        stream: &StreamKey,
        group: &str,
        consumer: &str,
        idle: u64,
        count: usize,
    ) -> Result<Reclaimed, BrokerError> {
        let mut command = redis::cmd("XAUTOCLAIM");
        command.arg(stream.as_str()).arg(group).arg(consumer).arg(idle).arg("0-0").arg("COUNT").arg(count);
        let answer: Vec<Value> = self.link.command(&command).await?;
        // Redis 6.2 answers the next cursor and the entries; 7.0 adds the ids that it no longer has.
        let (Some(Value::Array(entries)), gone) = (answer.get(1), answer.get(2)) else {
            return Err(nonsense(stream, "XAUTOCLAIM without entries"));
        };
        let gone: &[Value] = if let Some(Value::Array(gone)) = gone { gone } else { &[] };
        let found = entries.iter().filter(|entry| !matches!(entry, Value::Nil));
        Ok(Reclaimed {
            deliveries: found.map(|entry| delivery(stream, entry)).collect::<Result<_, _>>()?,
            lost: gone.iter().map(|id| position(stream, id)).collect::<Result<_, _>>()?,
        })
    }

    async fn confirm(&self, stream: &StreamKey, group: &str, positions: &[Position]) -> Result<(), BrokerError> {
        if positions.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("XACK");
        command.arg(stream.as_str()).arg(group);
        for position in positions {
            command.arg(position.to_string());
        }
        self.link.command::<u64>(&command).await?;
        Ok(())
    }
}

fn nonsense(stream: &StreamKey, detail: impl Into<String>) -> BrokerError {
    BrokerError::Nonsense { stream: stream.clone(), detail: detail.into() }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

/// The value after `name` in a flat list of names and values.
fn field<'a>(list: &'a [Value], name: &str) -> Option<&'a Value> {
    list.chunks_exact(2).find(|pair| text(&pair[0]).as_deref() == Some(name)).map(|pair| &pair[1])
}

fn position(stream: &StreamKey, value: &Value) -> Result<Position, BrokerError> {
    let id = text(value).ok_or_else(|| nonsense(stream, "an id is not a text"))?;
    id.parse().map_err(|bad: super::BadPosition| nonsense(stream, bad.to_string()))
}

/// An entry is its id and a flat list of fields.
fn delivery(stream: &StreamKey, entry: &Value) -> Result<Delivery, BrokerError> {
    let Value::Array(parts) = entry else { return Err(nonsense(stream, "an entry is not a list")) };
    let [id, Value::Array(fields)] = parts.as_slice() else {
        return Err(nonsense(stream, "an entry is not an id with fields"));
    };
    let position = position(stream, id)?;
    match (field(fields, EVENT_ID).and_then(text), field(fields, BODY)) {
        (Some(event_id), Some(Value::BulkString(body))) => {
            Ok(Delivery { position, event_id, body: Bytes::from(body.clone()) })
        }
        _ => Err(nonsense(stream, format!("entry {position} has not the fields {EVENT_ID} and {BODY}"))),
    }
}
