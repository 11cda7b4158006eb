//! Orders that wait for a person, events that were given up, and what waits to go out.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::api::OrderAnswer;
use super::super::orders::{self, Decided, Denied, commit, must_be_shop_order, store_problem, wrong_state};
use super::super::problem::Problem;
use super::super::{App, forward};
use super::{Deed, next};
use crate::domain::catalogue::AdminWrite;
use crate::domain::change::{Change, Parked, Refusal, Timer, TimerKey, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::ids::{BusinessCode, Millis, OrderNo};
use crate::domain::time::rfc3339;
use crate::identity::Principal;
use crate::store::{Cursor, LetterKey};

/// How long a revived event may wait for its turn, milliseconds.
const REVIVED_MS: Millis = 86_400_000;

/// Orders that wait for a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttentionPage {
    /// Newest first.
    pub orders: Vec<AttentionRow>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// A shop order that waits for a person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttentionRow {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Whose plugin decides.
    #[schema(value_type = String)]
    pub business: BusinessCode,
    /// Its state.
    pub status: String,
    /// Why.
    pub attention: String,
    /// RFC 3339: since when, or a later write.
    pub updated_at: String,
}

/// Lists them.
pub async fn attention(
    app: &App,
    business: Option<BusinessCode>,
    cursor: Option<OrderNo>,
    limit: u32,
) -> Result<AttentionPage, Problem> {
    let rows = app.store.attention(business.as_ref(), cursor.map(Cursor), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| row.no.to_string());
    let rows = rows.into_iter().map(|row| AttentionRow {
        order_no: row.no,
        business: row.business,
        status: row.status.word().to_owned(),
        attention: row.why,
        updated_at: rfc3339(row.updated_at),
    });
    Ok(AttentionPage { orders: rows.collect(), next })
}

/// Clears the mark of an order and forwards it. A failed refund has a way of its own: `dispute::retry_refund`.
pub async fn redrive_order(app: &App, who: &Principal, no: OrderNo) -> Result<OrderAnswer, Problem> {
    let at = app.clock.now();
    let deed = Deed { who, action: "order.redrive", target: no.to_string(), detail: json!({}), key: None };
    let audit = deed.audit(at);
    let decided = orders::change(app, no, |tree| {
        let no = must_be_shop_order(tree, no)?;
        let Some(why) = tree.shop(no).and_then(|shop| shop.attention.clone()) else {
            return Err(Problem::conflict("no-attention", format!("order {no} waits for nobody")));
        };
        if tree.shop(no).is_some_and(|shop| shop.status.is_final()) {
            return Err(wrong_state(tree, no, "driven any further"));
        }
        let mut draft = Draft::new(tree, at, &audit.actor);
        draft.operated(no, "redrive", "", (json!({"attention": why}), json!({"attention": null})));
        draft.stay(no, "redrive", why).attention = None;
        draft.change.admin.push(AdminWrite::Audit(audit.clone()));
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    decided.await?;
    forward::forward(app, who, no).await
}

/// Events that were given up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LetterPage {
    /// Newest first.
    pub letters: Vec<LetterRow>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// An early event that expired before its turn.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LetterRow {
    /// For whom.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// What: ship, deliver, …
    pub event: String,
    /// Distinguishes two of a kind; may be empty.
    pub id: String,
    /// As it arrived, JSON text.
    pub payload: String,
    /// Why it was given up.
    pub reason: String,
    /// RFC 3339: when it arrived.
    pub at: String,
    /// RFC 3339: when it was given up.
    pub dead_at: String,
}

/// A cursor of [`dead_letters`]. Its last part may hold anything.
#[derive(Debug)]
pub struct Letter(LetterKey);

impl std::str::FromStr for Letter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(4, '~');
        let mut part = || parts.next().ok_or(());
        let (dead_at, no) = (part()?.parse().map_err(drop)?, part()?.parse().map_err(drop)?);
        let (event, id) = (part()?.to_owned(), part()?.to_owned());
        Ok(Self(LetterKey { dead_at, shop_no: OrderNo(no), event, id }))
    }
}

/// Lists them, below one.
pub async fn dead_letters(app: &App, below: Option<Letter>, limit: u32) -> Result<LetterPage, Problem> {
    let below = below.map(|letter| letter.0);
    let rows = app.store.dead_letters(below.as_ref(), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| format!("{}~{}~{}~{}", row.dead_at, row.shop_no.0, row.event, row.id));
    let rows = rows.into_iter().map(|row| LetterRow {
        order_no: row.shop_no,
        event: row.event,
        id: row.id,
        payload: row.payload,
        reason: row.reason,
        at: rfc3339(row.at),
        dead_at: rfc3339(row.dead_at),
    });
    Ok(LetterPage { letters: rows.collect(), next })
}

/// Parks a given-up event again, to be tried now. The letter itself stays as history.
pub async fn redrive_letter(app: &App, who: &Principal, no: OrderNo, event: &str, id: &str) -> Result<(), Problem> {
    let letter = app.store.dead_letter(no, event, id).await.map_err(store_problem)?;
    let letter = letter.ok_or_else(|| Problem::not_found(format!("such letter of order {no}")))?;
    let at = app.clock.now();
    let target = format!("{no}/{event}/{id}");
    let deed = Deed { who, action: "dead_letter.redrive", target, detail: json!({}), key: None };
    let parked = Parked {
        shop_no: no,
        event: letter.event,
        id: letter.id,
        payload: letter.payload,
        at,
        expires_at: at + REVIVED_MS,
    };
    let change = Change {
        at,
        park: vec![parked],
        arm: vec![Timer { key: TimerKey { subject: no, kind: TimerKind::Parked }, due: at, attempt: 0 }],
        admin: vec![AdminWrite::Audit(deed.audit(at))],
        ..Change::default()
    };
    match commit(app, change).await {
        Ok(()) | Err(Denied::Refusal(Refusal::ParkedBefore { .. })) => Ok(()),
        Err(denied) => Err(denied.into()),
    }
}

/// An armed timer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimerRow {
    /// pay_timeout, compensate, ship_overdue, auto_receive, settle, refund or parked.
    pub kind: String,
    /// RFC 3339: when it fires.
    pub due: String,
    /// How often it has fired for this cause.
    pub attempt: i64,
}

/// The timers of an order.
pub async fn timers(app: &App, no: OrderNo) -> Result<Vec<TimerRow>, Problem> {
    let row = |timer: Timer| TimerRow {
        kind: timer.key.kind.word().to_owned(),
        due: rfc3339(timer.due),
        attempt: timer.attempt,
    };
    Ok(app.store.timers(no).await.map_err(store_problem)?.into_iter().map(row).collect())
}

/// What waits to be published, by slot group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BacklogRow {
    /// 0 to 15.
    pub group: u16,
    /// How many events, up to 10,000.
    pub events: i64,
    /// Who relays the group; empty when nobody did yet.
    pub holder: String,
    /// Whether its lease still runs.
    pub held: bool,
}

/// The backlog of every group.
pub async fn outbox(app: &App) -> Result<Vec<BacklogRow>, Problem> {
    let waiting = app.store.outbox_backlog().await.map_err(store_problem)?;
    let leases = app.store.leases().await.map_err(store_problem)?;
    let events = |group: u16| waiting.iter().find(|backlog| backlog.group == group).map_or(0, |b| b.events);
    let row = |lease: crate::store::Lease| BacklogRow {
        group: lease.group,
        events: events(lease.group),
        holder: lease.holder,
        held: lease.held,
    };
    Ok(leases.into_iter().map(row).collect())
}
