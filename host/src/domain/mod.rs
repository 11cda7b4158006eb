//! The model: plain data and pure decisions, without I/O.

pub mod hook;
