//! The streams of one slot group.

use std::collections::HashSet;

use crate::broker::{Broker, BrokerError, Keeps, StreamKey};
use crate::domain::change::{Change, Parked, Refusal, Unpark};
use crate::domain::event::{Event, Topic};
use crate::domain::ids::Millis;
use crate::store::{CommitError, Outgoing, Published, StoreError, StreamMark};
use crate::telemetry::metrics::{RELAY_FAILURES, RELAY_LAG_SECONDS, RELAY_PARKED, RELAY_PUBLISHED, RELAY_REFILLS};

use super::RelaySetup;
use super::stream::{Batch, Stream, Wrote};
use super::suspects::{Line, Suspects, TRIES, Turn, line};
use crate::worker::runner::{Trouble, chain};

/// Events of a group in one run; also the most that one publish takes.
const PAGE: u32 = 512;
/// With no consumer group named, events older than this are trimmed, milliseconds.
const KEPT_MS: Millis = 24 * 3_600_000;
/// When a broker refuses so many events in a row and takes none, the events are not to blame.
const REFUSES_ALL: usize = 8;

/// What is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upkeep {
    pub(super) check: bool,
    pub(super) tidy: bool,
    pub(super) trim: bool,
}

/// What a run published, even if it ended in an error.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) published: Vec<Published>,
    pub(super) full: bool,
    pub(super) trouble: Option<Trouble>,
}

/// One slot group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) number: u16,
    streams: Vec<Stream>,
    suspects: Suspects,
    /// Not yet looked at since the lease was taken.
    fresh: bool,
}

/// One event that the broker refused in this run, and its words.
struct Refused<'e>(&'e Outgoing, String);

impl Group {
    /// As the last relay of the group left it.
    pub(super) async fn load(setup: &RelaySetup, number: u16) -> Result<Self, StoreError> {
        let mut streams = vec![];
        for topic in [Topic::Order, Topic::Payment, Topic::Fulfilment, Topic::Aftersale] {
            let key = StreamKey::new(&setup.prefix, topic.word(), u8::try_from(number).unwrap_or(u8::MAX));
            let mark = match setup.broker.keeps() {
                Keeps::WhileRunning => None,
                Keeps::AcrossRestarts => setup.store.stream_mark(key.as_str()).await?,
            };
            streams.push(Stream::new(key, topic, mark));
        }
        Ok(Self { number, streams, suspects: Suspects::default(), fresh: true })
    }

    /// Fills lost streams again, notes what was confirmed, trims.
    pub(super) async fn upkeep(&mut self, setup: &RelaySetup, due: Upkeep) -> Result<(), Trouble> {
        let broker = &*setup.broker;
        let oldest = setup.clock.now() - KEPT_MS;
        for stream in &mut self.streams {
            if (due.check || self.fresh) && stream.is_lost(broker).await? {
                refill(setup, self.number, stream).await?;
            }
            if due.tidy || due.trim {
                stream.tidy(broker, &setup.consumers, oldest, due.trim).await?;
            }
        }
        self.fresh = false;
        Ok(())
    }

    /// Marks that are not stored yet.
    pub(super) fn take_marks(&mut self) -> Vec<StreamMark> {
        self.streams.iter_mut().filter_map(Stream::take_mark).collect()
    }

    /// Storing them failed.
    pub(super) fn keep_marks(&mut self) {
        self.streams.iter_mut().for_each(Stream::keep_mark);
    }

    /// Publishes a page of what waits.
    pub(super) async fn publish(&mut self, setup: &RelaySetup) -> Pass {
        let mut pass = Pass::default();
        pass.trouble = self.pass(setup, &mut pass.published, &mut pass.full).await.err();
        pass
    }

    async fn pass(
        &mut self,
        setup: &RelaySetup,
        published: &mut Vec<Published>,
        full: &mut bool,
    ) -> Result<(), Trouble> {
        let now = setup.clock.now();
        let events = self.page(setup, now, full).await?;
        let mut refused = vec![];
        let mut first = Ok(());
        for at in 0..self.streams.len() {
            let topic = self.streams[at].topic;
            let of_topic = || events.iter().filter(move |event| event.event.topic == topic);
            let turn = |event: &&Outgoing, turn| self.suspects.turn(&event.event, now) == turn;
            let together: Vec<_> = of_topic().filter(|event| turn(event, Turn::Together)).collect();
            let alone: Vec<_> = of_topic().filter(|event| turn(event, Turn::Alone)).collect();
            let stream = &mut self.streams[at];
            let mut writing = Writing { setup, group: self.number, now, stream, published, refused: &mut refused };
            first = writing.write(&together, &alone).await;
            if first.is_err() {
                metrics::counter!(RELAY_FAILURES, "stream" => self.streams[at].key.to_string()).increment(1);
                break;
            }
        }
        let took_any = !published.is_empty();
        for event in published.iter().filter_map(|p| events.iter().find(|e| e.position == p.position)) {
            if self.suspects.cleared(&event.event) {
                tracing::info!(event = event.event.id(), "a parked event was published after all");
            }
        }
        for Refused(event, why) in refused {
            if self.suspects.refused(&event.event, now, took_any) {
                park(setup, &event.event, &why, now).await?;
            }
        }
        first
    }

    /// The first page in which there is anything to do: lines that are held up may fill whole pages.
    async fn page(&self, setup: &RelaySetup, now: Millis, full: &mut bool) -> Result<Vec<Outgoing>, Trouble> {
        let mut after = 0;
        loop {
            let events = setup.store.take_events(self.number, after, PAGE).await?;
            *full = events.len() == PAGE as usize;
            let Some(last) = events.last().map(|event| event.position) else { return Ok(events) };
            if after == 0 {
                report_lag(self.number, &events[0].event, now);
            }
            if !*full || events.iter().any(|event| self.suspects.turn(&event.event, now) != Turn::Wait) {
                return Ok(events);
            }
            after = last;
        }
    }
}

