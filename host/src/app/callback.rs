//! A provider's callback: verify on the raw bytes, load, already handled?, check amount and currency, one change, answer.

use bytes::Bytes;

use super::App;
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{Decided, change, store_problem};
use super::pay::{compensate_ms, shipments};
use super::problem::Problem;
use super::refund;
use crate::domain::change::Write;
use crate::domain::decide::pay as decide;
use crate::domain::draft::Draft;
use crate::domain::ids::RefundNo;
use crate::domain::order::Status;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::tree::OrderTree;
use crate::payment::{Callback, Receipt, Says, Verdict};
use crate::telemetry::metrics::{CALLBACKS_REFUSED, PAYMENTS_DISPUTED, PAYMENTS_SUCCEEDED, PAYMENTS_TOO_LATE};

/// What the provider is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackReply {
    /// Whether it may stop sending.
    pub accepted: bool,
    /// The words it expects.
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Paid,
    TooLate,
    Failed,
    Repeat,
    Disputed,
}

/// Handles a callback. Hooks are not waited for: the payment is committed, the answer given, forward goes on by itself.
pub async fn payment(
    app: &App,
    method: &str,
    account: &str,
    headers: Vec<(String, String)>,
    body: Bytes,
) -> Result<CallbackReply, Problem> {
    let provider =
        app.providers.get(method, account).ok_or_else(|| Problem::not_found(format!("payment method {method}")))?;
    let now = app.clock.now();
    let callback = Callback { headers: &headers, body: &body, now };
    let notice = provider.verify(callback).await.map_err(|unverified| {
        metrics::counter!(CALLBACKS_REFUSED, "method" => method.to_owned()).increment(1);
        tracing::warn!(method, account, %unverified, "a payment callback was not believed");
        Problem::new(super::problem::Kind::Forbidden, "unverified-callback", unverified.to_string())
    })?;
    let (notice, paid) = match notice.says {
        Says::Paid(receipt) => (receipt, true),
        Says::Ended(payment_no, _) => {
            (Receipt { payment_no, trade_no: String::new(), amount: 0, currency: String::new(), at: now }, false)
        }
        Says::Ask(_) | Says::AskRefund(..) | Says::Nothing => {
            return Ok(CallbackReply { accepted: true, body: provider.words(Verdict::Taken) });
        }
    };
    let tree = app.store.cached_tree_of_payment(notice.payment_no).await.map_err(store_problem)?;
    let tree = tree.ok_or_else(|| Problem::not_found(format!("payment {}", notice.payment_no)))?;
    let pay_no = tree.pay.no;
    let numbers = fresh(app, 1 + tree.shops.len(), pay_no.slot()).await?;
    let actor = format!("callback:{method}");
    let decided = change(app, pay_no, |tree| {
        let payment = tree.payments.iter().find(|p| p.no == notice.payment_no && p.method.as_str() == method);
        let payment = payment.ok_or_else(|| Problem::not_found(format!("payment {}", notice.payment_no)))?;
        let mut draft = Draft::new(tree, now, &actor);
        let effect = decide_notice(app, &mut draft, tree, payment, (&notice, paid), &numbers);
        Ok(if effect == Effect::Disputed && payment.status == PaymentStatus::Disputed {
            Decided::Nothing(effect)
        } else {
            Decided::Commit(Box::new(draft), effect)
        })
    });
    let (effect, tree) = decided.await.map_err(Problem::from)?;
    match effect {
        Effect::Paid => {
            metrics::counter!(PAYMENTS_SUCCEEDED, "method" => method.to_owned()).increment(1);
            forward::spawn_all(app, &tree, Cause::Paid);
        }
        Effect::TooLate => {
            metrics::counter!(PAYMENTS_TOO_LATE, "method" => method.to_owned()).increment(1);
            refund::spawn(app, pay_no);
        }
        Effect::Failed | Effect::Repeat => {}
        Effect::Disputed => {
            tracing::error!(%pay_no, payment = %notice.payment_no, amount = notice.amount, currency = notice.currency,
                "a payment of another amount or currency arrived");
            metrics::counter!(PAYMENTS_DISPUTED, "method" => method.to_owned()).increment(1);
            return Ok(CallbackReply { accepted: false, body: "amount or currency differs".into() });
        }
    }
    Ok(CallbackReply { accepted: true, body: "success".into() })
}

fn decide_notice(
    app: &App,
    draft: &mut Draft,
    tree: &OrderTree,
    payment: &Payment,
    (notice, paid): (&Receipt, bool),
    numbers: &[i64],
) -> Effect {
    let trade_no = Some(notice.trade_no.clone());
    match (payment.status, paid) {
        (PaymentStatus::Succeeded, _) | (PaymentStatus::Failed | PaymentStatus::Closed, false) => {
            for shop in &tree.shops {
                draft.ignore(shop.no, "payment_notice", notice.trade_no.clone());
            }
            Effect::Repeat
        }
        (PaymentStatus::Disputed, _) => Effect::Disputed,
        (PaymentStatus::Pending, false) => {
            decide::fail(draft, payment.clone());
            Effect::Failed
        }
        (PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Closed, true) => {
            if notice.amount != payment.amount || notice.currency != payment.currency.as_str() {
                decide::dispute(draft, payment.clone(), trade_no, notice.amount, &notice.currency);
                Effect::Disputed
            } else if tree.pay.status == Status::Created {
                let compensate = compensate_ms(app, tree);
                let shipments = shipments(numbers);
                decide::succeed(draft, Write::Update(payment.clone()), trade_no, notice.at, &shipments, compensate);
                Effect::Paid
            } else {
                decide::too_late(draft, payment.clone(), trade_no, notice.at, RefundNo(numbers[0]));
                Effect::TooLate
            }
        }
    }
}
