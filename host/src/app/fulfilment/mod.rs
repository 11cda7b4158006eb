//! The outside fulfilment service (`FULFILLMENT_SERVICE_URL`): it is told of packages that wait, and tells what became of
//! them. Signed both ways with the secret `fulfilment` of the line; see [`crate::egress::webhook`].

mod callback;
mod silence;
mod tell;

pub use callback::{Heard, hear};
pub use silence::Silence;
pub use tell::{arm, tell};

/// The name of the line's secret.
pub const SECRET: &str = "fulfilment";
