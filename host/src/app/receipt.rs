//! What a provider says about a payment, applied: by callback, query or close, always the same decision in one change.

use std::sync::Arc;

use super::App;
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{Decided, Denied, change};
use super::pay::{compensate_ms, shipments};
use super::problem::Problem;
use super::{query, refund};
use crate::domain::change::{Claim, Refusal, Write};
use crate::domain::decide::{pay as decide, unpaid};
use crate::domain::draft::Draft;
use crate::domain::ids::{Digest, OrderNo, PaymentNo, RefundNo};
use crate::domain::order::Status;
use crate::domain::payment::{Arrived, Payment, PaymentStatus};
use crate::domain::tree::OrderTree;
use crate::payment::Receipt;

/// What a provider says, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Money arrived.
    Paid(Receipt),
    /// It will not.
    Ended(String),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The order is paid.
    Paid,
    /// The money goes back: the order can no longer take it.
    TooLate,
    /// The attempt failed.
    Ended,
    /// Known before.
    Repeat,
    /// Another amount or currency: a person settles it.
    Disputed,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// For flows and logs: `callback:alipay`, `timer:query`, …
    pub actor: &'a str,
    /// The provider's id of the notice with whom it is from: a second notice of that id has no effect.
    pub notice: Option<(&'a str, &'a str)>,
}

/// Applies what a provider says about a payment. Hooks are not waited for.
pub async fn apply(
    app: &App,
    (pay_no, no): (OrderNo, PaymentNo),
    said: &Said,
    source: Source<'_>,
) -> Result<Effect, Problem> {
    let now = app.clock.now();
    let numbers = fresh(app, 1 + shop_count(app, pay_no).await?, pay_no.slot()).await?;
    let decided = change(app, pay_no, |tree| {
        let payment = tree.payments.iter().find(|p| p.no == no);
        let payment = payment.ok_or_else(|| Problem::not_found(format!("payment {no}")))?;
        let mut draft = Draft::new(tree, now, source.actor);
        let effect = decide_on(app, &mut draft, payment, said, &numbers);
        draft.change.claim = source.notice.map(|(from, id)| claim(from, id, effect));
        // A dispute told again: the same error, without a new alarm.
        let silent = effect == Effect::Disputed && payment.status == PaymentStatus::Disputed;
        Ok(if silent { Decided::Nothing((effect, false)) } else { Decided::Commit(Box::new(draft), (effect, true)) })
    });
    crate::faults::point("after-receipt-before-commit");
    match decided.await {
        Ok(((effect, is_new), tree)) => {
            crate::faults::point("after-receipt-commit");
            if is_new {
                follow_up(app, &tree, no, effect);
            }
            Ok(effect)
        }
        Err(Denied::Refusal(Refusal::TradeTaken { trade_no })) => trade_taken(app, (pay_no, no), said, &trade_no).await,
        Err(Denied::Refusal(Refusal::KeyUsed(_))) => Ok(Effect::Repeat),
        Err(denied) => Err(denied.into()),
    }
}

