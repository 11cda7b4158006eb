//! How long calls took, by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Longer calls are counted as this long.
const LONGEST_US: u64 = 60_000_000;

/// A name with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The call.
    pub name: String,
    /// How many.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// 99 of 100 took at most this long.
    pub p99: Duration,
}

/// Histograms by name; shared by all clients.
#[derive(Debug, Default)]
pub struct Meter(Mutex<BTreeMap<String, Histogram<u64>>>);

impl Meter {
    /// Runs a call and notes how long it took.
    pub async fn time<T>(&self, name: &str, call: impl Future<Output = T>) -> T {
        let begin = Instant::now();
        let answer = call.await;
        self.note(name, begin.elapsed());
        answer
    }

    /// Notes a duration.
    pub fn note(&self, name: &str, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        let mut histograms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !histograms.contains_key(name) {
            let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are sound");
            histograms.insert(name.to_owned(), histogram);
        }
        if let Some(histogram) = histograms.get_mut(name) {
            histogram.saturating_record(micros);
        }
    }

    /// Everything noted, by name.
    pub fn figures(&self) -> Vec<Figure> {
        let histograms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let figure = |(name, histogram): (&String, &Histogram<u64>)| Figure {
            name: name.clone(),
            count: histogram.len(),
            p50: Duration::from_micros(histogram.value_at_quantile(0.5)),
            p99: Duration::from_micros(histogram.value_at_quantile(0.99)),
        };
        histograms.iter().map(figure).collect()
    }
}
