//! Writes that are no decisions: number blocks, leases, marks of streams, housekeeping. Each is a statement of its own.

use super::writer::{Fate, Writer, fate};
use crate::domain::ids::{Millis, SLOT_GROUPS};
use crate::domain::number::BLOCK;
use crate::store::error::StoreError;
use crate::store::sql::{Row, Sql, Value, sql};

/// How long a lease lasts without being renewed, milliseconds.
pub const LEASE_MS: Millis = 10_000;
/// How many rows one purge takes from a table at most; the worker comes again.
const PURGE_ROWS: i64 = 5_000;
/// How many entries of the operate log one job moves at most.
pub(super) const ARCHIVE_ROWS: i64 = 2_000;
/// Idempotency keys are kept for 26 hours: providers repeat for a day.
const CLAIMS_KEPT_MS: Millis = 26 * 3_600_000;
/// Batch ids are kept for an hour.
const BATCHES_KEPT_MS: Millis = 3_600_000;
/// Published events are kept for a week.
const SENT_KEPT_MS: Millis = 7 * 24 * 3_600_000;

sql! {
    NUMBER_BLOCK = Sql::both("number block",
        "UPDATE number_blocks SET next = next + $1 WHERE id = 1 RETURNING next - $1");
    // The groups are the bits of $1. No lease lasts twice as long as one: the database's clock was set back, and what
    // is left of a host that is gone must not hold for as long as it was set back.
    LEASE = Sql::each("lease groups",
        "UPDATE relay_leases SET holder = $2, until_at = CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) + $3 \
         WHERE (($1 >> CAST(grp AS INTEGER)) & 1) = 1 AND (holder = $2 \
         OR until_at < CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) \
         OR until_at > CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) + $3 + $3) RETURNING grp",
        "UPDATE relay_leases SET holder = $2, until_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3 \
         WHERE (($1 >> grp) & 1) = 1 AND (holder = $2 OR until_at < CAST(unixepoch('subsec') * 1000 AS INTEGER) \
         OR until_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3 + $3) RETURNING grp");
    RELEASE = Sql::both("release groups",
        "UPDATE relay_leases SET until_at = 0 WHERE (($1 >> CAST(grp AS INTEGER)) & 1) = 1 AND holder = $2");
    SHOW_HOST = Sql::each("show host",
        "INSERT INTO hosts (name, until_at) \
         VALUES ($1, CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) + $2) \
         ON CONFLICT (name) DO UPDATE SET until_at = excluded.until_at",
        "INSERT INTO hosts (name, until_at) VALUES ($1, CAST(unixepoch('subsec') * 1000 AS INTEGER) + $2) \
         ON CONFLICT (name) DO UPDATE SET until_at = excluded.until_at");
    FORGET_HOSTS = Sql::each("forget hosts",
        "DELETE FROM hosts WHERE until_at < CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) \
         OR until_at > CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) + $1 + $1",
        "DELETE FROM hosts WHERE until_at < CAST(unixepoch('subsec') * 1000 AS INTEGER) \
         OR until_at > CAST(unixepoch('subsec') * 1000 AS INTEGER) + $1 + $1");
    HOSTS = Sql::both("live hosts", "SELECT CAST(count(*) AS BIGINT) FROM hosts");
    HIDE_HOST = Sql::both("hide host", "DELETE FROM hosts WHERE name = $1");
    PURGE_CLAIMS = Sql::both("purge idempotency",
        "DELETE FROM idempotency WHERE (slot, principal, claim_key) IN \
         (SELECT slot, principal, claim_key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2)");
    PURGE_BATCHES = Sql::both("purge batches",
        "DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE at < $1 ORDER BY at LIMIT $2)");
    PURGE_SENT = Sql::both("purge outbox_sent",
        "DELETE FROM outbox_sent WHERE (grp, position) IN \
         (SELECT grp, position FROM outbox_sent WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)");
    // A row that was moved and not yet taken out is not moved again: each of the two can be repeated.
    ARCHIVE_OPERATIONS = Sql::both("archive operate_logs",
        "INSERT INTO operate_logs_archive (slot, order_no, at, n, level, operator, operation, remark, before, after) \
         SELECT slot, order_no, at, n, level, operator, operation, remark, before, after FROM operate_logs \
         WHERE at < $1 ORDER BY at, slot, order_no, n LIMIT $2 ON CONFLICT DO NOTHING");
    TAKE_OUT_OPERATIONS = Sql::both("take archived operate_logs out",
        "DELETE FROM operate_logs WHERE (slot, order_no, at, n) IN \
         (SELECT o.slot, o.order_no, o.at, o.n FROM operate_logs AS o JOIN operate_logs_archive AS a \
          ON a.slot = o.slot AND a.order_no = o.order_no AND a.at = o.at AND a.n = o.n \
          WHERE o.at < $1 ORDER BY o.at, o.slot, o.order_no, o.n LIMIT $2)");
    MARK = Sql::both("mark stream",
        "INSERT INTO stream_marks (stream, last_id, low_mark) VALUES ($1, $2, $3) \
         ON CONFLICT (stream) DO UPDATE SET last_id = excluded.last_id, low_mark = excluded.low_mark");
}

