//! The committer: one thread that owns the only write connection and commits what is waiting in batches.
//!
//! A batch is one transaction: batch id; lock the rows concerned in sorted order; decide one change after another in
//! memory; write what was accepted with one statement a table; commit; answer everyone. It never waits to fill.

mod accounts;
mod admin;
mod batch;
mod decide;
mod jobs;
mod lock;
pub(crate) mod look;
mod publish;
mod queue;
mod write;
mod writer;

pub use self::jobs::{LEASE_MS, Purged, StreamMark};
pub use self::publish::Published;
pub(crate) use self::publish::Relayed;
pub(crate) use self::queue::{Answer, Job};

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc, oneshot};

use self::batch::{Ids, Work, settle};
use self::queue::Batch;
use self::writer::Writer;
use super::cache::Cache;
use super::error::{CommitError, StoreError};
use super::open::{FileLock, Target};
use super::sql::Sql;
use crate::clock::Clock;
use crate::domain::change::{Committed, Refusal};
use crate::telemetry::metrics::{COMMIT_BATCH_CHANGES, COMMIT_QUEUE, COMMIT_REFUSED, COMMIT_SECONDS};

/// A step of a batch; its error is that of the whole batch.
type Attempting<T> = Result<T, StoreError>;

/// Every statement of the committer.
pub(crate) fn all() -> Vec<&'static Sql> {
    let mut all = accounts::all();
    all.extend(admin::all());
    all.extend(jobs::all());
    all.extend(writer::all());
    all.extend(publish::all());
    all
}

/// Starts the thread and waits until it is connected.
pub(crate) async fn start(
    target: Target,
    lock: Option<FileLock>,
    cache: Arc<Cache>,
    events: Arc<Notify>,
) -> Result<mpsc::Sender<Job>, StoreError> {
    let (jobs, queue) = mpsc::channel(queue::LONGEST);
    let (ready, connected) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(sqlx::Error::Io)?;
    let thread = std::thread::Builder::new().name("committer".to_owned());
    let body = move || {
        let committer = Committer { writer: Writer::new(target), ids: Ids::new(), cache, events, _lock: lock };
        let run = AssertUnwindSafe(committer.run(queue, ready)).catch_unwind();
        if let Err(panic) = runtime.block_on(run) {
            // Whatever it was doing is undecided, and nobody else may write: only a fresh process is sound.
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let reason = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(reason, "the committer panicked; the process ends");
            std::process::abort();
        }
    };
    thread.spawn(body).map_err(sqlx::Error::Io)?;
    connected.await.map_err(|_| StoreError::Closed)??;
    Ok(jobs)
}

struct Committer {
    writer: Writer,
    ids: Ids,
    cache: Arc<Cache>,
    /// Told whenever events were committed.
    events: Arc<Notify>,
    /// Nobody else may write as long as this thread lives.
    _lock: Option<FileLock>,
}

impl Committer {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>, ready: oneshot::Sender<Result<(), StoreError>>) {
        let connected = self.writer.conn().await.map(drop);
        let failed = connected.is_err();
        if ready.send(connected).is_err() || failed {
            return;
        }
        while let Some(first) = queue.recv().await {
            metrics::gauge!(COMMIT_QUEUE).set(u32::try_from(queue.len() + 1).unwrap_or(u32::MAX));
            let (batch, aside) = Batch::drain(first, &mut queue);
            self.commit(batch).await;
            for job in aside {
                if self.job(job).await.is_break() {
                    return;
                }
            }
        }
        self.writer.close().await;
    }

    async fn commit(&mut self, batch: Batch) {
        if batch.changes.is_empty() && batch.relayed.is_empty() && batch.told.is_empty() {
            return;
        }
        let changes = batch.changes.iter().map(|(change, _)| &**change).collect();
        let work = Work { changes, relayed: batch.relayed };
        let started = Clock::system().stopwatch();
        let settled = settle(&mut self.writer, &mut self.ids, &work).await;
        metrics::histogram!(COMMIT_SECONDS).record(started.elapsed());
        metrics::histogram!(COMMIT_BATCH_CHANGES).record(u32::try_from(work.changes.len()).unwrap_or(u32::MAX));
        let mut events = false;
        for ((change, answer), outcome) in batch.changes.into_iter().zip(settled.answers) {
            match &outcome {
                Ok(()) => {
                    self.cache.committed(&change);
                    events |= !change.events.is_empty();
                }
                Err(CommitError::Refused(Refusal::VersionMoved { .. } | Refusal::JournalMoved { .. })) => {
                    self.cache.evict(&change);
                }
                Err(_) => {}
            }
            if let Err(error) = &outcome {
                metrics::counter!(COMMIT_REFUSED, "reason" => reason(error)).increment(1);
            }
            // The caller may have gone; the change is committed all the same.
            let _ = answer.send(outcome.map(|()| Committed));
        }
        if events {
            self.events.notify_one();
        }
        for answer in batch.told {
            answer.give(if settled.relayed { Ok(()) } else { Err(StoreError::Lost) });
        }
    }

    async fn job(&mut self, job: Job) -> std::ops::ControlFlow<()> {
        let writer = &mut self.writer;
        match job {
            Job::Commit(change, answer) => {
                let batch = Batch { changes: vec![(change, answer)], ..Batch::default() };
                self.commit(batch).await;
            }
            Job::Published(relayed, answer) => {
                self.commit(Batch { relayed, told: vec![answer], ..Batch::default() }).await;
            }
            Job::NumberBlock(answer) => answer.give(jobs::number_block(writer).await),
            Job::Lease { holder, groups, answer } => answer.give(jobs::lease(writer, &holder, &groups).await),
            Job::Release { holder, groups, answer } => answer.give(jobs::release(writer, &holder, &groups).await),
            Job::ShowHost { host, answer } => answer.give(jobs::show_host(writer, &host).await),
            Job::HideHost { host, answer } => answer.give(jobs::hide_host(writer, &host).await),
            Job::Purge { now, answer } => answer.give(jobs::purge(writer, now).await),
            Job::Archive { before, answer } => {
                answer.give(jobs::archive(writer, before, jobs::ARCHIVE_ROWS).await);
            }
            Job::MarkStream { mark, answer } => answer.give(jobs::mark_stream(writer, &mark).await),
            Job::Prepare { sql, answer } => answer.give(prepare(writer, &sql).await),
            Job::Stop(answer) => {
                writer.close().await;
                answer.give(Ok(()));
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }
}

fn reason(error: &CommitError) -> &'static str {
    match error {
        CommitError::Refused(refusal) => refusal.word(),
        CommitError::Busy { .. } => "busy",
        CommitError::Failed(_) => "failed",
    }
}

async fn prepare(writer: &mut Writer, all: &[&'static Sql]) -> Result<(), StoreError> {
    let dialect = writer.dialect();
    let conn = writer.conn().await?;
    for sql in all {
        conn.prepare(sql).await.inspect_err(|_| {
            tracing::error!(statement = sql.name, ?dialect, text = sql.text(dialect), "cannot be prepared");
        })?;
    }
    Ok(())
}
