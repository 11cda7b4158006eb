//! Where a provider has no book: each of our payments and refunds of the day is asked for, some at a time.

use super::super::App;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::days::Day;
use super::differ::Differences;
use super::{Step, book_day, count, ours};
use crate::domain::books::{EntryKind, Ours, Theirs};
use crate::domain::catalogue::PaymentAccount;
use crate::domain::ids::Millis;
use crate::domain::reconcile::{BookDay, BookOutcome};
use crate::payment::{Provider, QueryAnswer, RefundAnswer};

/// Questions of one step.
const AT_ONCE: usize = 50;
/// What has had no answer for so long after its day is told as a difference.
const PATIENCE_MS: Millis = 3 * 86_400_000;

/// Stands in an outcome for the place before the first.
pub(super) const BEGINNING: &str = "-";

/// The number after which a day goes on: the only word of `querying`, the first of `later`.
pub(super) fn reached(outcome: &BookOutcome) -> Option<&str> {
    match outcome {
        BookOutcome::Querying(after) => Some(after),
        BookOutcome::Later(why) => why.split(' ').next(),
        BookOutcome::Compared | BookOutcome::Uploaded | BookOutcome::Queried => None,
    }
}

/// Asks for the next of the day and goes on from there in the next step. What moved on the day here is asked for by its
/// number, so midnight does not matter.
pub(super) async fn some(
    app: &App,
    row: &PaymentAccount,
    provider: &dyn Provider,
    day: Day,
    before: Option<BookDay>,
) -> Result<Step, Problem> {
    let booked = ours::booked(app, row, day.span()).await?;
    let entries: Vec<Ours> = booked.into_iter().map(|booked| booked.entry).collect();
    let place = |before: BookDay| {
        let after = reached(&before.outcome)?.to_owned();
        let at = entries.iter().position(|own| own.reference() == after)?;
        Some((at + 1, before.entries, before.differences, after))
    };
    let (begin, mut asked, differed, mut last) = before
        .and_then(place)
        .map_or((0, 0, 0, None), |(at, asked, differed, after)| (at, asked, differed, Some(after)));
    let rest = &entries[begin..];
    let patient = app.clock.now() < day.span().to + PATIENCE_MS;
    let mut differences = Differences::new(app, row, day);
    let mut stopped = None;
    for own in rest.iter().take(AT_ONCE) {
        match ask(app, provider, own).await? {
            Answered::Agrees => {}
            Answered::Differs(entry) => differences.differs(own, &entry),
            Answered::Missing(why) => differences.missing_there(own, &why),
            Answered::Unknown(why) if patient => {
                stopped = Some(format!("{} {}: {why}", last.as_deref().unwrap_or(BEGINNING), own.reference()));
                break;
            }
            Answered::Unknown(why) => differences.missing_there(own, &format!("no answer for days: {why}")),
        }
        asked += 1;
        last = Some(own.reference());
    }
    let found = differences.found();
    let outcome = match (stopped, last) {
        (Some(why), _) => BookOutcome::Later(why),
        (None, Some(last)) if rest.len() > AT_ONCE => BookOutcome::Querying(last),
        (None, _) => BookOutcome::Queried,
    };
    let day = book_day(app, row, day, (asked, differed + count(found.len())), outcome);
    Ok(Step { day, found })
}

/// What the provider says of an entry of ours.
pub(super) enum Answered {
    /// The same.
    Agrees,
    /// Another amount.
    Differs(Theirs),
    /// It has no such money, and why it says so.
    Missing(String),
    /// It does not say.
    Unknown(String),
}

/// Asks the provider for an entry of ours.
pub(super) async fn ask(app: &App, provider: &dyn Provider, own: &Ours) -> Result<Answered, Problem> {
    let gone = || Answered::Unknown("it is gone from our book".to_owned());
    let Some(payment) = app.store.payment(own.payment_no).await.map_err(store_problem)? else { return Ok(gone()) };
    let Some(refund_no) = own.refund_no else {
        return Ok(match provider.query(&payment).await {
            QueryAnswer::Paid(receipt) => {
                let (trade_no, amount, currency) = (receipt.trade_no, receipt.amount, receipt.currency);
                let kind = EntryKind::Payment;
                let entry = Theirs { kind, reference: own.reference(), trade_no, amount, currency };
                if own.agrees(&entry) { Answered::Agrees } else { Answered::Differs(entry) }
            }
            QueryAnswer::Unpaid => Answered::Missing("not paid there".to_owned()),
            QueryAnswer::Ended(why) => Answered::Missing(format!("ended there: {why}")),
            QueryAnswer::Unknown(why) => Answered::Unknown(why),
        });
    };
    let Some(refund) = app.store.refund(refund_no).await.map_err(store_problem)? else { return Ok(gone()) };
    Ok(match provider.query_refund(&payment, &refund).await {
        RefundAnswer::Succeeded => Answered::Agrees,
        RefundAnswer::Absent => Answered::Missing("no such refund there".to_owned()),
        RefundAnswer::Failed(why) => Answered::Missing(format!("failed there: {why}")),
        RefundAnswer::Stuck(why) => Answered::Missing(format!("stuck there: {why}")),
        RefundAnswer::Pending(why) => Answered::Unknown(why),
    })
}
