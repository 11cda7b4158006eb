//! The model: orders, money, resources, hooks and the [`change::Change`] that a decision is.
//!
//! Pure: no async, no database, no network, no clock, no randomness. Everything here can be tested with values alone.

pub mod ids;
pub mod money;
pub mod number;
pub mod time;

pub mod aftersale;
pub mod books;
pub mod cart;
pub mod catalogue;
pub mod event;
pub mod fulfilment;
pub mod hook;
pub mod operation;
pub mod order;
pub mod payment;
pub mod price;
pub mod rating;
pub mod reconcile;
pub mod resource;

pub mod change;
pub mod decide;
pub mod draft;
pub mod lifecycle;
mod refusal;
pub mod tree;
