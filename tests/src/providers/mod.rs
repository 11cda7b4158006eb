//! Stand-ins for payment providers: real servers that speak the providers' protocols with keys of our own, keep books
//! of their own and misbehave on command.
//!
//! `protocol` says what each of them is; `stand_in` runs it; `book` is what it did; `message` is a callback not yet
//! sent; `manners` makes it misbehave; `keys` makes keys and certificates; `till` is a shop whose
//! buyers pay there.

pub mod alipay;
mod book;
mod form;
mod keys;
mod manners;
mod message;
pub mod paypal;
mod protocol;
mod stand_in;
mod till;
pub mod unionpay;
pub mod wechat;

pub use book::{Book, Refund, RefundState, Refused, Trade, TradeState};
pub use keys::{Authority, Key};
pub use manners::{Manner, Manners, Operation};
pub use message::Message;
pub use protocol::{Event, Protocol};
pub use stand_in::{ACCOUNT, Desk, StandIn};
pub use till::{Sale, Till};
