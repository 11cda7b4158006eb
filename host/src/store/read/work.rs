//! What workers and suspended hooks need: journals, signals, parked events, timers, the outbox, claims, leases.

use crate::domain::change::{JournalRow, Parked, SignalRow, StoredClaim, Timer};
use crate::domain::event::Event;
use crate::domain::hook::Hook;
use crate::domain::ids::{Millis, OrderNo, SignalName, Slot};
use crate::store::Store;
use crate::store::committer::LEASE_MS;
use crate::store::committer::look::stored_claim;
use crate::store::error::StoreError;
use crate::store::rows::work;
use crate::store::sql::{Reader, Row, Sql, sql};
use crate::store::{Published, StreamMark};

/// An event that waits to be published, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its slot group.
    pub group: u16,
    /// Where it stands in the group. Events of one order stand in their sequence.
    pub position: i64,
    /// The event.
    pub event: Event,
}

impl Outgoing {
    /// The note that it was published.
    pub fn published(&self, at: Millis) -> Published {
        Published { group: self.group, position: self.position, at }
    }
}

/// An early event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// For whom.
    pub shop_no: OrderNo,
    /// What.
    pub event: String,
    /// Distinguishes two of a kind.
    pub id: String,
    /// When it was given up.
    pub dead_at: Millis,
    /// The use case's request as JSON.
    pub payload: String,
    /// When it arrived.
    pub at: Millis,
    /// Why it was given up.
    pub reason: String,
}

/// Where a page of dead letters goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterKey {
    /// When it was given up.
    pub dead_at: Millis,
    /// For whom.
    pub shop_no: OrderNo,
    /// What.
    pub event: String,
    /// Distinguishes two of a kind.
    pub id: String,
}

/// Who relays a slot group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which group.
    pub group: u16,
    /// The host; empty when nobody ever had it.
    pub holder: String,
    /// Until when, by the database's clock.
    pub until: Millis,
    /// Whether it still runs, by the database's clock.
    pub held: bool,
}

/// Waiting events of a slot group are counted up to this.
pub const BACKLOG_MAX: i64 = 10_000;

/// How much waits to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Which group.
    pub group: u16,
    /// How many events, at most [`BACKLOG_MAX`].
    pub events: i64,
    /// The position of the oldest.
    pub oldest: i64,
}

/// The first waiting event of a group: one step of the index, however many wait.
const OLDEST: &str = "(SELECT min(o.position) FROM outbox AS o WHERE o.grp = l.grp)";

