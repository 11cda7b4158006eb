//! Comparing providers' books with ours, day by day and account by account.
//!
//! A day's comparison looks at everything that the provider booked on it, and at what moved here between two hours before
//! the day and two hours before its end: what the provider books on the other side of midnight is then in the book of
//! that day or of the day before, and everything of ours is looked at exactly once. Where a provider has no book, each of
//! our payments and refunds is asked for.

mod ask;
mod days;
mod differ;
mod ours;
mod upload;

pub use upload::{Uploaded, upload};

use super::App;
use super::orders::{commit, store_problem};
use super::problem::Problem;
use crate::domain::books::{EntryKind, Theirs, compare};
use crate::domain::catalogue::PaymentAccount;
use crate::domain::change::Change;
use crate::domain::ids::Millis;
use crate::domain::reconcile::{BookDay, BookOutcome, Discrepancy, DiscrepancyKind};
use crate::payment::{BookEntry, BookKind, NoBook, Provider};
use crate::store::Span;

use days::Day;
use differ::Differences;

/// A book that was not ready is asked for again after this.
const AGAIN_MS: Millis = 3_600_000;
/// Days that are caught up after an outage.
const CATCH_UP_DAYS: i64 = 7;
/// An account without a day in so many days counts as new.
const REMEMBERED_DAYS: i64 = 90;
/// How far a provider may book from midnight on the other side of it.
const MIDNIGHT_MS: Millis = 2 * 3_600_000;

/// Whether there is more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Nothing is due.
    Idle,
    /// A step was made; there may be another.
    Stepped,
}

/// Makes one step: compares one day of one account, or asks for some of its payments.
pub async fn step(app: &App) -> Result<Went, Problem> {
    let rows = app.store.payment_accounts().await.map_err(store_problem)?;
    for row in &rows {
        let Some(provider) = app.providers.get(row.method.as_str(), row.account.as_str()) else { continue };
        if let Some((day, before)) = due(app, row).await? {
            let done = match provider.book(&day.to_string()).await {
                Ok(book) => with_book(app, row, &*provider, day, book.into_iter().map(theirs).collect()).await,
                Err(NoBook::NotOffered) => ask::some(app, row, &*provider, day, before.clone()).await,
                Err(NoBook::Later(why)) => Ok(later(app, row, day, before.as_ref(), &why)),
            };
            // What is wrong with one account must not keep the others from their turn.
            let done = done.unwrap_or_else(|problem| later(app, row, day, before.as_ref(), &problem.detail));
            done.commit(app).await?;
            return Ok(Went::Stepped);
        }
    }
    Ok(Went::Idle)
}

/// How many differences of each kind are open.
pub async fn open(app: &App) -> Result<Vec<(DiscrepancyKind, i64)>, Problem> {
    app.store.open_discrepancies().await.map_err(store_problem)
}

/// The oldest day of an account that is not done, if it is time for it. A new account begins with yesterday.
async fn due(app: &App, row: &PaymentAccount) -> Result<Option<(Day, Option<BookDay>)>, Problem> {
    let now = app.clock.now();
    let yesterday = Day::at(&row.method, now).plus(-1);
    let known = yesterday.plus(-REMEMBERED_DAYS).to_string();
    let known = app.store.book_days_since(&row.method, &row.account, &known).await.map_err(store_problem)?;
    let first = known.first().and_then(|first| Day::read(&row.method, &first.day)).unwrap_or(yesterday);
    let mut day = first.max(yesterday.plus(1 - CATCH_UP_DAYS));
    while day <= yesterday {
        let stored = known.iter().find(|stored| stored.day == day.to_string());
        match stored {
            None => return Ok(Some((day, None))),
            Some(stored) => match &stored.outcome {
                BookOutcome::Querying(_) => return Ok(Some((day, Some(stored.clone())))),
                BookOutcome::Later(_) if now - stored.compared_at >= AGAIN_MS => {
                    return Ok(Some((day, Some(stored.clone()))));
                }
                BookOutcome::Later(_) | BookOutcome::Compared | BookOutcome::Uploaded | BookOutcome::Queried => {}
            },
        }
        day = day.plus(1);
    }
    Ok(None)
}

