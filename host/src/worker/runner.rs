//! The loop around every worker: run, wait for the next time, back off after an error, stop when told.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::tasks::StopSignal;
use crate::telemetry::Seldom;
use crate::telemetry::metrics::WORKER_FAILURES;

/// The first wait after an error, milliseconds; it doubles up to [`BACK_OFF_MAX`].
const BACK_OFF: u64 = 100;
/// The longest wait after an error, milliseconds.
const BACK_OFF_MAX: u64 = 5_000;
/// One line of log for each worker in this time, milliseconds.
const LOG_EVERY: i64 = 10_000;

/// What a worker could not do. It is logged by the loop and nowhere else.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// There was nothing (more) to do.
    Idle,
    /// There is more: come again at once.
    More,
}

/// Something that is done again and again, without any input.
#[async_trait]
pub trait Worker: Send {
    /// For logs and metrics.
    fn name(&self) -> &'static str;

    /// How long it rests when there is nothing to do.
    fn rest(&self) -> Duration;

    /// How long it waits after being woken, so that more comes together.
    fn gather(&self) -> Duration {
        Duration::ZERO
    }

    /// Does what there is to do, up to a bounded amount.
    async fn run_once(&mut self) -> Result<Worked, Trouble>;

    /// What it still does when the host stops. As a rule nothing.
    async fn finish(&mut self) -> Result<(), Trouble> {
        Ok(())
    }
}

/// What every loop needs.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) stop: StopSignal,
    /// Ends a rest.
    pub(super) wake: Arc<Notify>,
}

impl Loop {
    /// Runs until the host stops.
    pub(super) async fn drive(mut self, mut worker: impl Worker) {
        let seldom = Seldom::every(LOG_EVERY);
        let mut failures = 0_u32;
        while !self.stop.is_requested() {
            let rest = match worker.run_once().await {
                Ok(Worked::More) => {
                    failures = 0;
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Worked::Idle) => {
                    failures = 0;
                    worker.rest()
                }
                Err(trouble) => {
                    failures += 1;
                    self.report(&seldom, worker.name(), &trouble);
                    back_off(failures, &self.entropy)
                }
            };
            let woken = async {
                // After an error the rest is kept: a signal a millisecond would make it a hot loop.
                if failures == 0 { self.wake.notified().await } else { std::future::pending().await }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = woken => tokio::time::sleep(worker.gather()).await,
                () = self.stop.requested() => {}
            }
        }
        if let Err(trouble) = worker.finish().await {
            tracing::warn!(worker = worker.name(), error = %chain(trouble.as_ref()), "a worker did not end in good order");
        }
    }

    fn report(&self, seldom: &Seldom, name: &'static str, trouble: &Trouble) {
        metrics::counter!(WORKER_FAILURES, "worker" => name).increment(1);
        if let Some(more) = seldom.due(self.clock.now()) {
            tracing::warn!(worker = name, error = %chain(trouble.as_ref()), more, "a worker failed and will try again");
        }
    }
}

/// Between half and all of a time that doubles with every failure in a row.
pub(super) fn back_off(failures: u32, entropy: &Entropy) -> Duration {
    let full = BACK_OFF.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACK_OFF_MAX);
    Duration::from_millis(full / 2 + entropy.below(full / 2 + 1))
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{ShutDown, Tasks};
    use tokio::sync::mpsc;

    struct Counting {
        runs: mpsc::UnboundedSender<u32>,
        count: u32,
        fails: bool,
    }

    #[async_trait]
    impl Worker for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }
        fn rest(&self) -> Duration {
            Duration::from_hours(1)
        }
        async fn run_once(&mut self) -> Result<Worked, Trouble> {
            self.count += 1;
            self.runs.send(self.count)?;
            if self.fails {
                Err("on purpose".into())
            } else {
                Ok(if self.count < 3 { Worked::More } else { Worked::Idle })
            }
        }
        async fn finish(&mut self) -> Result<(), Trouble> {
            Ok(self.runs.send(1_000)?)
        }
    }

    #[tokio::test]
    async fn more_runs_at_once_a_signal_ends_a_rest_and_stopping_finishes() {
        let (runs, mut ran) = mpsc::unbounded_channel();
        let (tasks, wake) = (Tasks::new(), Arc::new(Notify::new()));
        let (clock, entropy) = (Clock::system(), Entropy::seeded(1));
        let around = Loop { clock, entropy, stop: tasks.stop_signal(), wake: wake.clone() };
        tasks.spawn("counting", around.drive(Counting { runs, count: 0, fails: false }));
        for expected in 1..=3 {
            assert_eq!(ran.recv().await, Some(expected));
        }
        wake.notify_one();
        assert_eq!(ran.recv().await, Some(4));
        assert_eq!(tasks.shut_down(Duration::from_secs(10)).await, ShutDown::Clean);
        assert_eq!(ran.recv().await, Some(1_000));
    }

    #[tokio::test]
    async fn failures_are_spaced_out_whatever_wakes_the_worker() {
        let (runs, mut ran) = mpsc::unbounded_channel();
        let (tasks, wake) = (Tasks::new(), Arc::new(Notify::new()));
        let watch = Clock::system().stopwatch();
        let around =
            Loop { clock: Clock::system(), entropy: Entropy::seeded(1), stop: tasks.stop_signal(), wake: wake.clone() };
        tasks.spawn("counting", around.drive(Counting { runs, count: 0, fails: true }));
        for expected in 1..=3 {
            assert_eq!(ran.recv().await, Some(expected));
            wake.notify_one();
        }
        // At least half of 100 and half of 200 milliseconds.
        assert!(watch.elapsed() >= Duration::from_millis(150), "{:?}", watch.elapsed());
        assert_eq!(tasks.shut_down(Duration::from_secs(10)).await, ShutDown::Clean);
    }

    #[test]
    fn the_back_off_grows_and_ends() {
        let entropy = Entropy::seeded(1);
        for failures in 1..40 {
            let rest = back_off(failures, &entropy);
            assert!(rest >= Duration::from_millis(BACK_OFF / 2) && rest <= Duration::from_millis(BACK_OFF_MAX));
        }
        assert!(back_off(20, &entropy) >= Duration::from_millis(BACK_OFF_MAX / 2));
    }
}
