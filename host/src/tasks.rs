//! Background work that the host waits for when it stops. The only place that spawns.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::telemetry::metrics::TASK_PANICS;

/// The host's running tasks, cheap to clone. Made once at start.
#[derive(Clone, Debug)]
pub struct Tasks {
    running: Arc<Mutex<JoinSet<()>>>,
    stop: watch::Sender<bool>,
}

/// The work did not finish: it panicked, or was cut off while stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work was cut off before it finished")]
pub struct CutOff;

/// How a [`Tasks::shut_down`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutDown {
    /// Every task ended by itself.
    Clean,
    /// This many had to be cut off.
    CutOff(usize),
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// Nothing running yet.
    pub fn new() -> Self {
        Self { running: Arc::default(), stop: watch::Sender::new(false) }
    }

    /// Runs `work` beside the caller. A panic in it is logged under `name` and ends only this task.
    /// Must be called inside a tokio runtime.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let guarded = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                metrics::counter!(TASK_PANICS, "task" => name).increment(1);
                tracing::error!(task = name, "a background task panicked");
            }
        };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(guarded);
    }

    /// Runs `work` to its end even if the caller is dropped meanwhile, as a client's closed connection drops a handler.
    pub async fn finish<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, CutOff> {
        let (answer, answered) = oneshot::channel();
        self.spawn(name, async move {
            // The caller may be gone; the work counts all the same.
            let _ = answer.send(work.await);
        });
        answered.await.map_err(|_| CutOff)
    }

    /// For loops: tells when to stop.
    pub fn stop_signal(&self) -> StopSignal {
        StopSignal(self.stop.subscribe())
    }

    /// Tells every loop to stop, waits up to `patience`, then cuts off what is left.
    pub async fn shut_down(&self, patience: Duration) -> ShutDown {
        self.stop.send_replace(true);
        let drained = std::future::poll_fn(|context| {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                match running.poll_join_next(context) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        if tokio::time::timeout(patience, drained).await.is_ok() {
            return ShutDown::Clean;
        }
        let mut left = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let count = left.len();
        left.shutdown().await;
        ShutDown::CutOff(count)
    }
}

/// Told to a loop by [`Tasks::stop_signal`].
#[derive(Clone, Debug)]
pub struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// Resolves once the host is stopping. Safe to drop and ask again, as in `select!`.
    pub async fn requested(&mut self) {
        // An error means that the host is gone altogether.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }

    /// Whether the host is stopping now.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn stopping_waits_for_loops_and_for_what_they_start_last() {
        let tasks = Tasks::new();
        let (done, finished) = oneshot::channel();
        let mut stop = tasks.stop_signal();
        let inner = tasks.clone();
        tasks.spawn("loop", async move {
            stop.requested().await;
            inner.spawn("last", async move { done.send(()).unwrap() });
        });
        assert_eq!(tasks.shut_down(PATIENCE).await, ShutDown::Clean);
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn stopping_cuts_off_what_never_ends() {
        let tasks = Tasks::new();
        tasks.spawn("stuck", std::future::pending());
        assert_eq!(tasks.shut_down(Duration::ZERO).await, ShutDown::CutOff(1));
    }

    #[tokio::test]
    async fn work_outlives_a_caller_that_goes_away() {
        let tasks = Tasks::new();
        let (go, wait) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        {
            let mut call = Box::pin(tasks.finish("work", async move {
                wait.await.unwrap();
                done.send(5).unwrap();
            }));
            assert!((&mut call).now_or_never().is_none());
        }
        go.send(()).unwrap();
        assert_eq!(finished.await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_panic_ends_only_its_own_task() {
        let tasks = Tasks::new();
        assert_eq!(tasks.finish("broken", async { panic!("on purpose") }).await, Err::<(), _>(CutOff));
        assert_eq!(tasks.finish("sound", async { 1 }).await, Ok(1));
        assert_eq!(tasks.shut_down(PATIENCE).await, ShutDown::Clean);
    }
}