/// How many rows a purge took. As long as one is at the limit, there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Idempotency keys.
    pub claims: u64,
    /// Batch ids.
    pub batches: u64,
    /// Published events.
    pub events: u64,
}

/// How far a stream was written and confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMark {
    /// Which.
    pub stream: String,
    /// The last id the broker gave.
    pub last_id: String,
    /// Positions up to here were confirmed by every named consumer group.
    pub low_mark: i64,
}

/// Runs one statement outside of batches, once more if the connection was lost or a writer was in the way: each is
/// harmless to repeat.
async fn run(writer: &mut Writer, sql: &'static Sql, values: &[Value<'_>]) -> Result<(u64, Vec<Row>), StoreError> {
    let mut repeated = false;
    loop {
        let conn = writer.conn().await?;
        let result = if sql.postgres.starts_with("SELECT") || sql.postgres.contains("RETURNING") {
            conn.fetch(sql, values).await.map(|rows| (0, rows))
        } else {
            conn.execute(sql, values).await.map(|count| (count, vec![]))
        };
        let error = match result {
            Ok(done) => return Ok(done),
            Err(error) => StoreError::from(error),
        };
        match fate(&error) {
            Fate::Lost => writer.lose(),
            Fate::Again => {}
            Fate::Refused => return Err(error),
        }
        if repeated {
            return Err(error);
        }
        repeated = true;
    }
}

pub(super) async fn number_block(writer: &mut Writer) -> Result<i64, StoreError> {
    let (_, rows) = run(writer, &NUMBER_BLOCK, &[BLOCK.into()]).await?;
    rows.first().ok_or(StoreError::Lost)?.int(0)
}

/// The groups as bits.
fn bits(groups: &[u16]) -> i64 {
    groups.iter().filter(|group| **group < SLOT_GROUPS).fold(0, |bits, group| bits | 1 << group)
}

pub(super) async fn lease(writer: &mut Writer, holder: &str, groups: &[u16]) -> Result<Vec<u16>, StoreError> {
    let (_, rows) = run(writer, &LEASE, &[bits(groups).into(), holder.into(), LEASE_MS.into()]).await?;
    let mut held = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    held.sort_unstable();
    Ok(held.into_iter().filter_map(|group| u16::try_from(group).ok()).collect())
}

pub(super) async fn release(writer: &mut Writer, holder: &str, groups: &[u16]) -> Result<(), StoreError> {
    run(writer, &RELEASE, &[bits(groups).into(), holder.into()]).await.map(drop)
}

/// Notes that a host lives, forgets those that do not, and counts.
pub(super) async fn show_host(writer: &mut Writer, host: &str) -> Result<usize, StoreError> {
    run(writer, &SHOW_HOST, &[host.into(), LEASE_MS.into()]).await?;
    run(writer, &FORGET_HOSTS, &[LEASE_MS.into()]).await?;
    let (_, rows) = run(writer, &HOSTS, &[]).await?;
    Ok(usize::try_from(rows.first().ok_or(StoreError::Lost)?.int(0)?).unwrap_or(1))
}

pub(super) async fn hide_host(writer: &mut Writer, host: &str) -> Result<(), StoreError> {
    run(writer, &HIDE_HOST, &[host.into()]).await.map(drop)
}

pub(super) async fn purge(writer: &mut Writer, now: Millis) -> Result<Purged, StoreError> {
    let limit = PURGE_ROWS.into();
    Ok(Purged {
        claims: run(writer, &PURGE_CLAIMS, &[(now - CLAIMS_KEPT_MS).into(), limit]).await?.0,
        batches: run(writer, &PURGE_BATCHES, &[(now - BATCHES_KEPT_MS).into(), limit]).await?.0,
        events: run(writer, &PURGE_SENT, &[(now - SENT_KEPT_MS).into(), limit]).await?.0,
    })
}

/// Moves entries of before a time to the archive; the answer is how many left.
pub(super) async fn archive(writer: &mut Writer, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let values = [before.into(), limit.into()];
    run(writer, &ARCHIVE_OPERATIONS, &values).await?;
    Ok(run(writer, &TAKE_OUT_OPERATIONS, &values).await?.0)
}

pub(super) async fn mark_stream(writer: &mut Writer, mark: &StreamMark) -> Result<(), StoreError> {
    let values = [mark.stream.as_str().into(), mark.last_id.as_str().into(), mark.low_mark.into()];
    run(writer, &MARK, &values).await.map(drop)
}
