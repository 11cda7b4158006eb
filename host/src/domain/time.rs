//! Times as people and other systems read them.

use super::ids::Millis;

/// RFC 3339 in UTC with milliseconds; times outside the years 0 to 9999 are shown as the nearest one inside.
pub fn rfc3339(at: Millis) -> String {
    let clamped = at.clamp(-62_167_219_200_000, 253_402_300_799_999);
    let nanos = i128::from(clamped) * 1_000_000;
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|t| t.format(&time::format_description::well_known::Rfc3339).ok())
        .unwrap_or_default()
}

/// Reads an RFC 3339 time; what is finer than a millisecond is cut off. None if it is no such time.
pub fn millis(text: &str) -> Option<Millis> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_offset_and_written_in_utc() {
        assert_eq!(millis("2026-11-11T08:00:00.5+08:00").map(rfc3339).as_deref(), Some("2026-11-11T00:00:00.5Z"));
        assert_eq!(millis("1969-12-31T23:59:59.9999Z"), Some(-1));
        assert_eq!(millis("2026-11-11 08:00"), None);
    }
}
