//! Places where a test may kill the process: each lies at a durable boundary. Compiled to nothing without the feature
//! `faults`.
//!
//! `HOOKLINE_FAULT=after-lock` kills the process (SIGKILL) when it first comes to the point, `after-lock@3` when it
//! comes there for the third time. For tests only: a build without the feature refuses to start with it.

/// The environment variable.
pub const VARIABLE: &str = "HOOKLINE_FAULT";

/// Every point, in the order of an order's way through the host.
pub const POINTS: [&str; 20] = [
    "after-lock",
    "after-hook",
    "before-commit",
    "after-commit-before-answer",
    "after-call-before-journal",
    "after-publish-before-mark",
    "before-announce",
    "after-announce-before-commit",
    "after-announce-commit",
    "after-receipt-before-commit",
    "after-receipt-commit",
    "before-close",
    "after-close-before-commit",
    "after-close-commit",
    "before-refund",
    "after-refund-before-commit",
    "after-refund-commit",
    "before-reveal",
    "before-reserve",
    "after-reserve-commit",
];

/// Why the process does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The variable is set for a build that could not obey it.
    #[error("{VARIABLE} is for tests: this build has no fault points (feature `faults`)")]
    NotBuilt,
    /// There is no such point.
    #[error("{VARIABLE}={0} is not a point, or not `<point>@<number from 1>`; the points are {POINTS:?}")]
    Unknown(String),
}

/// Reads the variable. To be called once at start.
pub fn arm() -> Result<(), FaultError> {
    #[expect(clippy::disallowed_methods, reason = "not a setting: only test builds obey it")]
    let Some(text) = std::env::var_os(VARIABLE) else { return Ok(()) };
    armed::arm(&text.to_string_lossy())
}

/// Dies here if the test says so.
#[inline]
pub fn point(name: &'static str) {
    armed::point(name);
}

#[cfg(not(feature = "faults"))]
mod armed {
    pub(super) fn arm(_text: &str) -> Result<(), super::FaultError> {
        Err(super::FaultError::NotBuilt)
    }

    #[inline]
    pub(super) fn point(_name: &'static str) {}
}

#[cfg(feature = "faults")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{FaultError, POINTS};

    static ARMED: OnceLock<(String, AtomicU32)> = OnceLock::new();

    pub(super) fn arm(text: &str) -> Result<(), FaultError> {
        let unknown = || FaultError::Unknown(text.to_owned());
        let (name, count) = text.split_once('@').unwrap_or((text, "1"));
        let count: u32 = count.parse().map_err(|_| unknown())?;
        if !POINTS.contains(&name) || count == 0 {
            return Err(unknown());
        }
        ARMED.get_or_init(|| (name.to_owned(), AtomicU32::new(count)));
        Ok(())
    }

    pub(super) fn point(name: &'static str) {
        debug_assert!(POINTS.contains(&name), "{name} is not in the list");
        let Some((armed, left)) = ARMED.get() else { return };
        if armed == name && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            die();
        }
    }

    /// No destructor, no flush, no answer: as a power cut would end it.
    fn die() -> ! {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn unknown_points_are_refused() {
            for bad in ["", "nowhere", "after-lock@0", "after-lock@x", "after-lock@"] {
                assert_eq!(arm(bad), Err(FaultError::Unknown(bad.to_owned())), "{bad}");
            }
        }
    }
}
