//! The database: one committer that writes, connections that only read, order trees in memory.
//!
//! The only user of sqlx. Rows are parsed into domain values here and never leave. Everything that is written is a
//! [`Change`] or one of the few housekeeping jobs below, and goes through the committer's queue.

mod cache;
mod committer;
mod error;
mod open;
mod read;
mod rows;
mod sql;

pub use self::committer::{LEASE_MS, Published, Purged, StreamMark};
pub use self::error::{CommitError, StoreError};
pub use self::open::{Durability, Settings};
pub use self::read::{
    AccountSums, AftersaleFilter, Attention, BACKLOG_MAX, Backlog, COUNT_MAX, Carried, Cursor, DeadLetter, Entry,
    FLOWS_MAX, Filter, Lease, LetterKey, OfAccount, OrderList, Outgoing, Posting, Resolution, SettlementFilter,
    SettlementList, Span, StatusCount, StockLevel, StoredDiscrepancy, TrackMark, WalletEntry,
};
pub use self::rows::catalogue::StoredCoupon;
pub use self::sql::Dialect;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};

use self::cache::Cache;
use self::committer::{Answer, Job, Relayed};
use self::open::{FileLock, Target};
use self::sql::{Pool, Sql};
use crate::domain::change::{Change, Committed};
use crate::domain::ids::Millis;

/// When a caller that finds the queue full should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An open database. Clones share everything.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    readers: Pool,
    cache: Arc<Cache>,
    events: Arc<Notify>,
    dialect: Dialect,
}

impl Store {
    /// Opens the database: takes the file (SQLite), brings the schema up to date, starts the committer.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let target = Target::new(&settings)?;
        let lock = match &target {
            Target::Sqlite(options) => Some(FileLock::take(options.get_filename())?),
            Target::Postgres(_) => None,
        };
        open::migrate(&target).await?;
        let (readers, dialect) = (target.readers(settings.readers), target.dialect());
        let cache = Arc::new(Cache::new(settings.cached_trees));
        let events = Arc::new(Notify::new());
        let jobs = committer::start(target, lock, Arc::clone(&cache), Arc::clone(&events)).await?;
        Ok(Self { jobs, readers, cache, events, dialect })
    }

    /// Brings the schema up to date and goes.
    pub async fn migrate(settings: &Settings) -> Result<(), StoreError> {
        let target = Target::new(settings)?;
        let _lock = match &target {
            Target::Sqlite(options) => Some(FileLock::take(options.get_filename())?),
            Target::Postgres(_) => None,
        };
        open::migrate(&target).await
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Applies a change, all or nothing.
    ///
    /// Once it waits in the queue it is committed whether or not the caller stays. `Busy` means that it never got
    /// there. After `Failed` nothing of it was kept.
    pub async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let (answer, outcome) = oneshot::channel();
        self.submit(Job::Commit(Box::new(change), answer))?;
        outcome.await.map_err(|_| CommitError::Failed(StoreError::Closed))?
    }

    /// Puts published events away and notes how far their streams are, in one transaction. After an error they may
    /// be published again.
    pub async fn mark_relayed(&self, published: Vec<Published>, marks: Vec<StreamMark>) -> Result<(), CommitError> {
        if published.is_empty() && marks.is_empty() {
            return Ok(());
        }
        self.ask(|answer| Job::Published(Relayed { published, marks }, answer)).await
    }

    /// Notified whenever events were committed: wakes the relay.
    pub fn event_signal(&self) -> Arc<Notify> {
        Arc::clone(&self.events)
    }

    /// A block of [`BLOCK`](crate::domain::number::BLOCK) sequence values that nobody else gets: its first value.
    pub async fn number_block(&self) -> Result<i64, CommitError> {
        self.ask(Job::NumberBlock).await
    }

    /// Takes or renews the leases of slot groups for [`LEASE_MS`] by the database's clock: the groups that are held now.
    pub async fn lease(&self, holder: &str, groups: &[u16]) -> Result<Vec<u16>, CommitError> {
        let (holder, groups) = (holder.to_owned(), groups.to_vec());
        self.ask(|answer| Job::Lease { holder, groups, answer }).await
    }

    /// Gives leases back, as far as the holder has them.
    pub async fn release(&self, holder: &str, groups: &[u16]) -> Result<(), CommitError> {
        let (holder, groups) = (holder.to_owned(), groups.to_vec());
        self.ask(|answer| Job::Release { holder, groups, answer }).await
    }

    /// Notes for [`LEASE_MS`] that a host lives, and counts those that do: they share the slot groups.
    pub async fn show_host(&self, host: &str) -> Result<usize, CommitError> {
        let host = host.to_owned();
        self.ask(|answer| Job::ShowHost { host, answer }).await
    }

    /// The host is going.
    pub async fn hide_host(&self, host: &str) -> Result<(), CommitError> {
        let host = host.to_owned();
        self.ask(|answer| Job::HideHost { host, answer }).await
    }

    /// Deletes what is past its time: idempotency keys after 26 hours, batch ids after one, published events after a
    /// week. At most 5,000 rows a table at once.
    pub async fn purge(&self, now: Millis) -> Result<Purged, CommitError> {
        self.ask(|answer| Job::Purge { now, answer }).await
    }

    /// Moves entries of the operate log that are older than a time to its archive, at most 2,000; how many. Nothing is
    /// lost or doubled if it is cut off in between.
    pub async fn archive_operations(&self, before: Millis) -> Result<u64, CommitError> {
        self.ask(|answer| Job::Archive { before, answer }).await
    }

    /// Notes how far a stream was written and confirmed.
    pub async fn mark_stream(&self, mark: StreamMark) -> Result<(), CommitError> {
        self.ask(|answer| Job::MarkStream { mark, answer }).await
    }

    /// Prepares every statement there is, so that a schema that does not fit shows at once. The answer counts them.
    pub async fn prepare_all(&self) -> Result<usize, CommitError> {
        let sql = every_statement();
        let count = sql.len();
        self.ask(|answer| Job::Prepare { sql, answer }).await?;
        Ok(count)
    }

    /// Commits what is waiting and closes every connection.
    pub async fn close(&self) {
        let (answer, closed) = Answer::new();
        if self.jobs.send(Job::Stop(answer)).await.is_ok() {
            let _ = closed.await;
        }
        self.readers.close().await;
    }

    fn readers(&self) -> &Pool {
        &self.readers
    }

    fn cache(&self) -> &Cache {
        &self.cache
    }

    fn submit(&self, job: Job) -> Result<(), CommitError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => CommitError::Busy { retry_after: RETRY_AFTER },
            TrySendError::Closed(_) => CommitError::Failed(StoreError::Closed),
        })
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, CommitError> {
        let (answer, outcome) = Answer::new();
        self.submit(job(answer))?;
        Ok(outcome.await.map_err(|_| StoreError::Closed)??)
    }
}