/// The writing of one stream in one run.
struct Writing<'r, 'e> {
    setup: &'r RelaySetup,
    group: u16,
    now: Millis,
    stream: &'r mut Stream,
    published: &'r mut Vec<Published>,
    refused: &'r mut Vec<Refused<'e>>,
}

impl<'e> Writing<'_, 'e> {
    async fn write(&mut self, together: &[&'e Outgoing], alone: &[&'e Outgoing]) -> Result<(), Trouble> {
        if !together.is_empty() {
            let mut batch = Batch::default();
            for event in together {
                batch.push(event);
            }
            match self.append(&batch).await {
                Ok(()) => self.took(together),
                Err(error) if is_refusal(&error) => self.one_by_one(together).await?,
                Err(error) => return Err(error.into()),
            }
        }
        self.one_by_one(alone).await
    }

    /// Finds who is to blame. Later events of a line whose event is refused wait for it.
    async fn one_by_one(&mut self, events: &[&'e Outgoing]) -> Result<(), Trouble> {
        let mut held_up: HashSet<Line> = HashSet::new();
        for event in events {
            if held_up.contains(&line(&event.event)) {
                continue;
            }
            match self.append(&Batch::of(event)).await {
                Ok(()) => self.took(&[event]),
                Err(error) if is_refusal(&error) => {
                    held_up.insert(line(&event.event));
                    self.refused.push(Refused(event, chain(&error)));
                    if self.published.is_empty() && self.refused.len() >= REFUSES_ALL {
                        self.refused.clear();
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), BrokerError> {
        let broker = &*self.setup.broker;
        if self.stream.append(broker, batch).await? == Wrote::All {
            return Ok(());
        }
        let lost = |error: Trouble| BrokerError::Unavailable(error);
        refill(self.setup, self.group, self.stream).await.map_err(lost)?;
        match self.stream.append(broker, batch).await? {
            Wrote::All => Ok(()),
            Wrote::StreamLost => Err(lost("the stream was lost again at once".into())),
        }
    }

    fn took(&mut self, events: &[&Outgoing]) {
        self.published.extend(events.iter().map(|event| event.published(self.now)));
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        metrics::counter!(RELAY_PUBLISHED, "stream" => self.stream.key.to_string()).increment(count);
    }
}

/// The broker is there and says no.
fn is_refusal(error: &BrokerError) -> bool {
    match error {
        BrokerError::Refused(_) | BrokerError::Nonsense { .. } | BrokerError::BatchTooLarge(_) => true,
        BrokerError::Unavailable(_) | BrokerError::NoGroup => false,
    }
}

/// Publishes again what a lost stream should hold. If it is cut short, whoever comes next begins anew.
async fn refill(setup: &RelaySetup, group: u16, stream: &mut Stream) -> Result<(), Trouble> {
    let broker: &dyn Broker = &*setup.broker;
    let mut after = stream.low();
    tracing::warn!(stream = %stream.key, above = after, "the broker lost events; they are published again");
    metrics::counter!(RELAY_REFILLS, "stream" => stream.key.to_string()).increment(1);
    setup.store.mark_stream(stream.begin_refill()).await?;
    loop {
        let events = setup.store.sent_events(group, after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        let mut batch = Batch::default();
        for event in events.iter().filter(|event| event.event.topic == stream.topic) {
            batch.push(event);
        }
        if !batch.events.is_empty() {
            stream.refill(broker, &batch).await?;
        }
    }
    let found = broker.last(&stream.key).await?;
    stream.end_refill(found);
    Ok(())
}

/// Puts an event that the broker refuses again and again where operators look. It stays in the outbox, and is tried
/// again every minute.
async fn park(setup: &RelaySetup, event: &Event, why: &str, now: Millis) -> Result<(), Trouble> {
    let (shop_no, id) = (event.subject, event.id());
    tracing::error!(event = id, why, "the broker refuses an event; its order's later events wait");
    metrics::counter!(RELAY_PARKED).increment(1);
    let name = || "publish".to_owned();
    let parked =
        Parked { shop_no, event: name(), id: id.clone(), payload: event.body.clone(), at: now, expires_at: now };
    match setup.store.commit(Change { at: now, park: vec![parked], ..Change::default() }).await {
        Ok(_) | Err(CommitError::Refused(Refusal::ParkedBefore { .. })) => {}
        Err(error) => return Err(error.into()),
    }
    let reason = format!("the broker refused it {TRIES} times: {why}");
    let dead = Unpark { shop_no, event: name(), id, dead: Some(reason) };
    setup.store.commit(Change { at: now, unpark: vec![dead], ..Change::default() }).await?;
    Ok(())
}

/// How old the oldest waiting event is, by its own word.
fn report_lag(group: u16, event: &Event, now: Millis) {
    #[derive(serde::Deserialize)]
    struct Timed<'a> {
        #[serde(borrow)]
        time: &'a str,
    }
    let at = serde_json::from_str::<Timed<'_>>(&event.body)
        .ok()
        .and_then(|timed| time::OffsetDateTime::parse(timed.time, &time::format_description::well_known::Rfc3339).ok());
    let Some(at) = at.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()) else { return };
    let age = std::time::Duration::from_millis(u64::try_from(now - at).unwrap_or(0));
    metrics::gauge!(RELAY_LAG_SECONDS, "group" => group.to_string()).set(age.as_secs_f64());
}
