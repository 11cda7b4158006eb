//! A crowd of buyers for some seconds; what counts is what the database has afterwards.

#![expect(clippy::float_arithmetic, reason = "rates for people; no money")]

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::flow::{Place, Tokens};
use crate::servers::wait_until;
use crate::world::{World, WorldError};

const DRAIN_LIMIT: Duration = Duration::from_mins(2);
const LONGEST_US: u64 = 60_000_000;
/// More failed flows than this make a run invalid.
const FAILURES_MAX: usize = 10;

/// What every buyer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// The whole flow, from create to received.
    Flow,
    /// Create alone, all of one SKU.
    HotCreate,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// As the database counts them, over the run and the time until everything was published.
    pub(super) per_second: f64,
    /// Half of the flows took at most this long.
    pub(super) p50: Duration,
    /// 99 of 100 took at most this long.
    pub(super) p99: Duration,
    counted: i64,
    failed: usize,
    drain: Duration,
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_second, p50, p99, counted, failed, drain } = self;
        write!(
            formatter,
            "{per_second:.0}/s ({counted} in the database, {failed} failed, outbox empty {drain:.1?} later), \
             p50 {p50:.1?}, p99 {p99:.1?}"
        )
    }
}

struct Tally {
    histogram: Histogram<u64>,
    done: i64,
    failures: Vec<String>,
}

/// Lets a crowd go for some time.
pub(super) async fn run(world: &World, run: Run, crowd: usize, took: Duration) -> Result<Measured, WorldError> {
    let tokens = Arc::new(Tokens::new(&world.mint));
    let before = count(world, run, i64::MAX).await?;
    let (begin, begin_ms) = (Instant::now(), now_ms());
    let mut places = JoinSet::new();
    for number in 0..crowd {
        let place = Place::new(world.address(), &tokens, number, begin_ms);
        places.spawn(go(place, run, begin + took));
    }
    let mut total = Tally { histogram: histogram(), done: 0, failures: Vec::new() };
    while let Some(joined) = places.join_next().await {
        let tally = joined.map_err(|error| WorldError::Wrong(error.to_string()))?;
        let _ = total.histogram.add(&tally.histogram);
        total.done += tally.done;
        total.failures.extend(tally.failures);
    }
    let elapsed = begin.elapsed();
    let drain = drained(world).await?;
    let end_ms = begin_ms + i64::try_from(elapsed.as_millis()).unwrap_or_default();
    let counted = count(world, run, end_ms).await? - before;
    if counted < total.done || total.failures.len() > FAILURES_MAX {
        let first = total.failures.first();
        let (done, failed) = (total.done, total.failures.len());
        return Err(WorldError::Wrong(format!("{done} done, {counted} counted, {failed} failed, first {first:?}")));
    }
    let value = |quantile| Duration::from_micros(total.histogram.value_at_quantile(quantile));
    Ok(Measured {
        per_second: rate(total.done.min(counted), elapsed + drain),
        p50: value(0.5),
        p99: value(0.99),
        counted,
        failed: total.failures.len(),
        drain,
    })
}

async fn go(mut place: Place, run: Run, until: Instant) -> Tally {
    let mut tally = Tally { histogram: histogram(), done: 0, failures: Vec::new() };
    while Instant::now() < until {
        let begin = Instant::now();
        let outcome = match run {
            Run::Flow => place.flow().await,
            Run::HotCreate => place.hot().await,
        };
        match outcome {
            Ok(true) => {
                tally.done += 1;
                let micros = u64::try_from(begin.elapsed().as_micros()).unwrap_or(LONGEST_US);
                tally.histogram.saturating_record(micros);
            }
            Ok(false) => tally.failures.push("the order was not received".to_owned()),
            Err(error) => tally.failures.push(error.to_string()),
        }
    }
    tally
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are sound")
}

/// How many orders the database has that the run makes.
async fn count(world: &World, run: Run, until_ms: i64) -> Result<i64, WorldError> {
    let query = match run {
        Run::Flow => format!("SELECT count(*) FROM shop_orders WHERE status = 4 AND received_at <= {until_ms}"),
        Run::HotCreate => format!("SELECT count(*) FROM shop_orders WHERE created_at <= {until_ms}"),
    };
    Ok(world.database().rows(&query).await?[0].int(0))
}

/// Waits until everything is published.
async fn drained(world: &World) -> Result<Duration, WorldError> {
    let begin = Instant::now();
    wait_until("an empty outbox", DRAIN_LIMIT, async || -> Result<_, WorldError> {
        let rows = world.database().rows("SELECT count(*) FROM outbox").await?;
        Ok((rows[0].int(0) == 0).then_some(()))
    })
    .await?;
    Ok(begin.elapsed())
}

fn rate(count: i64, elapsed: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / elapsed.as_secs_f64()
}

/// Wall time, as the host writes it into rows.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
