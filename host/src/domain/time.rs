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
