//! The list of differences between providers' books and ours, and settling them one by one.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::App;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::super::receipt::{Effect, Said, Source, apply};
use super::super::{dispute, pay, refund};
use super::{Deed, next};
use crate::domain::catalogue::AdminWrite;
use crate::domain::ids::{Millis, PaymentNo, RefundNo};
use crate::domain::payment::{PaymentStatus, RefundStatus};
use crate::domain::reconcile::{BookDay, Discrepancy, DiscrepancyKind, Settled};
use crate::domain::time::rfc3339;
use crate::identity::Principal;
use crate::payment::QueryAnswer;
use crate::store::StoredDiscrepancy;

pub use crate::store::OfAccount;

/// Characters of a note.
const NOTE_MAX: usize = 500;

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscrepancyView {
    /// Its name.
    pub id: String,
    /// The payment method.
    pub payment_method: String,
    /// Our account.
    pub account: String,
    /// `wrong_amount`, `missing_here`, `missing_there`, `amount_differs`, `refund_failed` or `refund_stuck`.
    pub kind: String,
    /// Our payment or refund number, else the provider's reference.
    pub reference: String,
    /// Our payment, if there is one.
    #[schema(value_type = Option<String>)]
    pub payment_no: Option<PaymentNo>,
    /// Our refund, if it is about one.
    #[schema(value_type = Option<String>)]
    pub refund_no: Option<RefundNo>,
    /// The provider's reference.
    pub trade_no: Option<String>,
    /// Our amount, minor units.
    pub ours: Option<i64>,
    /// The provider's amount.
    pub theirs: Option<i64>,
    /// ISO 4217
    pub currency: String,
    /// The day of the book.
    pub day: Option<String>,
    /// For people.
    pub note: String,
    /// RFC 3339
    pub found_at: String,
    /// RFC 3339: when it was settled.
    pub settled_at: Option<String>,
    /// Who settled it.
    pub settled_by: Option<String>,
    /// How and why.
    pub resolution: Option<String>,
}

impl From<StoredDiscrepancy> for DiscrepancyView {
    fn from(stored: StoredDiscrepancy) -> Self {
        let StoredDiscrepancy { found, end } = stored;
        Self {
            id: found.id(),
            payment_method: found.method.to_string(),
            account: found.account.to_string(),
            kind: found.kind.word().to_owned(),
            reference: found.reference,
            payment_no: found.payment_no,
            refund_no: found.refund_no,
            trade_no: found.trade_no,
            ours: found.ours,
            theirs: found.theirs,
            currency: found.currency,
            day: found.day,
            note: found.note,
            found_at: rfc3339(found.found_at),
            settled_at: end.as_ref().map(|end| rfc3339(end.at)),
            settled_by: end.as_ref().map(|end| end.by.clone()),
            resolution: end.map(|end| end.text),
        }
    }
}

/// A page of differences.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DiscrepancyPage {
    /// Newest first.
    pub discrepancies: Vec<DiscrepancyView>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// Differences, open ones or settled ones, below a time and id.
pub async fn list(
    app: &App,
    settled: bool,
    of: &OfAccount,
    below: Option<(Millis, String)>,
    limit: u32,
) -> Result<DiscrepancyPage, Problem> {
    let rows = app.store.discrepancies(settled, of, below.as_ref(), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| {
        let at = row.end.as_ref().map_or(row.found.found_at, |end| end.at);
        format!("{at}~{}", row.found.id())
    });
    Ok(DiscrepancyPage { discrepancies: rows.into_iter().map(DiscrepancyView::from).collect(), next })
}

/// A day of a provider's book.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BookDayView {
    /// The payment method.
    pub payment_method: String,
    /// Our account.
    pub account: String,
    /// `YYYY-MM-DD` in the provider's time.
    pub day: String,
    /// RFC 3339: when it was last worked on.
    pub compared_at: String,
    /// Entries looked at.
    pub entries: i64,
    /// Differences found.
    pub differences: i64,
    /// `compared`, `uploaded`, `queried`; `querying:…` and `later:…` are not done.
    pub outcome: String,
}

impl From<BookDay> for BookDayView {
    fn from(day: BookDay) -> Self {
        Self {
            payment_method: day.method.to_string(),
            account: day.account.to_string(),
            day: day.day,
            compared_at: rfc3339(day.compared_at),
            entries: day.entries,
            differences: day.differences,
            outcome: day.outcome.to_string(),
        }
    }
}

/// A page of days.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BookDayPage {
    /// Newest first.
    pub days: Vec<BookDayView>,
    /// `cursor` of the next page.
    pub next: Option<String>,
}