fn every_statement() -> Vec<&'static Sql> {
    let rows = [rows::orders::all(), rows::money::all(), rows::work::all(), rows::aftersales::all()];
    rows.into_iter().flatten().chain(committer::all()).chain(read::all()).collect()
}

/// For the tests that show what must not be possible.
#[doc(hidden)]
pub mod testing {
    use std::future::{Future as _, poll_fn};
    use std::pin::pin;
    use std::sync::LazyLock;
    use std::task::Poll;

    use super::sql::{Pool, Sql, Value};
    use super::{Dialect, Store, every_statement};

    static WRITE: LazyLock<Sql> =
        LazyLock::new(|| Sql::both("write on a reader", "UPDATE catalogue_revision SET revision = -1"));

    /// Tries to write on a reading connection; the error in words.
    pub async fn write_on_reader(store: &Store) -> Result<(), String> {
        let rows = store.readers().fetch(&WRITE, &[]).await;
        rows.map(drop).map_err(|error| error.to_string())
    }

    /// How the database finds the rows of a statement, by the statement's name, as its own sessions plan it.
    pub async fn plan(store: &Store, name: &str, integers: usize, texts: &[usize]) -> String {
        let Some(sql) = every_statement().into_iter().find(|sql| sql.name == name) else {
            return format!("there is no statement {name}");
        };
        let values: Vec<Value<'_>> = (0..integers + texts.len())
            .map(|at| if texts.contains(&at) { "CNY".into() } else { 1_i64.into() })
            .collect();
        explained(store, sql, &values).await
    }

    /// A place of a statement, for [`plan_of`].
    #[derive(Debug, Clone, Copy)]
    pub enum Cell {
        /// Some number.
        Int,
        /// The number 0.
        Zero,
        /// Some text.
        Text,
        /// No number is asked for.
        NoInt,
        /// No text is asked for.
        NoText,
        /// Some numbers.
        Ints,
    }

    /// Like [`plan`], with the places that are left out.
    pub async fn plan_of(store: &Store, name: &str, cells: &[Cell]) -> String {
        let Some(sql) = every_statement().into_iter().find(|sql| sql.name == name) else {
            return format!("there is no statement {name}");
        };
        let value = |cell: &Cell| match cell {
            Cell::Int => 1_i64.into(),
            Cell::Zero => 0_i64.into(),
            Cell::Text => "CNY".into(),
            Cell::NoInt => Value::OptInt(None),
            Cell::NoText => Value::OptText(None),
            Cell::Ints => Value::Ints(&[1, 2]),
        };
        explained(store, sql, &cells.iter().map(value).collect::<Vec<_>>()).await
    }

    async fn explained(store: &Store, sql: &'static Sql, values: &[Value<'_>]) -> String {
        let dialect = store.dialect();
        let (explain, cell) = match dialect {
            Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", 3),
            Dialect::Postgres => ("EXPLAIN ", 0),
        };
        // Lives as long as the process: a statement's text is expected to.
        let sql: &'static Sql = Box::leak(Box::new(Sql::both("a plan", format!("{explain}{}", sql.text(dialect)))));
        match store.readers().fetch(sql, values).await {
            Ok(rows) => rows.iter().filter_map(|row| row.text(cell).ok()).collect::<Vec<_>>().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    /// Does what nobody may: begins on the readers' pool, and drops the future after a few polls.
    #[expect(clippy::disallowed_methods, reason = "it shows that even this loses no write")]
    pub async fn cancel_begin(store: &Store, polls: usize) {
        macro_rules! cancel {
            ($pool:expr) => {{
                let mut begin = pin!($pool.begin());
                for _ in 0..polls {
                    if poll_fn(|context| Poll::Ready(begin.as_mut().poll(context).is_ready())).await {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }};
        }
        match store.readers() {
            Pool::Sqlite(pool) => cancel!(pool),
            Pool::Postgres(pool) => cancel!(pool),
        }
    }
}
