//! Times as Chinese providers write them: UTC+8, whole seconds, without saying so.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::domain::ids::Millis;

/// `20270115160000`
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");
/// `2027-01-15 16:00:00`
const SPACED: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// `yyyyMMddHHmmss`; the part of a second is cut off. Empty for times outside the years 0 to 9999.
pub(super) fn compact(at: Millis) -> String {
    written(at, COMPACT)
}

/// `yyyy-MM-dd HH:mm:ss`; as [`compact`].
pub(super) fn spaced(at: Millis) -> String {
    written(at, SPACED)
}

/// Reads what [`compact`] writes.
pub(super) fn read_compact(text: &str) -> Option<Millis> {
    read(text, COMPACT)
}

/// Reads what [`spaced`] writes.
pub(super) fn read_spaced(text: &str) -> Option<Millis> {
    read(text, SPACED)
}

fn written(at: Millis, format: &[BorrowedFormatItem<'_>]) -> String {
    let utc = OffsetDateTime::from_unix_timestamp(at.div_euclid(1000)).ok();
    let local = utc.and_then(|utc| utc.checked_to_offset(offset!(+8)));
    local.and_then(|local| local.format(format).ok()).unwrap_or_default()
}

fn read(text: &str, format: &[BorrowedFormatItem<'_>]) -> Option<Millis> {
    let local = PrimitiveDateTime::parse(text, format).ok()?;
    Some(local.assume_offset(offset!(+8)).unix_timestamp() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_utc_plus_8() {
        assert_eq!(compact(1_800_000_000_999), "20270115160000");
        assert_eq!(spaced(1_800_000_000_999), "2027-01-15 16:00:00");
        assert_eq!(read_compact("20270115160000"), Some(1_800_000_000_000));
        assert_eq!(read_spaced("2027-01-15 16:00:00"), Some(1_800_000_000_000));
        assert_eq!(read_spaced("2026-12-31 23:59:59").map(spaced).as_deref(), Some("2026-12-31 23:59:59"));
        for bad in ["", "2027-01-15", "2027-13-15 16:00:00", "2027-01-15 24:00:00", "20270115160000", " "] {
            assert_eq!(read_spaced(bad), None, "{bad}");
        }
    }
}
