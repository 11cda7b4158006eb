//! Decisions: pure functions from what is stored to the [`super::change::Change`] that follows.

pub mod cancel;
pub mod create;
pub mod divide;
pub mod exception;
pub mod merge;
pub mod pay;
pub mod receive;
pub mod refund;
pub mod settle;
pub mod ship;
pub mod stock;
pub mod tell;
pub mod undo;
pub mod unpaid;
pub mod view;

#[cfg(test)]
mod tests;
