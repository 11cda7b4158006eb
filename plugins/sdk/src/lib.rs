//! Write a Hookline business line in Rust.
//!
//! A line is a type with [`BusinessLine`] (and perhaps [`Aftersale`]); [`export!`] makes its crate a component. Hooks
//! are pure: what they know is in their arguments, and [`Ctx`] asks the outside for them. A call to a supplier reads
//! as straight code, although the hook is suspended there and run again from its start with the answer:
//!
//! ```
//! use hookline_sdk::prelude::*;
//!
//! struct Tickets;
//!
//! impl BusinessLine for Tickets {
//!     fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
//!         let _ = request;
//!         Err(Refusals::fault("this example sells nothing"))
//!     }
//!
//!     fn deduct(ctx: &mut Ctx<'_>, order: &Order, _payment: &Payment) -> Hook<Deducted> {
//!         let request = Request::post_json("https://supplier.example/tickets", &order.number);
//!         let answer = ctx.http(request.bearer("supplier-token").by_key())?;
//!         if !answer.is_success() {
//!             return Err(Stop::rejected(answer.reason_or("sold out")));
//!         }
//!         let Some(signal) = ctx.wait_for_signal("ticketed", ctx.after(Duration::from_secs(60)))? else {
//!             return Err(Stop::attention("no ticket after a minute"));
//!         };
//!         Ok(Deducted { attributes: vec![pair("tickets.signal", &signal.id)], ..Deducted::new() })
//!     }
//! }
//!
//! hookline_sdk::export!(Tickets);
//! ```

mod answers;
mod ctx;
mod date;
mod http;
mod line;
pub mod log;
#[cfg(target_family = "wasm")]
mod memory;
pub mod money;
mod refusals;
mod stop;
#[cfg(feature = "testing")]
pub mod testing;
pub mod types;

#[doc(hidden)]
pub mod adapter;
#[doc(hidden)]
pub mod bindings;

pub use ctx::{Ctx, payload};
pub use date::Date;
pub use http::{Request, Response};
pub use line::{Aftersale, BusinessLine};
pub use refusals::Refusals;
pub use stop::{Hook, Stop};

/// Everything that a line needs, for one `use`.
pub mod prelude {
    pub use core::time::Duration;

    pub use serde::{Deserialize, Serialize};

    pub use crate::types::{
        Address, Answer, BusinessEvent, Coupon, Deducted, Delivery, DeliverySecret, HookError, Item, ItemRequest,
        Lookup, Millis, Minor, Order, Packed, Pairs, Payment, PricedItem, PricedShop, Progress, Promotion,
        PromotionLevel, QuoteRequest, Quoted, Received, RefundLine, RefundQuote, RefundRequest, Refundable, Revoked,
        Shipment, Shipped, ShopRequest, Signal, StockNeed, Trigger, Verdict, pair,
    };
    pub use crate::{Aftersale, BusinessLine, Ctx, Date, Hook, Refusals, Request, Response, Stop, money, payload};
}
