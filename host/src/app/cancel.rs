//! Cancelling an unpaid order: by its buyer, or because time is up.

use std::sync::Arc;

use super::App;
use super::api::{Idempotency, OrderAnswer};
use super::orders::{
    Decided, Freshness, Keyed, answer, change, change_once, must_be_pay_order, owned, role, tree, wrong_state,
};
use super::pay::actor;
use super::problem::Problem;
use crate::domain::decide::{cancel as decide, pay};
use crate::domain::draft::Draft;
use crate::domain::ids::OrderNo;
use crate::domain::lifecycle::{Event, Judgement, judge};
use crate::domain::order::{Reason, Status, SubStatus};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::payment::CloseAnswer;

/// Cancels the whole pay order. Paid orders answer 409 and point to refund.
pub async fn cancel(
    app: &App,
    who: &Principal,
    no: OrderNo,
    reason: Option<String>,
    key: Option<Idempotency>,
) -> Result<OrderAnswer, Problem> {
    role(who, &[Role::Buyer, Role::Operator, Role::Admin])?;
    let keyed = Keyed::new(who, "cancel", key.as_ref());
    let read = tree(app, no, Freshness::Cached).await?;
    owned(who, &read, no)?;
    must_be_pay_order(&read, no)?;
    let code = if who.role == Role::Buyer { "buyer" } else { "operator" };
    let reason = Reason::new(code, reason.unwrap_or_default());
    close_open_payments(app, no, &actor(who)).await?;
    let cancelled = change_once(app, no, &keyed, |tree| {
        owned(who, tree, no)?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        match judge(Event::Cancel, tree.pay.status, SubStatus::None) {
            Judgement::Apply => end(&mut draft, &reason)?,
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
    Ok(cancelled.await?.0)
}

/// Time is up: the order is cancelled unless it was paid meanwhile.
pub async fn time_out(app: &App, no: OrderNo) -> Result<(), Problem> {
    close_open_payments(app, no, "timer:pay_timeout").await?;
    let reason = Reason::new("pay_timeout", "not paid in time");
    let cancelled = change(app, no, |tree| {
        if tree.pay.status != Status::Created {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), "timer:pay_timeout");
        end(&mut draft, &reason)?;
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    cancelled.await?;
    Ok(())
}

fn end(draft: &mut Draft, reason: &Reason) -> Result<(), Problem> {
    if draft.tree().payments.iter().any(|p| p.status == PaymentStatus::Pending) {
        return Err(Problem::busy("a payment was opened meanwhile; try again"));
    }
    decide::cancel(draft, reason);
    Ok(())
}

/// First no new payment may be opened, then the provider ends the open ones, then each is written closed. Killed in
/// between, the pay timeout does it again.
async fn close_open_payments(app: &App, no: OrderNo, actor: &str) -> Result<(), Problem> {
    let is_open = |p: &&Payment| p.status == PaymentStatus::Pending;
    let begin = |tree: &OrderTree| {
        if tree.pay.status != Status::Created || !tree.payments.iter().any(|p| is_open(&p)) {
            return Ok(Decided::Nothing(()));
        }
        if tree.pay.sub_status == SubStatus::Cancelling {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), actor);
        decide::begin(&mut draft);
        Ok(Decided::Commit(Box::new(draft), ()))
    };
    let ((), tree): ((), Arc<OrderTree>) = change(app, no, begin).await?;
    if tree.pay.status != Status::Created {
        return Ok(());
    }
    for open in tree.payments.iter().filter(is_open) {
        let provider = app.providers.get(open.method.as_str(), open.account.as_str());
        let closed = match provider {
            Some(provider) => provider.close(open).await,
            None => CloseAnswer::Unknown("not set up".into()),
        };
        match closed {
            CloseAnswer::Closed | CloseAnswer::CannotClose => {}
            CloseAnswer::AlreadyPaid => {
                return Err(Problem::conflict("already-paid", "the provider has the money; its notice follows").of(no));
            }
            CloseAnswer::Unknown(_) => {
                return Err(Problem::busy("the provider does not answer; the order will be cancelled later").of(no));
            }
        }
        let written = change(app, no, |tree| {
            let Some(payment) = tree.payments.iter().filter(is_open).find(|p| p.no == open.no) else {
                return Ok(Decided::Nothing(()));
            };
            let mut draft = Draft::new(tree, app.clock.now(), actor);
            pay::close(&mut draft, payment.clone());
            Ok(Decided::Commit(Box::new(draft), ()))
        });
        written.await?;
    }
    Ok(())
}
