//! The relay: events from the outbox to the broker. Commit, publish, mark: twice is possible, lost or with another id
//! is not.
//!
//! Events of one subject and topic leave in their sequence. A broker that lost a stream (Redis was wiped, or went back
//! to an older state) gets again everything above the mark up to which all consumer groups have confirmed.

mod group;
mod stream;
mod suspects;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use self::group::{Group, Upkeep};
use super::leases::Held;
use super::runner::{Trouble, Worked, Worker};
use crate::broker::{Broker, Keeps};
use crate::clock::{Clock, Stopwatch};
use crate::faults;
use crate::store::Store;
use crate::telemetry::metrics::{OUTBOX_WAITING, RELAY_LAG_SECONDS};

/// How often streams that are not written are looked at.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked what was confirmed.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// How often is counted what waits.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How often streams are trimmed.
const TRIM_EVERY: Duration = Duration::from_mins(1);
/// After the signal of a commit more commits are waited for, so that a busy host marks many events at once.
const GATHER: Duration = Duration::from_millis(30);
/// Runs that stopping waits for.
const LAST_RUNS: usize = 50;

/// What a relay works with.
#[derive(Clone)]
pub struct RelaySetup {
    /// The outbox.
    pub store: Store,
    /// Where events go.
    pub broker: Arc<dyn Broker>,
    /// The slot groups of this host.
    pub held: Held,
    /// `ORDER_EVENT_TOPIC`
    pub prefix: String,
    /// `ORDER_EVENT_CONSUMER_GROUPS`
    pub consumers: Vec<String>,
    /// `ORDER_RELAY_POLL_MS`
    pub poll: Duration,
    /// The time.
    pub clock: Clock,
}

/// The relay of one host.
pub struct Relay {
    setup: RelaySetup,
    groups: Vec<Group>,
    counted: Every,
    checked: Every,
    tidied: Every,
    trimmed: Every,
}

impl Relay {
    /// With nothing known about the streams yet.
    pub fn new(setup: RelaySetup) -> Self {
        let every = |period| Every { period, since: setup.clock.stopwatch() };
        Self {
            groups: vec![],
            counted: every(COUNT_EVERY),
            checked: every(CHECK_EVERY),
            tidied: every(TIDY_EVERY),
            trimmed: every(TRIM_EVERY),
            setup,
        }
    }

    /// Starts with groups that came and forgets those that went: another relay writes their streams now.
    async fn follow_leases(&mut self) -> Result<(), Trouble> {
        let held = self.setup.held.groups();
        self.groups.retain(|group| held.contains(&group.number));
        for number in held {
            if !self.groups.iter().any(|group| group.number == number) {
                self.groups.push(Group::load(&self.setup, number).await?);
            }
        }
        Ok(())
    }

    /// Looks after the streams, as far as it is time. A broker that ends with the process has nothing to lose.
    async fn upkeep(&mut self) -> Result<(), Trouble> {
        if self.setup.broker.keeps() == Keeps::WhileRunning {
            return Ok(());
        }
        let clock = &self.setup.clock;
        let due = Upkeep {
            check: self.checked.is_due(clock),
            tidy: self.tidied.is_due(clock),
            trim: self.trimmed.is_due(clock),
        };
        let setup = &self.setup;
        let done = join_all(self.groups.iter_mut().map(|group| group.upkeep(setup, due))).await;
        done.into_iter().collect()
    }

    /// Counts what waits anywhere, as far as it is time: every run finds what there is to do without.
    async fn count(&mut self) -> Result<(), Trouble> {
        if self.counted.is_due(&self.setup.clock) {
            let waiting: i64 = self.setup.store.outbox_backlog().await?.iter().map(|group| group.events).sum();
            metrics::gauge!(OUTBOX_WAITING).set(u32::try_from(waiting)?);
        }
        Ok(())
    }

    /// Publishes what waits, up to a page a group.
    async fn publish(&mut self) -> Result<Worked, Trouble> {
        let waiting = self.setup.store.waiting_groups().await?;
        for idle in self.groups.iter().filter(|group| !waiting.contains(&group.number)) {
            metrics::gauge!(RELAY_LAG_SECONDS, "group" => idle.number.to_string()).set(0.0);
        }
        let setup = &self.setup;
        let busy = self.groups.iter_mut().filter(|group| waiting.contains(&group.number));
        let passes = join_all(busy.map(|group| group.publish(setup))).await;

        let mut published = vec![];
        let (mut worked, mut trouble) = (Worked::Idle, None);
        for pass in passes {
            if pass.full && !pass.published.is_empty() {
                worked = Worked::More;
            }
            published.extend(pass.published);
            trouble = trouble.or(pass.trouble);
        }
        let marks: Vec<_> = self.groups.iter_mut().flat_map(Group::take_marks).collect();
        if !published.is_empty() {
            faults::point("after-publish-before-mark");
        }
        if let Err(error) = self.setup.store.mark_relayed(published, marks).await {
            self.groups.iter_mut().for_each(Group::keep_marks);
            return Err(error.into());
        }
        trouble.map_or(Ok(worked), Err)
    }
}

#[async_trait]
impl Worker for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn rest(&self) -> Duration {
        self.setup.poll
    }

    fn gather(&self) -> Duration {
        GATHER
    }

    async fn run_once(&mut self) -> Result<Worked, Trouble> {
        self.follow_leases().await?;
        self.upkeep().await?;
        self.count().await?;
        self.publish().await
    }

    /// What was committed while the host was stopping leaves with it.
    async fn finish(&mut self) -> Result<(), Trouble> {
        for _ in 0..LAST_RUNS {
            if self.run_once().await? == Worked::Idle {
                break;
            }
        }
        Ok(())
    }
}

/// Something that is done once in a while.
struct Every {
    period: Duration,
    since: Stopwatch,
}

impl Every {
    fn is_due(&mut self, clock: &Clock) -> bool {
        let due = self.since.elapsed() >= self.period;
        if due {
            self.since = clock.stopwatch();
        }
        due
    }
}
