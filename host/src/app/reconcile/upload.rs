//! A provider's book as a file that an operator gives.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::App;
use super::super::admin::Deed;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use super::ask::{Answered, ask};
use super::days::Day;
use super::differ::Differences;
use super::{MIDNIGHT_MS, book_day, count, ours};
use crate::domain::books::{EntryKind, Theirs, compare};
use crate::domain::change::Change;
use crate::domain::ids::{MerchantAccount, PaymentMethod};
use crate::domain::money::MAX_AMOUNT;
use crate::domain::reconcile::BookOutcome;
use crate::identity::Principal;

/// Bytes of a reference and of a trade number.
const TEXT_MAX: usize = 64;
/// The file's first line.
const COLUMNS: [&str; 5] = ["kind", "reference", "trade_no", "amount_minor", "currency"];

/// What an uploaded book came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// The day.
    pub day: String,
    /// Entries of the file.
    pub entries: i64,
    /// Differences, those known before included.
    pub differences: i64,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    reference: String,
    trade_no: String,
    amount_minor: i64,
    currency: String,
}

/// Compares a file with our day. What is missing near midnight may stand in the file of the next day, which is not here:
/// the provider is asked for it.
pub async fn upload(
    app: &App,
    who: &Principal,
    (method, account): (PaymentMethod, MerchantAccount),
    day: &str,
    file: &[u8],
) -> Result<Uploaded, Problem> {
    let found = app.store.payment_account(&method, &account).await.map_err(store_problem)?;
    let row = found.ok_or_else(|| Problem::not_found(format!("account {account} of payment method {method}")))?;
    let bad_day = || Problem::invalid("bad-query", "day: a past day as YYYY-MM-DD");
    let day = Day::read(&method, day).filter(|day| *day < Day::at(&method, app.clock.now())).ok_or_else(bad_day)?;
    let book = read(file)?;
    let (span, entries) = (day.span(), count(book.len()));
    let booked = ours::booked(app, &row, span).await?;
    let compared = compare(booked.iter().map(|booked| booked.entry.clone()).collect(), book);
    let mut differences = Differences::new(app, &row, day);
    let provider = app.providers.get(method.as_str(), account.as_str());
    for own in &compared.missing {
        let at = booked.iter().find(|booked| booked.entry == *own).map_or(span.from, |booked| booked.at);
        let near = at < span.from + MIDNIGHT_MS || at >= span.to - MIDNIGHT_MS;
        let answered = match &provider {
            Some(provider) if near => ask(app, &**provider, own).await?,
            _ => Answered::Missing("not in the file".to_owned()),
        };
        match answered {
            Answered::Agrees => {}
            Answered::Differs(entry) => differences.differs(own, &entry),
            Answered::Missing(why) => differences.missing_there(own, &why),
            Answered::Unknown(why) => {
                differences.missing_there(own, &format!("not in the file, perhaps in that of another day: {why}"));
            }
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
    let outcome = Uploaded { day: day.to_string(), entries, differences: count(found.len()) };
    for found in &found {
        let (id, note) = (found.id(), &found.note);
        tracing::error!(id, note, "a provider's book and ours differ");
    }
    let book_day = book_day(app, &row, day, (entries, outcome.differences), BookOutcome::Uploaded);
    let target = format!("{method}/{account}/{day}");
    let detail = json!({ "entries": entries, "differences": outcome.differences });
    let deed = Deed { who, action: "reconciliation.upload", target, detail, key: None };
    let change = Change { discrepancies: found, book_days: vec![book_day], ..Change::default() };
    deed.commit_with(app, change, vec![], outcome).await
}

/// Reads a file with the columns kind, reference, `trade_no`, `amount_minor`, currency; a wrong line is named.
fn read(file: &[u8]) -> Result<Vec<Theirs>, Problem> {
    let wrong =
        |line: u64, what: String| Problem::invalid("bad-book", format!("line {line}: {what}")).with("line", line);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let headers = reader.headers().map_err(|error| wrong(1, error.to_string()))?;
    if headers.iter().ne(COLUMNS) {
        return Err(wrong(1, format!("the columns are {}", COLUMNS.join(","))));
    }
    let mut book = vec![];
    for (at, line) in (2_u64..).zip(reader.deserialize::<Line>()) {
        let line = line.map_err(|error| {
            let at = error.position().map_or(at, csv::Position::line);
            wrong(at, error.to_string())
        })?;
        let kind = match line.kind.as_str() {
            "payment" => EntryKind::Payment,
            "refund" => EntryKind::Refund,
            _ => return Err(wrong(at, "kind: payment or refund".to_owned())),
        };
        let good = |text: &str| (1..=TEXT_MAX).contains(&text.len()) && !text.contains('\0');
        if !good(&line.reference) || !good(&line.trade_no) {
            return Err(wrong(at, format!("reference and trade_no: 1 to {TEXT_MAX} bytes")));
        }
        if !(1..=MAX_AMOUNT).contains(&line.amount_minor) {
            return Err(wrong(at, format!("amount_minor: a whole number from 1 to {MAX_AMOUNT}")));
        }
        if line.currency.len() != 3 || !line.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(wrong(at, "currency: an ISO 4217 code".to_owned()));
        }
        let Line { kind: _, reference, trade_no, amount_minor: amount, currency } = line;
        book.push(Theirs { kind, reference, trade_no, amount, currency });
    }
    Ok(book)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "kind,reference,trade_no,amount_minor,currency\npayment,P1,T1,100,CNY\n refund , R2,\"T,2\",5,CNY\r\n";

    #[test]
    fn a_file_is_read_entry_by_entry() {
        let entry = |kind, reference: &str, trade_no: &str, amount| {
            let (reference, trade_no) = (reference.to_owned(), trade_no.to_owned());
            Theirs { kind, reference, trade_no, amount, currency: "CNY".to_owned() }
        };
        let book = [entry(EntryKind::Payment, "P1", "T1", 100), entry(EntryKind::Refund, "R2", "T,2", 5)];
        assert_eq!(read(GOOD.as_bytes()).unwrap(), book);
        assert_eq!(read(b"kind,reference,trade_no,amount_minor,currency\n").unwrap(), []);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let cases = [
            ("", "line 1: the columns are"),
            ("kind,reference,trade_no,amount,currency\n", "line 1: the columns are"),
            (&GOOD.replace("payment", "fee"), "line 2: kind"),
            (&GOOD.replace("P1", ""), "line 2: reference and trade_no"),
            (&GOOD.replace("100", "0"), "line 2: amount_minor"),
            (&GOOD.replace("100", "1.00"), "line 2: "),
            (&GOOD.replace(",CNY\r", ",cny\r"), "line 3: currency"),
            (&GOOD.replace(",5,", ",5,x,"), "line 3: "),
        ];
        for (file, expected) in cases {
            let problem = read(file.as_bytes()).unwrap_err();
            assert!(problem.detail.starts_with(expected), "{file}: {problem:?}");
        }
        assert!(
            read(&[b"kind,reference,trade_no,amount_minor,currency\n".as_slice(), &[0xff, 0xfe]].concat()).is_err()
        );
    }
}
