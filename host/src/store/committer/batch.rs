//! A batch from its beginning to the one answer for each of its changes.

use std::time::Duration;

use super::Attempting;
use super::decide::{decide, done_before};
use super::lock::State;
use super::publish::{Relayed, publish};
use super::writer::{Fate, Writer, begin, fate};
use super::{admin, write};
use crate::domain::change::{Change, Refusal};
use crate::entropy::Entropy;
use crate::store::error::{CommitError, StoreError};
use crate::store::sql::Conn;
use crate::telemetry::metrics::COMMIT_RETRIES;

/// How often a batch is repeated after a deadlock or a serialization failure.
const REPEATS: u32 = 3;
/// How often a batch may lose claims: each time at least one of its changes is refused.
const LOSSES: u32 = 300;
/// How long a batch may take before its connection counts as lost.
const BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// For each change none (accepted) or why it was refused.
type Verdicts = Vec<Option<Refusal>>;
/// The answers of a batch, in the order of its changes.
pub(super) type Answers = Vec<Result<(), CommitError>>;

/// What one run of a batch came to.
enum Attempt {
    /// It is durable; refused changes left nothing.
    Done(Verdicts),
    /// An earlier run was committed after all.
    Earlier,
    /// A claim was lost: everything is decided again.
    ClaimLost,
}

/// Everything that goes into one transaction.
pub(super) struct Work<'c> {
    pub changes: Vec<&'c Change>,
    pub relayed: Relayed,
}

/// What a batch came to.
pub(super) struct Settled {
    pub answers: Answers,
    /// Whether what the relay has done is noted.
    pub relayed: bool,
}

/// Commits a batch. When the database refuses it as a whole, its changes are run one by one, so that only the culprit
/// fails.
pub(super) async fn settle(writer: &mut Writer, ids: &mut Ids, work: &Work<'_>) -> Settled {
    match together(writer, ids, work).await {
        Ok(verdicts) => Settled { answers: answers(verdicts), relayed: true },
        Err(error) => {
            let pieces = work.changes.len() + usize::from(!work.relayed.is_empty());
            if pieces < 2 || fate(&error) != Fate::Refused || matches!(error, StoreError::Lost) {
                tracing::error!(error = &error as &dyn std::error::Error, pieces, "a batch failed");
                return Settled { answers: fail_all(work.changes.len(), error), relayed: false };
            }
            tracing::warn!(error = &error as &dyn std::error::Error, pieces, "a batch is taken apart");
            let mut out = Vec::with_capacity(work.changes.len());
            for change in &work.changes {
                let alone = Work { changes: vec![change], relayed: Relayed::default() };
                out.push(match together(writer, ids, &alone).await {
                    Ok(verdicts) => answers(verdicts).pop().unwrap_or(Ok(())),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "a change failed");
                        Err(error.into())
                    }
                });
            }
            let mut relayed = true;
            if !work.relayed.is_empty() {
                let alone = Work { changes: vec![], relayed: work.relayed.clone() };
                if let Err(error) = together(writer, ids, &alone).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "published events were not put away");
                    relayed = false;
                }
            }
            Settled { answers: out, relayed }
        }
    }
}

fn answers(verdicts: Verdicts) -> Answers {
    verdicts.into_iter().map(|verdict| verdict.map_or(Ok(()), |refusal| Err(refusal.into()))).collect()
}

fn fail_all(count: usize, error: StoreError) -> Answers {
    let contended = match &error {
        StoreError::Contended(times) => Some(*times),
        _ => None,
    };
    let mut out: Answers = (1..count)
        .map(|_| Err(CommitError::Failed(contended.map_or(StoreError::Lost, StoreError::Contended))))
        .collect();
    if count > 0 {
        out.push(Err(error.into()));
    }
    out
}

/// Runs the batch until it is settled.
async fn together(writer: &mut Writer, ids: &mut Ids, work: &Work<'_>) -> Result<Verdicts, StoreError> {
    let id = ids.next_batch();
    let (mut repeats, mut losses) = (0, 0);
    // The verdicts of the run whose COMMIT was sent and not answered.
    let mut sent: Option<Verdicts> = None;
    loop {
        let conn = match writer.conn().await {
            Ok(conn) => conn,
            // Its COMMIT may have arrived: only the database can say, so there is no giving up.
            Err(_) if sent.is_some() => continue,
            Err(error) => return Err(error),
        };
        let run = attempt(conn, &id, work, losses > 0, ids, &mut sent);
        let result = tokio::time::timeout(BATCH_TIMEOUT, run).await.unwrap_or(Err(StoreError::Lost));
        match result {
            Ok(Attempt::Done(verdicts)) => return Ok(verdicts),
            Ok(Attempt::Earlier) => {
                writer.rollback().await;
                return sent.ok_or(StoreError::Lost);
            }
            Ok(Attempt::ClaimLost) => {
                writer.rollback().await;
                losses += 1;
                if losses > LOSSES {
                    return Err(StoreError::Contended(losses));
                }
            }
            Err(error) => match (&error, fate(&error)) {
                (StoreError::Lost, _) | (_, Fate::Lost) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the write connection was lost");
                    metrics::counter!(COMMIT_RETRIES, "reason" => "lost").increment(1);
                    writer.lose();
                }
                (_, Fate::Again) => {
                    metrics::counter!(COMMIT_RETRIES, "reason" => "contended").increment(1);
                    writer.rollback().await;
                    sent = None;
                    repeats += 1;
                    if repeats > REPEATS {
                        return Err(StoreError::Contended(repeats));
                    }
                }
                (_, Fate::Refused) => {
                    writer.rollback().await;
                    return Err(error);
                }
            },
        }
    }
}

