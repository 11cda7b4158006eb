//! Cancelling an unpaid order: by its buyer, or because time is up. First no new payment may be opened, then providers
//! close the open ones, then the order ends. Killed in between, or left without an answer, the timer goes on.

use std::sync::Arc;

use serde_json::{Value, json};

use super::App;
use super::api::{Idempotency, OrderAnswer};
use super::orders::{
    Decided, Freshness, Keyed, answer, change, change_once, must_be_pay_order, owned, role, tree as read_tree,
    wrong_state,
};
use super::pay::actor;
use super::problem::Problem;
use super::query::{Closing, close};
use crate::domain::change::TimerKind;
use crate::domain::decide::cancel as decide;
use crate::domain::decide::pay::follow;
use crate::domain::draft::Draft;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::lifecycle::{Event, Judgement, judge};
use crate::domain::order::{Reason, Status, SubStatus};
use crate::domain::payment::Payment;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};

/// First pause before providers are asked again to close.
const RETRY_MS: Millis = 5_000;
/// The pause doubles up to this.
const LONGEST_PAUSE_MS: Millis = 60_000;

/// In the operate log.
const CANCEL: &str = "cancel";
/// Codes of reasons that are somebody's word.
const BY_PEOPLE: [&str; 2] = ["buyer", "operator"];

/// For the operate log: the state of the pay order before and after.
fn states(before: &OrderTree, after: &OrderTree) -> (Value, Value) {
    let state = |tree: &OrderTree| json!({"status": tree.status(), "sub_status": tree.pay.sub_status});
    (state(before), state(after))
}

/// What a cancellation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// The order is cancelled.
    Done(OrderAnswer),
    /// A provider has not said yet that its payment is closed; the order is cancelled once it has.
    Accepted(OrderAnswer),
}

/// Cancels the whole pay order. Paid orders answer 409 and point to refund.
pub async fn cancel(
    app: &App,
    who: &Principal,
    no: OrderNo,
    reason: Option<String>,
    key: Option<Idempotency>,
) -> Result<Cancelled, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "cancel", key.as_ref());
    let read = read_tree(app, no, Freshness::Cached).await?;
    owned(who, &read, no)?;
    must_be_pay_order(&read, no)?;
    let code = if who.role == Role::Buyer { "buyer" } else { "operator" };
    let reason = Reason::new(code, reason.unwrap_or_default());
    if close_open_payments(app, no, &reason, &actor(who)).await? == Open::Left {
        return Ok(Cancelled::Accepted(answer(&*read_tree(app, no, Freshness::Fresh).await?)));
    }
    let cancelled = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        match judge(Event::Cancel, tree.pay.status, SubStatus::None) {
            Judgement::Apply => {
                end(app, &mut draft, &reason)?;
                draft.operated(no, CANCEL, &reason.text, states(tree, draft.tree()));
            }
            Judgement::Late => {
                for shop in &tree.shops {
                    draft.ignore(shop.no, "cancel", "cancelled before");
                }
            }
            Judgement::Early | Judgement::Refused => {
                return Err(wrong_state(tree, no, "cancelled any more; ask for a refund"));
            }
        }
        let outcome = answer(draft.tree());
        Ok(Decided::Commit(Box::new(draft), outcome))
    });
    Ok(Cancelled::Done(cancelled.await?.0))
}

/// Time is up (or a begun cancellation goes on): the order is cancelled unless it was paid meanwhile. `attempt` counts
/// the times before.
pub async fn time_out(app: &App, no: OrderNo, attempt: i64) -> Result<(), Problem> {
    const WHO: &str = "timer:pay_timeout";
    let timeout = Reason::new("pay_timeout", "not paid in time");
    let open = match close_open_payments(app, no, &timeout, WHO).await {
        Ok(open) => open,
        Err(problem) if problem.code == "already-paid" => return Ok(()),
        Err(problem) => return Err(problem),
    };
    let cancelled = change(app, no, |tree| {
        if tree.pay.status != Status::Created {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), WHO);
        if open == Open::Left {
            let pause = (RETRY_MS << attempt.clamp(0, 8)).min(LONGEST_PAUSE_MS);
            draft.pay();
            draft.arm(no, TimerKind::PayTimeout, app.clock.now() + pause, attempt + 1);
        } else {
            let begun = tree.pay.reason.clone().filter(|_| tree.pay.sub_status == SubStatus::Cancelling);
            end(app, &mut draft, &begun.unwrap_or_else(|| timeout.clone()))?;
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    cancelled.await?;
    Ok(())
}

fn end(app: &App, draft: &mut Draft, reason: &Reason) -> Result<(), Problem> {
    if draft.tree().payments.iter().any(Payment::is_open) {
        return Err(Problem::busy("a payment was opened meanwhile; try again"));
    }
    decide::cancel(draft, reason);
    follow(draft, app.settings.payment_query_ms, 0);
    Ok(())
}

/// Whether payments are still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// None is.
    None,
    /// A provider has not answered.
    Left,
}

/// Closes the open payments of an unpaid order at their providers. 409 `already-paid` when one has the money: then the
/// order is paid.
pub async fn close_open_payments(app: &App, no: OrderNo, reason: &Reason, who: &str) -> Result<Open, Problem> {
    let begin = |tree: &OrderTree| {
        let open = tree.payments.iter().any(Payment::is_open);
        if tree.pay.status != Status::Created || !open || tree.pay.sub_status == SubStatus::Cancelling {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), who);
        decide::begin(&mut draft, reason, RETRY_MS);
        if BY_PEOPLE.contains(&reason.code.as_str()) {
            draft.operated(no, CANCEL, &reason.text, states(tree, draft.tree()));
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    };
    let ((), tree): ((), Arc<OrderTree>) = change(app, no, begin).await?;
    if tree.pay.status != Status::Created {
        return Ok(Open::None);
    }
    let mut left = Open::None;
    for open in tree.payments.iter().filter(|p| p.is_open()) {
        match close(app, open, who).await? {
            // Unless its money came too late for this order: then it goes back, and the order can end.
            Closing::Paid if read_tree(app, no, Freshness::Fresh).await?.pay.status == Status::Paid => {
                return Err(Problem::conflict("already-paid", "it was paid at the provider; ask for a refund").of(no));
            }
            Closing::Paid | Closing::Closed => {}
            Closing::Unknown(why) => {
                tracing::warn!(payment = %open.no, why, "a provider has not closed a payment yet");
                left = Open::Left;
            }
        }
    }
    Ok(left)
}