/// What a step found, to be kept.
struct Step {
    day: BookDay,
    found: Vec<Discrepancy>,
}

impl Step {
    /// Keeps it; differences that are known stay as they are.
    async fn commit(self, app: &App) -> Result<(), Problem> {
        for found in &self.found {
            let (id, note) = (found.id(), &found.note);
            tracing::error!(id, note, "a provider's book and ours differ");
        }
        if let BookOutcome::Later(why) = &self.day.outcome {
            let (method, account, day) = (&self.day.method, &self.day.account, &self.day.day);
            tracing::warn!(%method, %account, day, why, "a provider's book is not compared yet");
        }
        let at = self.day.compared_at;
        let change = Change { at, discrepancies: self.found, book_days: vec![self.day], ..Change::default() };
        Ok(commit(app, change).await?)
    }
}

/// To be tried again. A day that is asked for in turns goes on where it was.
fn later(app: &App, row: &PaymentAccount, day: Day, before: Option<&BookDay>, why: &str) -> Step {
    let after = before.and_then(|before| ask::reached(&before.outcome)).unwrap_or(ask::BEGINNING);
    let outcome = BookOutcome::Later(format!("{after} {why}"));
    let sums = before.map_or((0, 0), |before| (before.entries, before.differences));
    Step { day: book_day(app, row, day, sums, outcome), found: vec![] }
}

fn book_day(
    app: &App,
    row: &PaymentAccount,
    day: Day,
    (entries, differences): (i64, i64),
    outcome: BookOutcome,
) -> BookDay {
    BookDay {
        method: row.method.clone(),
        account: row.account.clone(),
        day: day.to_string(),
        compared_at: app.clock.now(),
        entries,
        differences,
        outcome,
    }
}

/// Compares with the provider's list of the day.
async fn with_book(
    app: &App,
    row: &PaymentAccount,
    provider: &dyn Provider,
    day: Day,
    book: Vec<Theirs>,
) -> Result<Step, Problem> {
    let span = day.span();
    let (entries, mut differences) = (count(book.len()), Differences::new(app, row, day));
    let looked_at = Span { from: span.from - MIDNIGHT_MS, to: span.to - MIDNIGHT_MS };
    // What moved in the last two hours is known, too, so that it need not be looked up one by one.
    let booked = ours::booked(app, row, Span { to: span.to, ..looked_at }).await?;
    let ours = booked.iter().map(|booked| booked.entry.clone()).collect();
    let compared = compare(ours, book);
    let late = |own: &_| booked.iter().any(|b| b.entry == *own && b.at >= looked_at.to);
    let missing: Vec<_> = compared.missing.into_iter().filter(|own| !late(own)).collect();
    if !missing.is_empty() {
        let before = match provider.book(&day.plus(-1).to_string()).await {
            Ok(book) => book.into_iter().map(theirs).collect(),
            Err(error) => {
                let why = format!("the book of the day before is needed, too: {error}");
                return Ok(later(app, row, day, None, &why));
            }
        };
        let compared = compare(missing, before);
        compared.missing.into_iter().for_each(|own| differences.missing_there(&own, "not in its book"));
        for (own, entry) in compared.differing {
            differences.differs(&own, &entry);
        }
    }
    for (own, entry) in &compared.differing {
        differences.differs(own, entry);
    }
    for entry in &compared.again {
        differences.again(entry);
    }
    for entry in &compared.unknown {
        differences.look_up(entry).await?;
    }
    let found = differences.found();
    let day = book_day(app, row, day, (entries, count(found.len())), BookOutcome::Compared);
    Ok(Step { day, found })
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn theirs(entry: BookEntry) -> Theirs {
    let kind = match entry.kind {
        BookKind::Payment => EntryKind::Payment,
        BookKind::Refund => EntryKind::Refund,
    };
    let BookEntry { kind: _, reference, trade_no, amount, currency } = entry;
    Theirs { kind, reference, trade_no, amount, currency }
}