/// Compared days, below a day of an account.
pub async fn days(
    app: &App,
    of: &OfAccount,
    below: Option<(String, String, String)>,
    limit: u32,
) -> Result<BookDayPage, Problem> {
    let rows = app.store.book_days(of, below.as_ref(), limit).await.map_err(store_problem)?;
    let next = next(&rows, limit, |row| format!("{}~{}~{}", row.day, row.method, row.account));
    Ok(BookDayPage { days: rows.into_iter().map(BookDayView::from).collect(), next })
}

/// How a difference is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Ask the provider now and apply what it says.
    Query,
    /// Of a wrong amount: send back what arrived.
    Refund,
    /// Of a wrong amount: take what arrived.
    Accept,
    /// Of a failed refund: send it again under a new number.
    Retry,
    /// It was put right outside of this platform; the note says how.
    AcceptDifference,
    /// It stays a loss or a gain.
    WrittenOff,
}

impl How {
    fn word(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Refund => "refund",
            Self::Accept => "accept",
            Self::Retry => "retry",
            Self::AcceptDifference => "accept_difference",
            Self::WrittenOff => "written_off",
        }
    }

    /// Whether differences of a kind can be settled so.
    fn fits(self, kind: DiscrepancyKind) -> bool {
        match self {
            Self::Query => kind != DiscrepancyKind::WrongAmount,
            Self::Refund | Self::Accept => kind == DiscrepancyKind::WrongAmount,
            Self::Retry => kind == DiscrepancyKind::RefundFailed,
            Self::AcceptDifference | Self::WrittenOff => true,
        }
    }
}

/// Settles a difference. What the platform itself does about it is done first; the entry ends with it.
pub async fn settle(app: &App, who: &Principal, id: &str, how: How, note: &str) -> Result<DiscrepancyView, Problem> {
    if !(1..=NOTE_MAX).contains(&note.chars().count()) {
        return Err(Problem::invalid("bad-body", format!("note: 1 to {NOTE_MAX} characters")));
    }
    let stored = find(app, id).await?;
    if let Some(end) = &stored.end {
        let detail = format!("{id} was settled by {}: {}", end.by, end.text);
        return Err(Problem::conflict("already-settled", detail));
    }
    let found = &stored.found;
    if !how.fits(found.kind) {
        return Err(not_so(found, how, "this kind of difference is not settled so"));
    }
    match (how, found.payment_no, found.refund_no) {
        (How::Refund | How::Accept, Some(no), _) => {
            let way = if how == How::Refund { dispute::Way::Refund } else { dispute::Way::Accept };
            dispute::settle(app, who, no, way, note).await?;
        }
        (How::Retry, _, Some(no)) => drop(dispute::retry_refund(app, who, no, note).await?),
        (How::Query, Some(_), Some(no)) => {
            let outcome = query_refund(app, found, no).await?;
            record(app, who, found, how, &format!("{outcome}: {note}")).await?;
        }
        (How::Query, Some(no), None) => {
            let outcome = query(app, who, found, no).await?;
            record(app, who, found, how, &format!("{outcome}: {note}")).await?;
        }
        (How::AcceptDifference | How::WrittenOff, _, Some(no)) if owed(app, no).await? => {
            dispute::refund_by_hand(app, who, no, &found.id(), &format!("{}: {note}", how.word())).await?;
        }
        (How::AcceptDifference | How::WrittenOff, ..) => {
            not_disputed(app, found, how).await?;
            record(app, who, found, how, note).await?;
        }
        (How::Refund | How::Accept | How::Retry | How::Query, ..) => {
            return Err(not_so(found, how, "we have no payment or refund of it to act on"));
        }
    }
    find(app, id).await.map(DiscrepancyView::from)
}

async fn find(app: &App, id: &str) -> Result<StoredDiscrepancy, Problem> {
    let found = app.store.discrepancy(id).await.map_err(store_problem)?;
    found.ok_or_else(|| Problem::not_found(format!("difference {id}")))
}

fn not_so(found: &Discrepancy, how: How, why: &str) -> Problem {
    Problem::conflict("cannot-settle", format!("{} by {}: {why}", found.kind, how.word()))
}

/// Whether the buyer still waits for a refund: then only its end settles a difference about it.
async fn owed(app: &App, no: RefundNo) -> Result<bool, Problem> {
    Ok(app.store.refund(no).await.map_err(store_problem)?.is_some_and(|refund| refund.is_owed()))
}

