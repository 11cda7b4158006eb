//! Decisions: pure functions from what is stored to the [`super::change::Change`] that follows.

pub mod adjust;
pub mod aftersale;
pub mod cancel;
pub mod create;
pub mod divide;
pub mod exception;
pub mod hold;
mod left;
pub mod merge;
pub mod pay;
pub mod receive;
pub mod refund;
pub mod reserve;
pub mod settle;
pub mod ship;
pub mod split;
pub mod stock;
pub mod tell;
pub mod undo;
pub mod unpaid;
pub mod upkeep;
pub mod view;

#[cfg(test)]
pub(crate) mod tests;
