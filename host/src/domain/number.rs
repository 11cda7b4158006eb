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
}