/// A disputed payment holds an order; only refunding or accepting frees it, unless another currency arrived.
async fn not_disputed(app: &App, found: &Discrepancy, how: How) -> Result<(), Problem> {
    let Some(no) = found.payment_no.filter(|_| found.kind == DiscrepancyKind::WrongAmount) else { return Ok(()) };
    let payment = app.store.payment(no).await.map_err(store_problem)?;
    let open = payment.is_some_and(|payment| {
        payment.status == PaymentStatus::Disputed && found.currency == payment.currency.as_str()
    });
    if open { Err(not_so(found, how, "refund or accept what arrived")) } else { Ok(()) }
}

/// Only says who settled it and how.
async fn record(app: &App, who: &Principal, found: &Discrepancy, how: How, note: &str) -> Result<(), Problem> {
    let (id, by) = (found.id(), pay::actor(who));
    let settled = Settled { id: id.clone(), by, resolution: format!("{}: {note}", how.word()) };
    let detail = json!({ "resolution": how, "note": note });
    let deed = Deed { who, action: "reconciliation.settle", target: id, detail, key: None };
    deed.commit(app, vec![AdminWrite::SettleDiscrepancy(settled)], ()).await
}

fn unsettled(found: &Discrepancy, says: &str) -> Problem {
    Problem::conflict("still-differs", format!("the provider says of {}: {says}", found.reference))
}

/// Asks for a payment and applies the verified answer as a callback's would be.
async fn query(app: &App, who: &Principal, found: &Discrepancy, no: PaymentNo) -> Result<&'static str, Problem> {
    let payment = app.store.payment(no).await.map_err(store_problem)?;
    let payment = payment.ok_or_else(|| Problem::not_found(format!("payment {no}")))?;
    let provider = provider(app, found)?;
    let receipt = match provider.query(&payment).await {
        QueryAnswer::Paid(receipt) => receipt,
        QueryAnswer::Unpaid => return Err(unsettled(found, "not paid")),
        QueryAnswer::Ended(why) => return Err(unsettled(found, &format!("ended: {why}"))),
        QueryAnswer::Unknown(why) => {
            tracing::warn!(payment = %no, why, "a provider gave no answer about a difference");
            return Err(Problem::busy("the provider does not answer; try again"));
        }
    };
    // Money that moved twice is more than the one trade a query tells of.
    if found.trade_no.as_ref().is_some_and(|trade| *trade == found.reference && *trade != receipt.trade_no) {
        return Err(unsettled(found, &format!("paid as {}, and this is another trade", receipt.trade_no)));
    }
    if payment.status == PaymentStatus::Succeeded {
        let same = receipt.amount == payment.amount && receipt.currency == payment.currency.as_str();
        return if same { Ok("the provider agrees") } else { Err(unsettled(found, "another amount")) };
    }
    let actor = pay::actor(who);
    let source = Source { actor: &actor, notice: None };
    Ok(match apply(app, (payment.pay_no, no), &Said::Paid(receipt), source).await? {
        Effect::Paid => "the order is paid",
        Effect::TooLate => "too late, it goes back",
        Effect::Repeat => "the provider agrees",
        Effect::Disputed => "another amount arrived, to be settled by itself",
        Effect::Ended => return Err(unsettled(found, "ended")),
    })
}

/// Asks for the refunds of the order; what the provider says of them is applied.
async fn query_refund(app: &App, found: &Discrepancy, no: RefundNo) -> Result<&'static str, Problem> {
    let missing = || Problem::not_found(format!("refund {no}"));
    let before = app.store.refund(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    if before.status != RefundStatus::Succeeded {
        refund::drive(app, before.pay_no).await?;
        let after = app.store.refund(no).await.map_err(store_problem)?.ok_or_else(missing)?;
        return match after.status {
            RefundStatus::Succeeded => Ok("the refund is done"),
            RefundStatus::Pending | RefundStatus::Failed => Err(unsettled(found, after.status.word())),
        };
    }
    let payment_no = before.payment_no.ok_or_else(missing)?;
    let payment = app.store.payment(payment_no).await.map_err(store_problem)?.ok_or_else(missing)?;
    match provider(app, found)?.query_refund(&payment, &before).await {
        crate::payment::RefundAnswer::Succeeded => Ok("the provider agrees"),
        other => Err(unsettled(found, &format!("{other:?}"))),
    }
}

fn provider(app: &App, found: &Discrepancy) -> Result<std::sync::Arc<dyn crate::payment::Provider>, Problem> {
    let known = app.providers.get(found.method.as_str(), found.account.as_str());
    known.ok_or_else(|| {
        let detail = format!("account {} of {} is not set up", found.account, found.method);
        Problem::conflict("account-not-set-up", detail)
    })
}