/// The provider names a trade that another payment has: a person must see what it is.
async fn trade_taken(
    app: &App,
    (pay_no, no): (OrderNo, PaymentNo),
    said: &Said,
    trade: &str,
) -> Result<Effect, Problem> {
    let Said::Paid(receipt) = said else { return Ok(Effect::Repeat) };
    let disputed = change(app, pay_no, |tree| {
        let payment = tree.payments.iter().find(|p| p.no == no);
        let payment = payment.ok_or_else(|| Problem::not_found(format!("payment {no}")))?;
        if matches!(payment.status, PaymentStatus::Disputed | PaymentStatus::Succeeded) {
            return Ok(Decided::Nothing(()));
        }
        let mut draft = Draft::new(tree, app.clock.now(), "receipt");
        let note = format!("trade {trade} belongs to another payment");
        unpaid::dispute(&mut draft, payment.clone(), None, arrived(receipt), &note);
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    let ((), tree) = disputed.await?;
    follow_up(app, &tree, no, Effect::Disputed);
    Ok(Effect::Disputed)
}

async fn shop_count(app: &App, pay_no: OrderNo) -> Result<usize, Problem> {
    let tree = super::orders::tree(app, pay_no, super::orders::Freshness::Cached).await?;
    Ok(tree.shops.len())
}

/// A notice's id is claimed with its effect, like an idempotency key.
fn claim(from: &str, id: &str, effect: Effect) -> Claim {
    Claim {
        principal: from.to_owned(),
        key: id.to_owned(),
        digest: Digest::of(id.as_bytes()),
        operation: "payment_notice".to_owned(),
        outcome: serde_json::to_string(&effect).expect("an effect is a word"),
    }
}

fn decide_on(app: &App, draft: &mut Draft, payment: &Payment, said: &Said, numbers: &[i64]) -> Effect {
    let receipt = match (payment.status, said) {
        (PaymentStatus::Disputed, _) => return Effect::Disputed,
        (PaymentStatus::Pending, Said::Ended(why)) => {
            unpaid::fail(draft, payment.clone(), why);
            return Effect::Ended;
        }
        (_, Said::Ended(why)) => return repeat(draft, payment, why),
        (PaymentStatus::Succeeded, Said::Paid(receipt)) => {
            if payment.trade_no.as_ref().is_some_and(|known| *known != receipt.trade_no) {
                tracing::error!(payment = %payment.no, trade = receipt.trade_no, "a provider took money twice for one payment");
                unpaid::paid_twice(draft, payment, receipt.trade_no.clone(), arrived(receipt));
            }
            return repeat(draft, payment, &receipt.trade_no);
        }
        (PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Closed, Said::Paid(receipt)) => receipt,
    };
    let trade_no = Some(receipt.trade_no.clone());
    if receipt.amount != payment.amount || receipt.currency != payment.currency.as_str() {
        let (amount, currency) = (receipt.amount, &receipt.currency);
        let note = format!("{amount} {currency} arrived instead of {} {}", payment.amount, payment.currency);
        unpaid::dispute(draft, payment.clone(), trade_no, arrived(receipt), &note);
        return Effect::Disputed;
    }
    let paid = decide::Paid { trade_no, at: receipt.at };
    if draft.tree().pay.status == Status::Created && unpaid::is_whole(draft.tree(), payment) {
        let compensate = compensate_ms(app, draft.tree());
        decide::succeed(draft, Write::Update(payment.clone()), paid, &shipments(numbers), compensate);
        Effect::Paid
    } else {
        unpaid::too_late(draft, payment.clone(), paid, RefundNo(numbers[0]));
        Effect::TooLate
    }
}

fn arrived(receipt: &Receipt) -> Arrived {
    Arrived { amount: receipt.amount, currency: receipt.currency.clone() }
}

fn repeat(draft: &mut Draft, payment: &Payment, note: &str) -> Effect {
    for no in draft.tree().shops.iter().map(|s| s.no).collect::<Vec<_>>() {
        draft.ignore(no, "payment_notice", note);
    }
    draft.log(payment.no, "repeat", note);
    Effect::Repeat
}

fn follow_up(app: &App, tree: &Arc<OrderTree>, no: PaymentNo, effect: Effect) {
    let Some(payment) = tree.payments.iter().find(|p| p.no == no) else { return };
    match effect {
        Effect::Paid => {
            forward::spawn_all(app, tree, Cause::Paid);
            if tree.payments.iter().any(Payment::is_open) {
                query::spawn(app, tree.pay.no);
            }
        }
        Effect::TooLate => refund::spawn(app, tree.pay.no),
        Effect::Disputed => {
            tracing::error!(pay_no = %tree.pay.no, payment = %no, arrived = ?payment.arrived,
                "a payment of another amount or currency arrived");
        }
        Effect::Ended | Effect::Repeat => {}
    }
}
