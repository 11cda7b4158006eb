//! A place in a stream, in the form of Redis Streams.

use std::str::FromStr;

/// Milliseconds and a count within them, `1700000000000-3`. Rises along a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    millis: u64,
    count: u64,
}

impl Position {
    /// Before everything.
    pub const ZERO: Self = Self { millis: 0, count: 0 };

    /// The first that an event at `now` (epoch milliseconds) can have.
    pub fn at(now: i64) -> Self {
        Self { millis: u64::try_from(now).unwrap_or(0), count: 0 }
    }

    /// The one just before, or [`Position::ZERO`].
    #[must_use]
    pub fn before(self) -> Self {
        match (self.millis, self.count.checked_sub(1)) {
            (millis, Some(count)) => Self { millis, count },
            (0, None) => Self::ZERO,
            (millis, None) => Self { millis: millis - 1, count: u64::MAX },
        }
    }

    /// The one for an event at `now` that follows this one, even if the clock went back.
    #[must_use]
    pub(super) fn next(self, now: i64) -> Self {
        Self::at(now).max(match self.count.checked_add(1) {
            Some(count) => Self { millis: self.millis, count },
            None => Self { millis: self.millis.saturating_add(1), count: 0 },
        })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.millis, self.count)
    }
}

/// The text is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a position such as 1700000000000-0")]
pub struct BadPosition(String);

impl FromStr for Position {
    type Err = BadPosition;

    fn from_str(text: &str) -> Result<Self, BadPosition> {
        let bad = || BadPosition(text.to_owned());
        let (millis, count) = text.split_once('-').ok_or_else(bad)?;
        Ok(Self { millis: millis.parse().map_err(|_| bad())?, count: count.parse().map_err(|_| bad())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str) -> Position {
        text.parse().unwrap()
    }

    #[test]
    fn positions_are_ordered_by_number_not_by_text() {
        assert!(position("9-5") < position("10-0"));
        assert!(position("10-9") < position("10-10"));
        assert_eq!(position("10-9").to_string(), "10-9");
        assert!("10".parse::<Position>().is_err() && "a-1".parse::<Position>().is_err());
    }

    #[test]
    fn neighbours() {
        assert_eq!(position("7-3").before(), position("7-2"));
        assert_eq!(position("7-0").before(), position(&format!("6-{}", u64::MAX)));
        assert_eq!(Position::ZERO.before(), Position::ZERO);
        assert_eq!(position("7-3").next(9), position("9-0"));
        assert_eq!(position("7-3").next(7), position("7-4"));
        assert_eq!(position("7-3").next(2), position("7-4"));
        assert_eq!(Position::ZERO.next(0), position("0-1"));
    }
}
