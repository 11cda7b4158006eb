//! What is compared with providers' books, what differed, and which days were compared.

use crate::domain::ids::{MerchantAccount, Millis, PaymentMethod, PaymentNo, RefundNo, Slot};
use crate::domain::number::number;
use crate::domain::payment::{Payment, Refund};
use crate::domain::reconcile::{BookDay, Discrepancy, DiscrepancyKind};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::money;
use crate::store::sql::{Reader, Row, Sql, Value, sql};

/// Payments of a day are looked for among those made so long before it: orders wait at most 30 days to be paid.
const MADE_BEFORE_MS: Millis = 31 * 86_400_000;

/// A difference with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDiscrepancy {
    /// As found.
    pub found: Discrepancy,
    /// How it was settled.
    pub end: Option<Resolution>,
}

/// How a difference was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// When.
    pub at: Millis,
    /// Who.
    pub by: String,
    /// How and why.
    pub text: String,
}

/// Whose differences and days are listed; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct OfAccount {
    /// Of a provider.
    pub method: Option<PaymentMethod>,
    /// Of an account.
    pub account: Option<MerchantAccount>,
}

impl OfAccount {
    fn texts(&self) -> (&str, &str) {
        let method = self.method.as_ref().map_or("", PaymentMethod::as_str);
        (method, self.account.as_ref().map_or("", MerchantAccount::as_str))
    }
}

/// A span of time: from its first millisecond to the one before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First.
    pub from: Millis,
    /// No longer.
    pub to: Millis,
}

fn differences(name: &'static str, which: &str, time: &str) -> Sql {
    Sql::both(
        name,
        format!(
            "SELECT {} FROM discrepancies AS t WHERE t.settled_at {which} AND (t.{time}, t.id) < ($3, $4) \
             AND ($1 = '' OR t.method = $1) AND ($2 = '' OR t.account = $2) ORDER BY t.{time} DESC, t.id DESC LIMIT $5",
            money::DISCREPANCIES.list("t.")
        ),
    )
}

sql! {
    OPEN = differences("open discrepancies", "IS NULL", "found_at");
    SETTLED = differences("settled discrepancies", "IS NOT NULL", "settled_at");
    DISCREPANCY = Sql::both("discrepancy", format!(
        "SELECT {} FROM discrepancies AS t WHERE id = $1", money::DISCREPANCIES.list("t.")));
    OPEN_COUNTS = Sql::both("open discrepancies by kind",
        "SELECT kind, CAST(count(*) AS BIGINT) FROM discrepancies WHERE settled_at IS NULL GROUP BY kind");
    DAYS = Sql::both("book days", format!(
        "SELECT {} FROM book_days AS t WHERE (t.day, t.method, t.account) < ($3, $4, $5) \
         AND ($1 = '' OR t.method = $1) AND ($2 = '' OR t.account = $2) \
         ORDER BY t.day DESC, t.method DESC, t.account DESC LIMIT $6", money::BOOK_DAYS.list("t.")));
    DAYS_SINCE = Sql::both("book days of an account", format!(
        "SELECT {} FROM book_days AS t WHERE method = $1 AND account = $2 AND day >= $3 ORDER BY day",
        money::BOOK_DAYS.list("t.")));
    PAYMENTS = Sql::both("payments of an account and time", format!(
        "SELECT {} FROM payments AS t WHERE t.method = $1 AND t.account = $2 AND t.no > $3 AND t.no < $4 \
         AND t.status IN (1, 4) AND t.amount > 0 \
         AND (CASE WHEN t.arrived IS NULL THEN t.paid_at ELSE t.ended_at END) >= $5 \
         AND (CASE WHEN t.arrived IS NULL THEN t.paid_at ELSE t.ended_at END) < $6 \
         ORDER BY t.no LIMIT $7", money::PAYMENTS.list("t.")));
    // The account is asked for by each refund, and by the payment's key alone: a join, or the account's own index, would
    // begin with all payments that it ever had. `+ 0` keeps the page's beginning from being looked for in the key.
    REFUNDS = Sql::both("refunds of an account and time", format!(
        "SELECT {} FROM refunds AS t WHERE t.succeeded_at >= $3 AND t.succeeded_at < $4 AND t.way = 0 \
         AND t.no + 0 > $5 AND CAST($1 AS TEXT) || '/' || CAST($2 AS TEXT) = \
         (SELECT p.method || '/' || p.account FROM payments AS p WHERE p.slot = t.slot AND p.no = t.payment_no) \
         ORDER BY t.no LIMIT $6", money::REFUNDS.list("t.")));
    PAYMENT = Sql::both("payment", format!(
        "SELECT {} FROM payments AS t WHERE slot = $1 AND no = $2", money::PAYMENTS.list("t.")));
    REFUND = Sql::both("refund", format!(
        "SELECT {} FROM refunds AS t WHERE slot = $1 AND no = $2", money::REFUNDS.list("t.")));
}

