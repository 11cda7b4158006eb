//! Forms and amounts, as providers that post forms have them.

use std::collections::BTreeMap;

use axum::response::{IntoResponse as _, Response};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::offset;

/// Fields by name.
pub(super) type Fields = BTreeMap<String, String>;

/// Reads a posted body or a query.
pub(super) fn read(text: &[u8]) -> Fields {
    form_urlencoded::parse(text).into_owned().collect()
}

/// Writes one.
pub(super) fn written(fields: &Fields) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

/// `k=v&…` on raw values, in the order of the names, without some.
pub(super) fn joined(fields: &Fields, without: &[&str]) -> String {
    let kept = fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
    kept.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Fields of pairs.
pub(super) fn of(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A field, or nothing.
pub(super) fn get<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// A text as an answer.
pub(super) fn answered(text: String) -> Response {
    ([("content-type", "text/html;charset=utf-8")], text).into_response()
}

/// A time (epoch milliseconds) in UTC+8.
pub(super) fn in_beijing(at: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let utc = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).expect("a time of this age");
    utc.to_offset(offset!(+8)).format(format).expect("a time has all parts")
}

/// Yuan of minor units: `12.34`.
pub(super) fn yuan(amount: i64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

/// Minor units of yuan with exactly two decimals.
pub(super) fn minor(yuan: &str) -> Option<i64> {
    let (whole, part) = yuan.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let good = !whole.is_empty() && part.len() == 2 && digits(whole) && digits(part);
    good.then(|| format!("{whole}{part}").parse().ok())?
}