sql! {
    JOURNAL_OF = Sql::both("journal of a hook", format!(
        "SELECT {} FROM journal AS t WHERE slot = $1 AND shop_no = $2 AND hook = $3 ORDER BY idx",
        work::JOURNAL.list("t.")));
    OLDEST_SIGNAL = Sql::both("oldest signal", format!(
        "SELECT {} FROM signals AS t WHERE slot = $1 AND shop_no = $2 AND ($3 = '' OR name = $3) AND consumed = 0 \
         ORDER BY at, id LIMIT 1", work::SIGNALS.list("t.")));
    PARKED_OF = Sql::both("parked events of an order", format!(
        "SELECT {} FROM parked AS t WHERE slot = $1 AND shop_no = $2 ORDER BY at, event, id", work::PARKED.list("t.")));
    DUE = Sql::both("due timers", format!(
        "SELECT {} FROM timers AS t WHERE grp = $1 AND due <= $2 ORDER BY due LIMIT $3", work::TIMERS.list("t.")));
    TIMERS_OF = Sql::both("timers of an order", format!(
        "SELECT {} FROM timers AS t WHERE slot = $1 AND subject = $2 ORDER BY kind", work::TIMERS.list("t.")));
    TAKE = Sql::both("events to publish", format!(
        "SELECT {} FROM outbox AS t WHERE grp = $1 AND position > $2 ORDER BY position LIMIT $3",
        work::OUTBOX.list("t.")));
    SENT = Sql::both("published events", format!(
        "SELECT {} FROM outbox_sent AS t WHERE grp = $1 AND position > $2 ORDER BY position LIMIT $3",
        work::OUTBOX_SENT.list("t.")));
    BACKLOG = Sql::both("outbox backlog", format!(
        "SELECT l.grp, (SELECT CAST(count(*) AS BIGINT) FROM \
         (SELECT o.position FROM outbox AS o WHERE o.grp = l.grp LIMIT {BACKLOG_MAX}) AS first), {OLDEST} \
         FROM relay_leases AS l WHERE {OLDEST} IS NOT NULL ORDER BY l.grp"));
    WAITING = Sql::both("groups with events", format!(
        "SELECT l.grp FROM relay_leases AS l WHERE {OLDEST} IS NOT NULL ORDER BY l.grp"));
    CLAIM = Sql::both("idempotency key",
        "SELECT digest, operation, outcome FROM idempotency WHERE slot = $1 AND principal = $2 AND claim_key = $3");
    DEAD = Sql::both("dead letters", format!(
        "SELECT {} FROM dead_letters AS t WHERE dead_at <= $1 AND (dead_at, shop_no, event, id) < ($1, $2, $3, $4) \
         ORDER BY dead_at DESC, shop_no DESC, event DESC, id DESC LIMIT $5", work::DEAD_LETTERS.list("t.")));
    DEAD_ONE = Sql::both("dead letter", format!(
        "SELECT {} FROM dead_letters AS t WHERE slot = $1 AND shop_no = $2 AND event = $3 AND id = $4 \
         ORDER BY dead_at DESC LIMIT 1", work::DEAD_LETTERS.list("t.")));
    LEASES = Sql::each("leases",
        "SELECT grp, holder, until_at, CASE WHEN until_at >= CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) \
         AND until_at <= CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT) + $1 + $1 \
         THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END FROM relay_leases ORDER BY grp",
        "SELECT grp, holder, until_at, until_at >= CAST(unixepoch('subsec') * 1000 AS INTEGER) \
         AND until_at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) + $1 + $1 FROM relay_leases ORDER BY grp");
    STREAM = Sql::both("mark of a stream", "SELECT stream, last_id, low_mark FROM stream_marks WHERE stream = $1");
    CLOCK = Sql::each("database clock",
        "SELECT CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)",
        "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)");
}

impl Store {
    /// The journal of a suspended hook, in order.
    pub async fn journal(&self, shop_no: OrderNo, hook: Hook) -> Result<Vec<JournalRow>, StoreError> {
        let slot = i64::from(shop_no.slot().index());
        let values = [slot.into(), shop_no.0.into(), hook.as_str().into()];
        let rows = self.readers().fetch(&JOURNAL_OF, &values).await?;
        rows.iter().map(|row| work::take_journal(&mut Reader::new(row, &work::JOURNAL))).collect()
    }

    /// The oldest signal that nobody has consumed, of a name or of any.
    pub async fn oldest_signal(
        &self,
        shop_no: OrderNo,
        name: Option<&SignalName>,
    ) -> Result<Option<SignalRow>, StoreError> {
        let slot = i64::from(shop_no.slot().index());
        let values = [slot.into(), shop_no.0.into(), name.map_or("", SignalName::as_str).into()];
        let rows = self.readers().fetch(&OLDEST_SIGNAL, &values).await?;
        rows.first().map(|row| work::take_signal(&mut Reader::new(row, &work::SIGNALS))).transpose()
    }

    /// A shop order's early events, oldest first.
    pub async fn parked(&self, shop_no: OrderNo) -> Result<Vec<Parked>, StoreError> {
        let rows = self.of_order(&PARKED_OF, shop_no).await?;
        rows.iter().map(|row| work::take_parked(&mut Reader::new(row, &work::PARKED))).collect()
    }

    /// Timers of the groups that are due, oldest first within a group, at most `limit` a group.
    pub async fn due_timers(&self, groups: &[u16], now: Millis, limit: u32) -> Result<Vec<Timer>, StoreError> {
        let mut due = vec![];
        for group in groups {
            let values = [i64::from(*group).into(), now.into(), i64::from(limit).into()];
            for row in self.readers().fetch(&DUE, &values).await? {
                due.push(work::take_timer(&mut Reader::new(&row, &work::TIMERS))?);
            }
        }
        Ok(due)
    }

    /// The armed timers of an order.
    pub async fn timers(&self, subject: OrderNo) -> Result<Vec<Timer>, StoreError> {
        let rows = self.of_order(&TIMERS_OF, subject).await?;
        rows.iter().map(|row| work::take_timer(&mut Reader::new(row, &work::TIMERS))).collect()
    }

