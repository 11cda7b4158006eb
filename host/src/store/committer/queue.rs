//! What waits for the committer, and how much of it goes into one transaction.

use tokio::sync::{mpsc, oneshot};

use super::jobs::{Purged, StreamMark};
use super::publish::Relayed;
use crate::domain::change::{Change, Committed};
use crate::domain::ids::Millis;
use crate::store::error::{CommitError, StoreError};
use crate::store::sql::Sql;

/// How many jobs may wait; the next is answered `Busy`.
pub(super) const LONGEST: usize = 4_096;
/// How many changes a batch takes.
const BATCH_CHANGES: usize = 256;
/// How many bytes a batch takes, roughly.
const BATCH_BYTES: usize = 2 << 20;
/// How many published events a batch puts away.
const BATCH_PUBLISHED: usize = 2_000;

/// Where an answer goes. Whoever asked may have gone.
#[derive(Debug)]
pub(crate) struct Answer<T>(oneshot::Sender<Result<T, StoreError>>);

impl<T> Answer<T> {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    pub(super) fn give(self, answer: Result<T, StoreError>) {
        let _ = self.0.send(answer);
    }
}

/// Where a commit is answered.
pub(crate) type CommitAnswer = oneshot::Sender<Result<Committed, CommitError>>;

/// Something to write.
#[derive(Debug)]
pub(crate) enum Job {
    Commit(Box<Change>, CommitAnswer),
    Published(Relayed, Answer<()>),
    NumberBlock(Answer<i64>),
    Lease { holder: String, groups: Vec<u16>, answer: Answer<Vec<u16>> },
    Release { holder: String, groups: Vec<u16>, answer: Answer<()> },
    ShowHost { host: String, answer: Answer<usize> },
    HideHost { host: String, answer: Answer<()> },
    Purge { now: Millis, answer: Answer<Purged> },
    Archive { before: Millis, answer: Answer<u64> },
    MarkStream { mark: StreamMark, answer: Answer<()> },
    Prepare { sql: Vec<&'static Sql>, answer: Answer<()> },
    Stop(Answer<()>),
}

/// What goes into one transaction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub changes: Vec<(Box<Change>, CommitAnswer)>,
    pub relayed: Relayed,
    pub told: Vec<Answer<()>>,
}

impl Batch {
    /// Takes what is waiting, up to a batch's size. Jobs that need a transaction of their own come second.
    pub(super) fn drain(first: Job, queue: &mut mpsc::Receiver<Job>) -> (Self, Vec<Job>) {
        let (mut batch, mut aside, mut bytes) = (Self::default(), vec![], 0);
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Commit(change, answer) if change.admin.is_empty() => {
                    bytes += weight(&change);
                    batch.changes.push((change, answer));
                }
                Job::Published(mut relayed, answer) => {
                    batch.relayed.published.append(&mut relayed.published);
                    batch.relayed.marks.append(&mut relayed.marks);
                    batch.told.push(answer);
                }
                Job::Stop(_) => {
                    aside.push(job);
                    break;
                }
                other => aside.push(other),
            }
            let full = batch.changes.len() >= BATCH_CHANGES
                || bytes >= BATCH_BYTES
                || batch.relayed.published.len() >= BATCH_PUBLISHED
                || aside.len() >= BATCH_CHANGES;
            next = if full { None } else { queue.try_recv().ok() };
        }
        (batch, aside)
    }
}

/// About how many bytes a change sends to the database.
fn weight(change: &Change) -> usize {
    let orders = change.new_pay_orders.len() + change.pay_orders.len();
    let shops = change.new_shop_orders.iter().chain(change.shop_orders.iter().map(|g| &g.row));
    let shops: usize =
        shops.map(|s| 1_000 + 400 * s.items.len() + s.suspended.as_ref().map_or(0, |w| w.input.len())).sum();
    let events: usize = change.events.iter().map(|e| e.body.len()).sum();
    let decisions: usize = change.decisions.iter().map(|d| d.input.len() + d.output.len()).sum();
    let journal = change.journal.len() * 8_000;
    let claim = change.claim.as_ref().map_or(0, |c| c.outcome.len());
    512 + 600 * orders + shops + events + decisions + journal + claim
}
