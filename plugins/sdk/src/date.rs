//! Calendar days, for lines that sell them.

use core::fmt;

use crate::types::Millis;

const DAY_MS: i64 = 86_400_000;
const DAYS_FROM_0000_03_01: i64 = 719_468;

/// A day of the Gregorian calendar, written `2026-12-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i64,
}

impl Date {
    /// Reads `YYYY-MM-DD`; anything else, and a day that does not exist, is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |digits: &[u8]| {
            digits.iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
        };
        let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let date = Self::from_civil(year, month, day);
        (date.civil() == (year, month, day)).then_some(date)
    }

    /// The day on which a moment falls, `offset_min` minutes east of UTC.
    #[must_use]
    pub const fn at(moment: Millis, offset_min: i32) -> Self {
        Self { days: moment.saturating_add(offset_min as i64 * 60_000).div_euclid(DAY_MS) }
    }

    /// The moment when this day begins, `offset_min` minutes east of UTC.
    #[must_use]
    pub const fn begins(self, offset_min: i32) -> Millis {
        self.days * DAY_MS - offset_min as i64 * 60_000
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { days: self.days + 1 }
    }

    /// Days from this one to a later one; negative if it is earlier.
    #[must_use]
    pub const fn days_until(self, later: Self) -> i64 {
        later.days - self.days
    }

    /// Days in 400-year eras that begin on 1 March, so that the leap day is the last of its year.
    fn from_civil(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self { days: era * 146_097 + day_of_era - DAYS_FROM_0000_03_01 }
    }

    fn civil(self) -> (i64, i64, i64) {
        let days = self.days + DAYS_FROM_0000_03_01;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        (era * 400 + year_of_era + i64::from(month <= 2), month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(Date::parse("1970-01-01"), Some(Date { days: 0 }));
        assert_eq!(Date::parse("2026-12-01").map(|date| date.begins(0)), Some(1_796_083_200_000));
    }

    #[test]
    fn every_day_of_four_centuries_is_written_as_it_is_read() {
        let mut date = Date::parse("1900-01-01").expect("a date");
        for _ in 0..146_097 {
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            date = date.next();
        }
        assert_eq!(date.to_string(), "2300-01-01");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "2026/01/01", "２026-01-1", ""] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_earlier_in_the_east() {
        let date = Date::parse("2026-12-01").expect("a date");
        assert_eq!(date.begins(480), date.begins(0) - 8 * 3_600_000);
        assert_eq!(Date::at(date.begins(480), 480), date);
        assert_eq!(Date::at(date.begins(480) - 1, 480).next(), date);
    }
}