    /// Events of a group that wait to be published, in their order, after a position (0 for all).
    pub async fn take_events(&self, group: u16, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.events(&TAKE, group, after, limit).await
    }

    /// Events of a group that were published in the last week, in their order, after a position.
    pub async fn sent_events(&self, group: u16, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.events(&SENT, group, after, limit).await
    }

    async fn events(&self, sql: &'static Sql, group: u16, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let rows = self.readers().fetch(sql, &[i64::from(group).into(), after.into(), i64::from(limit).into()]).await?;
        let event = |row: &Row| {
            let (position, event) = work::take_event(&mut Reader::new(row, &work::OUTBOX))?;
            Ok(Outgoing { group, position, event })
        };
        rows.iter().map(event).collect()
    }

    /// How much waits to be published, by group; groups with nothing are left out.
    pub async fn outbox_backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let rows = self.readers().fetch(&BACKLOG, &[]).await?;
        rows.iter().map(|row| Ok(Backlog { group: group(row)?, events: row.int(1)?, oldest: row.int(2)? })).collect()
    }

    /// The groups of which something waits to be published.
    pub async fn waiting_groups(&self) -> Result<Vec<u16>, StoreError> {
        self.readers().fetch(&WAITING, &[]).await?.iter().map(group).collect()
    }

    /// What an idempotency key stands for.
    pub async fn claim(&self, principal: &str, key: &str) -> Result<Option<StoredClaim>, StoreError> {
        let slot = i64::from(Slot::of(principal).index());
        let rows = self.readers().fetch(&CLAIM, &[slot.into(), principal.into(), key.into()]).await?;
        rows.first().map(|row| stored_claim(row, 0)).transpose()
    }

    /// Early events that were given up, newest first, below one.
    pub async fn dead_letters(&self, below: Option<&LetterKey>, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let (dead_at, no, event, id) = below
            .map_or((i64::MAX, 0, "", ""), |key| (key.dead_at, key.shop_no.0, key.event.as_str(), key.id.as_str()));
        let values = [dead_at.into(), no.into(), event.into(), id.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&DEAD, &values).await?;
        rows.iter().map(|row| dead_letter(&mut Reader::new(row, &work::DEAD_LETTERS))).collect()
    }

    /// What a shop order's event of this name and id was last given up as.
    pub async fn dead_letter(&self, no: OrderNo, event: &str, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let slot = i64::from(no.slot().index());
        let rows = self.readers().fetch(&DEAD_ONE, &[slot.into(), no.0.into(), event.into(), id.into()]).await?;
        rows.first().map(|row| dead_letter(&mut Reader::new(row, &work::DEAD_LETTERS))).transpose()
    }

    /// Who relays what.
    pub async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        let rows = self.readers().fetch(&LEASES, &[LEASE_MS.into()]).await?;
        let lease = |row: &Row| {
            Ok(Lease { group: group(row)?, holder: row.text(1)?, until: row.int(2)?, held: row.int(3)? != 0 })
        };
        rows.iter().map(lease).collect()
    }

    /// How far a stream was written.
    pub async fn stream_mark(&self, stream: &str) -> Result<Option<StreamMark>, StoreError> {
        let rows = self.readers().fetch(&STREAM, &[stream.into()]).await?;
        let mark = |row: &Row| Ok(StreamMark { stream: row.text(0)?, last_id: row.text(1)?, low_mark: row.int(2)? });
        rows.first().map(mark).transpose()
    }

    /// The database's clock.
    pub async fn database_now(&self) -> Result<Millis, StoreError> {
        self.readers().fetch(&CLOCK, &[]).await?.first().ok_or(StoreError::Lost)?.int(0)
    }
}

fn group(row: &Row) -> Result<u16, StoreError> {
    Ok(u16::try_from(row.int(0)?).unwrap_or(u16::MAX))
}

fn dead_letter(row: &mut Reader<'_>) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        shop_no: OrderNo(row.int()?),
        event: row.text()?,
        id: row.text()?,
        dead_at: row.int()?,
        payload: row.text()?,
        at: row.int()?,
        reason: row.text()?,
    })
}