/// One run: begin, lock, decide, write, commit.
async fn attempt(
    conn: &mut Conn,
    id: &str,
    work: &Work<'_>,
    look: bool,
    ids: &mut Ids,
    sent: &mut Option<Verdicts>,
) -> Attempting<Attempt> {
    if !begin(conn, id).await? {
        return Ok(Attempt::Earlier);
    }
    *sent = None;
    let changes = &work.changes;
    let mut state = State::lock(conn, changes).await?;
    if look {
        state.look(conn, changes).await?;
    }
    let mut verdicts = decide(&mut state, changes);
    twins(conn, &mut state, changes, &mut verdicts).await?;
    let accepted: Vec<&Change> =
        changes.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none()).map(|(change, _)| *change).collect();
    if accepted.is_empty() && work.relayed.is_empty() {
        conn.raw("ROLLBACK").await?;
        return Ok(Attempt::Done(verdicts));
    }
    if write::write(conn, &state, &accepted, &mut ids.unique).await? == write::Wrote::Lost {
        return Ok(Attempt::ClaimLost);
    }
    publish(conn, &work.relayed).await?;
    for (change, verdict) in changes.iter().zip(&mut verdicts).filter(|(_, verdict)| verdict.is_none()) {
        // A change with administrative writes is a batch of its own, so its refusal may roll everything back.
        if let Err(refusal) = admin::write(conn, change, &mut ids.unique).await? {
            conn.raw("ROLLBACK").await?;
            *verdict = Some(refusal);
            return Ok(Attempt::Done(verdicts));
        }
    }
    *sent = Some(verdicts.clone());
    conn.raw("COMMIT").await?;
    Ok(Attempt::Done(verdicts))
}

/// A change may have been refused because its twin went before it: then the twin's traces are the better answer.
async fn twins<'c>(
    conn: &mut Conn,
    state: &mut State<'c>,
    changes: &[&'c Change],
    verdicts: &mut Verdicts,
) -> Attempting<()> {
    let unsure = |verdict: &Option<Refusal>| verdict.as_ref().is_some_and(|r| !matches!(r, Refusal::KeyUsed(_)));
    let refused: Vec<&'c Change> =
        changes.iter().zip(&*verdicts).filter(|(_, verdict)| unsure(verdict)).map(|(change, _)| *change).collect();
    if refused.is_empty() {
        return Ok(());
    }
    state.look(conn, &refused).await?;
    for (change, verdict) in changes.iter().zip(verdicts).filter(|(_, verdict)| unsure(verdict)) {
        // A version that moved is decided anew, and that sees everything; only a key says more.
        *verdict = match (verdict.take(), done_before(&state.taken, changes, change)) {
            (Some(moved @ Refusal::VersionMoved { .. }), Some(Refusal::KeyUsed(stored))) => {
                drop(moved);
                Some(Refusal::KeyUsed(stored))
            }
            (Some(moved @ Refusal::VersionMoved { .. }), _) => Some(moved),
            (refusal, before) => before.or(refusal),
        };
    }
    Ok(())
}

/// Names that no other batch and no other row has: a random beginning and a counter.
#[derive(Debug)]
pub(super) struct Ids {
    prefix: u128,
    batch: u64,
    /// For rows that need a number of their own; above zero.
    pub unique: i64,
}

impl Ids {
    pub(super) fn new() -> Self {
        let (mut prefix, mut unique) = ([0; 16], [0; 8]);
        Entropy::system().fill(&mut prefix);
        Entropy::system().fill(&mut unique);
        let unique = i64::try_from(u64::from_be_bytes(unique) >> 2).unwrap_or(0);
        Self { prefix: u128::from_be_bytes(prefix), batch: 0, unique: unique.max(1) }
    }

    fn next_batch(&mut self) -> String {
        self.batch += 1;
        format!("{:032x}-{}", self.prefix, self.batch)
    }
}
