//! Settling a payment of another amount or currency than was asked for: an operator refunds what arrived or takes it.

use super::App;
use super::api::{PaymentAnswer, RefundedPart};
use super::forward::{self, Cause};
use super::numbers::fresh;
use super::orders::{Decided, change, store_problem};
use super::pay::{answer, compensate_ms, shipments};
use super::problem::Problem;
use super::refund;
use crate::domain::catalogue::{AdminWrite, Audit};
use crate::domain::decide::unpaid::{self, CannotSettle};
use crate::domain::decide::{refund as decide_refund, undo};
use crate::domain::draft::Draft;
use crate::domain::ids::{PaymentNo, RefundNo};
use crate::domain::order::Status;
use crate::domain::payment::RefundStatus;
use crate::domain::reconcile::{Discrepancy, DiscrepancyKind, Settled};
use crate::domain::tree::OrderTree;
use crate::identity::Principal;
use crate::payment::RefundAnswer;

/// The two ways out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Everything that arrived goes back.
    Refund,
    /// The order is paid with what arrived: more goes back, less becomes a discount.
    Accept,
}

/// Settles the dispute and its entry on the list of differences in one audited change.
pub async fn settle(app: &App, who: &Principal, no: PaymentNo, way: Way, note: &str) -> Result<PaymentAnswer, Problem> {
    let missing = || Problem::not_found(format!("payment {no}"));
    let read = app.store.tree_of_payment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let pay_no = read.pay.no;
    let numbers = fresh(app, 1 + read.shops.len(), pay_no.slot()).await?;
    let actor = super::pay::actor(who);
    let settled = change(app, pay_no, |tree| {
        let payment = tree.payments.iter().find(|p| p.no == no).ok_or_else(missing)?;
        let at = app.clock.now();
        let mut draft = Draft::new(tree, at, &actor);
        let refund_no = RefundNo(numbers[0]);
        let done = match way {
            Way::Refund => unpaid::refund_arrived(&mut draft, payment.clone(), refund_no),
            Way::Accept => {
                let compensate = compensate_ms(app, tree);
                unpaid::accept_arrived(&mut draft, payment.clone(), refund_no, &shipments(&numbers), compensate)
            }
        };
        done.map_err(cannot)?;
        let word = match way {
            Way::Refund => "refunded",
            Way::Accept => "accepted",
        };
        let known = Discrepancy::name(&payment.method, &payment.account, DiscrepancyKind::WrongAmount, &no.to_string());
        let resolution = format!("{word}: {note}");
        draft.change.admin.push(AdminWrite::SettleDiscrepancy(Settled { id: known, by: actor.clone(), resolution }));
        draft.change.admin.push(AdminWrite::Audit(Audit {
            actor: actor.clone(),
            action: "payment.settle".into(),
            target: no.to_string(),
            detail: serde_json::json!({"way": way, "note": note}).to_string(),
            at,
        }));
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    let ((), tree) = settled.await?;
    refund::spawn(app, pay_no);
    let payment = tree.payments.iter().find(|p| p.no == no).ok_or_else(missing)?;
    if tree.pay.status == Status::Paid && tree.pay.paid_by == Some(no) {
        forward::spawn_all(app, &tree, Cause::Paid);
    }
    Ok(answer(payment))
}

/// Owes a failed refund again under a new number and sends it.
pub async fn retry_refund(app: &App, who: &Principal, no: RefundNo, note: &str) -> Result<RefundedPart, Problem> {
    let missing = || Problem::not_found(format!("refund {no}"));
    let read = app.store.tree_of_refund(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let pay_no = read.pay.no;
    let number = RefundNo(fresh(app, 1, pay_no.slot()).await?[0]);
    let actor = super::pay::actor(who);
    let listed = listed(app, &read, no).await?;
    let retried = change(app, pay_no, |tree| {
        let failed = tree.refunds.iter().find(|r| r.no == no).ok_or_else(missing)?;
        if failed.status != RefundStatus::Failed || !failed.is_owed() {
            let detail = format!("refund {no} is {}: only one that failed for good is sent again", failed.status);
            return Err(Problem::conflict("refund-not-failed", detail));
        }
        let at = app.clock.now();
        let mut draft = Draft::new(tree, at, &actor);
        decide_refund::replace(&mut draft, failed, number);
        if let Some(id) = listed.clone() {
            let resolution = format!("sent again as {number}: {note}");
            draft.change.admin.push(AdminWrite::SettleDiscrepancy(Settled { id, by: actor.clone(), resolution }));
        }
        let marked =
            failed.shop_no.and_then(|no| tree.shop(no)).filter(|s| s.attention.is_some() && !s.status.is_final());
        if let Some(shop) = marked {
            draft.stay(shop.no, "refund_retried", number.to_string()).attention = None;
            let told = (
                serde_json::json!({"attention": shop.attention}),
                serde_json::json!({"attention": null, "refund_no": number}),
            );
            draft.operated(shop.no, "retry_refund", note, told);
        }
        draft.change.admin.push(AdminWrite::Audit(Audit {
            actor: actor.clone(),
            action: "refund.retry".into(),
            target: no.to_string(),
            detail: serde_json::json!({"refund_no": number, "note": note}).to_string(),
            at,
        }));
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    let ((), tree) = retried.await?;
    refund::spawn(app, pay_no);
    tree.refunds.iter().find(|r| r.no == number).map(RefundedPart::from).ok_or_else(missing)
}

/// The open entry of a failed refund on the list of differences.
async fn listed(app: &App, tree: &OrderTree, no: RefundNo) -> Result<Option<String>, Problem> {
    let refund = tree.refunds.iter().find(|r| r.no == no);
    let payment = refund.and_then(|r| tree.payments.iter().find(|p| Some(p.no) == r.payment_no));
    let Some(payment) = payment else { return Ok(None) };
    let id = Discrepancy::name(&payment.method, &payment.account, DiscrepancyKind::RefundFailed, &no.to_string());
    let stored = app.store.discrepancy(&id).await.map_err(store_problem)?;
    Ok(stored.filter(|stored| stored.end.is_none()).map(|_| id))
}

/// The buyer got the money outside of the provider (or it is written off): the refund is over, and with it the entry
/// `id` of the list. Refused while the provider may still do it.
pub async fn refund_by_hand(app: &App, who: &Principal, no: RefundNo, id: &str, note: &str) -> Result<(), Problem> {
    let missing = || Problem::not_found(format!("refund {no}"));
    let read = app.store.tree_of_refund(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let known = read.refunds.iter().find(|r| r.no == no).ok_or_else(missing)?;
    if known.status == RefundStatus::Pending {
        let says = refund::look_up(app, &read, known).await;
        if !matches!(says, RefundAnswer::Absent | RefundAnswer::Stuck(_) | RefundAnswer::Failed(_)) {
            let detail = format!("the provider may still do it ({says:?}): ask again later");
            return Err(Problem::conflict("cannot-settle", detail));
        }
    }
    let actor = super::pay::actor(who);
    let done = change(app, read.pay.no, |tree| {
        let owed = tree.refunds.iter().find(|r| r.no == no).ok_or_else(missing)?;
        if !owed.is_owed() {
            return Err(Problem::conflict("cannot-settle", format!("refund {no} is {} already", owed.status)));
        }
        let at = app.clock.now();
        let mut draft = Draft::new(tree, at, &actor);
        undo::refunded_by_hand(&mut draft, owed.clone(), &refund::rules(app, tree, owed), note);
        let (id, resolution) = (id.to_owned(), note.to_owned());
        draft.change.admin.push(AdminWrite::SettleDiscrepancy(Settled { id, by: actor.clone(), resolution }));
        draft.change.admin.push(AdminWrite::Audit(Audit {
            actor: actor.clone(),
            action: "refund.by_hand".into(),
            target: no.to_string(),
            detail: serde_json::json!({ "note": note }).to_string(),
            at,
        }));
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    done.await?;
    Ok(())
}

fn cannot(why: CannotSettle) -> Problem {
    Problem::conflict("cannot-settle", why.to_string())
}
