//! Days of books in the providers' own time.

use time::{Date, Duration, OffsetDateTime, UtcOffset, format_description::well_known::Iso8601};

use crate::domain::ids::{Millis, PaymentMethod};
use crate::store::Span;

/// Methods whose books are by days of Beijing; all others are by days of UTC.
const BEIJING: [&str; 3] = ["alipay", "unionpay", "wechat"];
/// Beijing's offset, hours.
const BEIJING_HOURS: i8 = 8;

/// A day of a provider's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day {
    date: Date,
    offset: UtcOffset,
}

impl Day {
    /// The day that it is at a time.
    pub(super) fn at(method: &PaymentMethod, at: Millis) -> Self {
        let hours = if BEIJING.contains(&method.as_str()) { BEIJING_HOURS } else { 0 };
        let offset = UtcOffset::from_hms(hours, 0, 0).unwrap_or(UtcOffset::UTC);
        let now = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { date: now.to_offset(offset).date(), offset }
    }

    /// The day of a text `YYYY-MM-DD`.
    pub(super) fn read(method: &PaymentMethod, text: &str) -> Option<Self> {
        let date = Date::parse(text, &Iso8601::DATE).ok()?;
        let day = Self { date, ..Self::at(method, 0) };
        (day.to_string() == text).then_some(day)
    }

    /// Days later, or earlier.
    pub(super) fn plus(self, days: i64) -> Self {
        Self { date: self.date.saturating_add(Duration::days(days)), ..self }
    }

    /// From its midnight to the next one.
    pub(super) fn span(self) -> Span {
        let midnight = |date: Date| date.midnight().assume_offset(self.offset).unix_timestamp().saturating_mul(1000);
        Span { from: midnight(self.date), to: midnight(self.date.saturating_add(Duration::DAY)) }
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.date.year(), u8::from(self.date.month()), self.date.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(word: &str) -> PaymentMethod {
        PaymentMethod::new(word).unwrap()
    }

    #[test]
    fn a_day_begins_at_the_providers_midnight() {
        // 2026-09-21T14:13:20Z
        let at = 1_790_000_000_000;
        let utc = Day::at(&method("paypal"), at);
        assert_eq!(utc.to_string(), "2026-09-21");
        assert_eq!(utc.span(), Span { from: 1_789_948_800_000, to: 1_790_035_200_000 });
        // 16:00 in UTC is midnight in Beijing.
        let edge = 1_790_006_400_000;
        assert_eq!(Day::at(&method("wechat"), edge - 1).to_string(), "2026-09-21");
        assert_eq!(Day::at(&method("wechat"), edge).to_string(), "2026-09-22");
        assert_eq!(Day::at(&method("wechat"), edge).span().from, edge);
    }

    #[test]
    fn days_are_read_as_written_only() {
        let alipay = method("alipay");
        let day = Day::read(&alipay, "2026-02-28").unwrap();
        assert_eq!(
            (day.plus(1).to_string().as_str(), day.plus(-59).to_string().as_str()),
            ("2026-03-01", "2025-12-31")
        );
        for bad in ["2026-02-29", "20260228", "2026-2-28", "2026-W01-1", "2026-001", "x", ""] {
            assert!(Day::read(&alipay, bad).is_none(), "{bad}");
        }
    }
}
