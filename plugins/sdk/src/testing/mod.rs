//! Runs hooks natively, as the platform would, against a scripted outside.
//!
//! ```ignore
//! let played = Script::new(&order)
//!     .settings(json!({"supplier_url": "https://supplier.example"}))
//!     .reply(201, json!({"id": "tu-1"}))
//!     .signal("carrier-result", json!({"result": "success"}))
//!     .deduct::<Topup>();
//! assert_eq!(played.done().attributes, [pair("topup.id", "tu-1")]);
//! ```
//!
//! Every run also proves that the hook is deterministic: each prefix of its journal gives the same step, every time.

mod build;
mod cart;
mod play;
mod script;

pub use build::{NOW, item, order, payment, refund};
pub use cart::{cart, coupon, item_request, quote, shop};
pub use play::{Asked, Outcome, Played};
pub use script::Script;