impl Store {
    /// Open differences by when they were found, or settled ones by when they were settled, newest first, below a time
    /// and id.
    pub async fn discrepancies(
        &self,
        settled: bool,
        of: &OfAccount,
        below: Option<&(Millis, String)>,
        limit: u32,
    ) -> Result<Vec<StoredDiscrepancy>, StoreError> {
        let (method, account) = of.texts();
        let (time, id) = below.map_or((i64::MAX, ""), |(time, id)| (*time, id.as_str()));
        let values = [method.into(), account.into(), time.into(), id.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(if settled { &SETTLED } else { &OPEN }, &values).await?;
        rows.iter().map(discrepancy).collect()
    }

    /// One difference.
    pub async fn discrepancy(&self, id: &str) -> Result<Option<StoredDiscrepancy>, StoreError> {
        self.readers().fetch(&DISCREPANCY, &[id.into()]).await?.first().map(discrepancy).transpose()
    }

    /// How many differences of each kind are open; kinds with none are left out.
    pub async fn open_discrepancies(&self) -> Result<Vec<(DiscrepancyKind, i64)>, StoreError> {
        let rows = self.readers().fetch(&OPEN_COUNTS, &[]).await?;
        let count = |row: &Row| {
            let mut cells = Reader::new(row, &money::KIND_COUNTS);
            Ok((cells.code(DiscrepancyKind::from_code)?, cells.int()?))
        };
        rows.iter().map(count).collect()
    }

    /// Compared days, newest first, below a day of an account.
    pub async fn book_days(
        &self,
        of: &OfAccount,
        below: Option<&(String, String, String)>,
        limit: u32,
    ) -> Result<Vec<BookDay>, StoreError> {
        let (method, account) = of.texts();
        // No day is above this, in any collation.
        let (day, m, a) = below.map_or(("9999-99-99", "", ""), |(day, m, a)| (day.as_str(), m.as_str(), a.as_str()));
        let values: [Value<'_>; 6] =
            [method.into(), account.into(), day.into(), m.into(), a.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&DAYS, &values).await?;
        rows.iter().map(|row| money::take_book_day(&mut Reader::new(row, &money::BOOK_DAYS))).collect()
    }

    /// The compared days of an account from a day on, oldest first.
    pub async fn book_days_since(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
        day: &str,
    ) -> Result<Vec<BookDay>, StoreError> {
        let values = [method.as_str().into(), account.as_str().into(), day.into()];
        let rows = self.readers().fetch(&DAYS_SINCE, &values).await?;
        rows.iter().map(|row| money::take_book_day(&mut Reader::new(row, &money::BOOK_DAYS))).collect()
    }

    /// Payments of an account whose money arrived in a span, by number, after a number.
    pub async fn payments_arrived(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
        span: Span,
        after: PaymentNo,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let edge = |at: Millis| number(at, 0, Slot::of_number(0));
        let (first, end) = (edge(span.from - MADE_BEFORE_MS).max(after.0), edge(span.to + 1_000));
        let (method, account) = (method.as_str().into(), account.as_str().into());
        let limit = i64::from(limit).into();
        let values = [method, account, first.into(), end.into(), span.from.into(), span.to.into(), limit];
        let rows = self.readers().fetch(&PAYMENTS, &values).await?;
        rows.iter().map(|row| money::take_payment(&mut Reader::new(row, &money::PAYMENTS))).collect()
    }

    /// Refunds through an account that were done in a span, by number, after a number.
    pub async fn refunds_done(
        &self,
        method: &PaymentMethod,
        account: &MerchantAccount,
        span: Span,
        after: RefundNo,
        limit: u32,
    ) -> Result<Vec<Refund>, StoreError> {
        let (method, account) = (method.as_str().into(), account.as_str().into());
        let values = [method, account, span.from.into(), span.to.into(), after.0.into(), i64::from(limit).into()];
        let rows = self.readers().fetch(&REFUNDS, &values).await?;
        rows.iter().map(|row| money::take_refund(&mut Reader::new(row, &money::REFUNDS))).collect()
    }

    /// A payment alone.
    pub async fn payment(&self, no: PaymentNo) -> Result<Option<Payment>, StoreError> {
        let rows = self.readers().fetch(&PAYMENT, &[i64::from(no.slot().index()).into(), no.0.into()]).await?;
        rows.first().map(|row| money::take_payment(&mut Reader::new(row, &money::PAYMENTS))).transpose()
    }

    /// A refund alone.
    pub async fn refund(&self, no: RefundNo) -> Result<Option<Refund>, StoreError> {
        let rows = self.readers().fetch(&REFUND, &[i64::from(no.slot().index()).into(), no.0.into()]).await?;
        rows.first().map(|row| money::take_refund(&mut Reader::new(row, &money::REFUNDS))).transpose()
    }
}

fn discrepancy(row: &Row) -> Result<StoredDiscrepancy, StoreError> {
    let mut row = Reader::new(row, &money::DISCREPANCIES);
    row.text()?;
    let found = Discrepancy {
        method: row.id()?,
        account: row.id()?,
        kind: row.code(DiscrepancyKind::from_code)?,
        reference: row.text()?,
        payment_no: row.opt_int()?.map(PaymentNo),
        refund_no: row.opt_int()?.map(RefundNo),
        trade_no: row.opt_text()?,
        ours: row.opt_int()?,
        theirs: row.opt_int()?,
        currency: row.text()?,
        day: row.opt_text()?,
        note: row.text()?,
        found_at: row.int()?,
    };
    let (at, by, text) = (row.opt_int()?, row.opt_text()?, row.opt_text()?);
    let end = at.map(|at| Resolution { at, by: by.unwrap_or_default(), text: text.unwrap_or_default() });
    Ok(StoredDiscrepancy { found, end })
}
