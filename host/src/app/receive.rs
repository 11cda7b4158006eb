//! The buyer confirms receipt.

use super::App;
use super::api::{EventAnswer, Idempotency};
use super::forward::Event;
use super::orders::role;
use super::problem::Problem;
use super::ship::event;
use crate::domain::hook::Trigger;
use crate::domain::ids::OrderNo;
use crate::identity::{Principal, Role};

/// Asks the business line whether the order is received now. A line may say "not yet": the order stays shipped.
pub async fn receive(
    app: &App,
    who: &Principal,
    no: OrderNo,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    event(app, who, no, Event::Receive(Trigger::Buyer), "receive", key).await
}
