//! The layout of numbers: 31 bits of seconds since 2024-01-01, 22 bits of sequence, 10 bits of slot.
//!
//! They sort by time, fit a positive i64, and carry the buyer's slot. A sequence value comes from a block that the
//! database granted; the unique key of the row is the last word.

use super::ids::{Millis, Slot};

/// 2024-01-01T00:00:00Z in seconds since 1970.
const EPOCH_S: i64 = 1_704_067_200;
/// How many sequence values exist before they repeat (within another second).
pub const SEQUENCES: i64 = 1 << 22;
/// How many sequence values a block grants.
pub const BLOCK: i64 = 10_000;
/// A block is dropped after this time, so that a value never meets its repetition.
pub const BLOCK_LIFETIME_MS: Millis = 60_000;

/// Puts a number together. `sequence` is taken modulo 2^22; a time before 2024 counts as its first second.
pub fn number(now: Millis, sequence: i64, slot: Slot) -> i64 {
    let seconds = (now.div_euclid(1000) - EPOCH_S).clamp(1, (1 << 31) - 1);
    (seconds << 32) | (sequence.rem_euclid(SEQUENCES) << 10) | i64::from(slot.index())
}

/// A shop order's number is taken in the call that makes it: its seconds and `created_at` are less than this apart.
pub const NUMBER_SLACK_MS: Millis = 60_000;

/// No order made at this time or later has a smaller number.
pub fn floor(made_from: Millis) -> i64 {
    number(made_from.saturating_sub(NUMBER_SLACK_MS), 0, Slot::of_number(0))
}

/// Every order made before this time has a smaller number.
pub fn ceiling(made_before: Millis) -> i64 {
    number(made_before.saturating_add(NUMBER_SLACK_MS + 1_000), 0, Slot::of_number(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_sorts_by_time_and_carries_its_slot() {
        let slot = Slot::of("buyer-1");
        let early = number(1_790_000_000_000, SEQUENCES - 1, slot);
        let late = number(1_790_000_001_000, 0, slot);
        assert!(0 < early && early < late);
        assert_eq!(Slot::of_number(early), slot);
    }

    #[test]
    fn the_numbers_of_a_time_lie_between_its_bounds() {
        let at = 1_790_000_000_000;
        for slot in [Slot::of("a"), Slot::of("b")] {
            for drift in [-NUMBER_SLACK_MS, -1, 0, 1, NUMBER_SLACK_MS] {
                let no = number(at + drift, SEQUENCES - 1, slot);
                assert!((floor(at)..ceiling(at + 1)).contains(&no), "{drift}");
            }
            assert!(number(at - 2 * NUMBER_SLACK_MS, 0, slot) < floor(at));
            assert!(number(at + 2 * NUMBER_SLACK_MS, 0, slot) > ceiling(at));
        }
        assert!(floor(Millis::MIN) <= floor(0) && ceiling(Millis::MAX) > ceiling(0));
    }
}
