//! Lines for the platform's structured log; at most 16 KiB a call of a hook are kept.

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug,
    /// What happened.
    Info,
    /// Odd, but handled.
    Warn,
    /// Someone should look.
    Error,
}

/// Writes a line; the macros format it first.
#[cfg(target_family = "wasm")]
pub fn write(level: Level, message: &str) {
    use crate::bindings::business::hookline::business::log;
    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::write(level, message);
}

/// Writes a line; the macros format it first. Outside of a component it goes to standard error.
#[cfg(not(target_family = "wasm"))]
pub fn write(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}

/// Logs what is for the author.
#[macro_export]
macro_rules! debug {
    ($($words:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($words)*)) };
}

/// Logs what happened.
#[macro_export]
macro_rules! info {
    ($($words:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($words)*)) };
}

/// Logs what is odd, but handled.
#[macro_export]
macro_rules! warn {
    ($($words:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($words)*)) };
}

/// Logs what someone should look at.
#[macro_export]
macro_rules! error {
    ($($words:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($words)*)) };
}
