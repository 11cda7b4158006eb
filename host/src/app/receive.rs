//! The buyer confirms receipt, or puts off the automatic one.

use serde_json::json;

use super::App;
use super::api::{EventAnswer, Idempotency};
use super::forward::Event;
use super::orders::{Decided, Keyed, change_once, event_answer, must_be_shop_order, owned, role};
use super::pay::actor;
use super::problem::Problem;
use super::refund::line_rules;
use super::ship::event;
use crate::domain::decide::receive::{CannotExtend, extend as decide};
use crate::domain::draft::Draft;
use crate::domain::hook::Trigger;
use crate::domain::ids::OrderNo;
use crate::domain::time::rfc3339;
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

/// Puts the automatic receipt of a shipped order off by what the line's rules say, once.
pub async fn extend(app: &App, who: &Principal, no: OrderNo, key: Option<Idempotency>) -> Result<EventAnswer, Problem> {
    role(who, &[Role::Buyer])?;
    let keyed = Keyed::new(who, "extend_receive", key.as_ref());
    let extended = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let no = must_be_shop_order(tree, no)?;
        let shop = tree.shop(no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
        let rules = line_rules(app, &shop.business);
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        let due = decide(&mut draft, no, rules.receive_extension_ms).map_err(|cannot| {
            let code = match cannot {
                CannotExtend::NotShipped => "wrong-state",
                CannotExtend::Already => "already-extended",
                CannotExtend::Forbidden => "not-extendable",
            };
            Problem::conflict(code, cannot.to_string())
        })?;
        let seen = |at: Option<_>| json!({"auto_receive": at.map(rfc3339)});
        draft.operated(no, "extend_receive", "", (seen(shop.expire_time), seen(Some(due))));
        let outcome = event_answer(draft.tree(), no, "applied");
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    Ok(extended.await?.0)
}
