//! What was checked and what is broken.

use std::fmt;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Every acknowledged create exists exactly once, an unknown one at most once.
    NoLostOrder,
    /// At most one effect per order and operation.
    Once,
    /// Stock is what its moves say, and never below zero.
    NoOversell,
    /// Sums, shares, refunds and wallets add up.
    MoneyConserved,
    /// Every event is published, in sequence without gap.
    Events,
    /// Every step is in the table, versions count by one, nothing leaves a final state.
    Legal,
    /// An order's deadline is its timer's.
    Deadlines,
    /// The same key has the same answer.
    Idempotent,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoLostOrder,
        Self::Once,
        Self::NoOversell,
        Self::MoneyConserved,
        Self::Events,
        Self::Legal,
        Self::Deadlines,
        Self::Idempotent,
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoLostOrder => "no lost order",
            Self::Once => "once",
            Self::NoOversell => "no oversell",
            Self::MoneyConserved => "money conserved",
            Self::Events => "events",
            Self::Legal => "legal",
            Self::Deadlines => "deadlines",
            Self::Idempotent => "idempotent",
        })
    }
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What is broken.
    pub invariant: Invariant,
    /// Where and how.
    pub what: String,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many facts were looked at.
    pub checked: usize,
    /// Those that do not hold.
    pub broken: Vec<Broken>,
}

impl Report {
    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether this invariant is among the broken ones.
    pub fn breaks(&self, invariant: Invariant) -> bool {
        self.broken.iter().any(|broken| broken.invariant == invariant)
    }

    /// For tests: fails with everything that is broken.
    ///
    /// # Panics
    /// When something is, or when nothing was checked.
    pub fn assert_clean(&self) {
        assert!(self.checked > 0, "nothing was checked");
        assert!(self.is_clean(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} facts checked, {} broken", self.checked, self.broken.len())?;
        for broken in self.broken.iter().take(20) {
            write!(formatter, "\n  {}: {}", broken.invariant, broken.what)?;
        }
        Ok(())
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    checked: usize,
    broken: Vec<Broken>,
}

impl Findings {
    /// Notes one fact.
    pub(super) fn check(&mut self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.broken.push(Broken { invariant, what: what() });
        }
    }

    /// Notes that two values must be equal.
    pub(super) fn equal<T: PartialEq + fmt::Debug>(
        &mut self,
        invariant: Invariant,
        left: &T,
        right: &T,
        what: impl FnOnce() -> String,
    ) {
        self.check(invariant, left == right, || format!("{}: {left:?}, not {right:?}", what()));
    }

    pub(super) fn report(self) -> Report {
        Report { checked: self.checked, broken: self.broken }
    }
}
