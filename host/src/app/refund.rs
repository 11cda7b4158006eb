//! Driving owed refunds through their providers until each is known.

use super::App;
use super::orders::{Decided, Freshness, change, tree};
use super::problem::Problem;
use crate::domain::catalogue::LineRules;
use crate::domain::change::{TimerKind, Write};
use crate::domain::decide::{refund as decide, undo};
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::payment::{Payment, Refund, RefundStatus, Way};
use crate::domain::tree::OrderTree;
use crate::payment::RefundAnswer;

/// The pause before a provider is asked again doubles up to this.
const LONGEST_PAUSE_MS: i64 = 3_600_000;

/// A refund that is still not known after so many questions, three hours, needs a person; it is asked about on.
const PATIENCE: i64 = 12;

/// Drives the refunds of a pay order in the background.
pub fn spawn(app: &App, pay_no: OrderNo) {
    let (tasks, app) = (app.tasks.clone(), app.clone());
    tasks.spawn("refund", async move {
        if let Err(problem) = drive(&app, pay_no).await {
            tracing::warn!(%pay_no, %problem, "refunds will be tried again");
        }
    });
}

/// Asks the provider for every pending refund and records what it says. A refund keeps its number for life.
pub async fn drive(app: &App, pay_no: OrderNo) -> Result<(), Problem> {
    drive_those(app, pay_no, |_| true).await
}

/// The same for one refund.
pub async fn drive_one(app: &App, pay_no: OrderNo, no: RefundNo) -> Result<(), Problem> {
    drive_those(app, pay_no, |refund| refund.no == no).await
}

async fn drive_those(app: &App, pay_no: OrderNo, those: impl Fn(&Refund) -> bool + Send) -> Result<(), Problem> {
    let read = tree(app, pay_no, Freshness::Fresh).await?;
    let waits = |r: &&Refund| r.status == RefundStatus::Pending && r.way == Way::Provider;
    for refund in read.refunds.iter().filter(waits).filter(|r| those(r)) {
        let answered = match read.payments.iter().find(|p| Some(p.no) == refund.payment_no) {
            Some(payment) => ask(app, payment, refund).await,
            None => RefundAnswer::Stuck("it names no payment".into()),
        };
        crate::faults::point("after-refund-before-commit");
        record(app, pay_no, refund.no, &answered).await?;
    }
    Ok(())
}

/// A refund that was sent before is looked up first; one that its provider has never heard of is sent (again).
async fn ask(app: &App, payment: &Payment, refund: &Refund) -> RefundAnswer {
    let Some(provider) = app.providers.get(payment.method.as_str(), payment.account.as_str()) else {
        return RefundAnswer::Stuck(format!("merchant account {}/{} is not set up", payment.method, payment.account));
    };
    if refund.attempts > 0 {
        match provider.query_refund(payment, refund).await {
            RefundAnswer::Absent => {}
            known => return known,
        }
    }
    crate::faults::point("before-refund");
    match provider.refund(payment, refund).await {
        RefundAnswer::Absent => RefundAnswer::Pending("sent, and the provider does not know it yet".into()),
        answered => answered,
    }
}

/// What the provider says of a refund now; nothing is done about it.
pub async fn look_up(app: &App, tree: &OrderTree, refund: &Refund) -> RefundAnswer {
    let payment = tree.payments.iter().find(|p| Some(p.no) == refund.payment_no);
    let known = payment.and_then(|p| Some((p, app.providers.get(p.method.as_str(), p.account.as_str())?)));
    match known {
        Some((payment, provider)) => provider.query_refund(payment, refund).await,
        None => RefundAnswer::Absent,
    }
}

async fn record(app: &App, pay_no: OrderNo, no: RefundNo, answered: &RefundAnswer) -> Result<(), Problem> {
    let recorded = change(app, pay_no, |tree| {
        let pending = tree.refunds.iter().find(|r| r.no == no && r.status == RefundStatus::Pending);
        let Some(mut refund) = pending.cloned() else { return Ok(Decided::Nothing(())) };
        let mut draft = Draft::new(tree, app.clock.now(), "refund");
        refund.attempts += 1;
        let attempts = refund.attempts;
        match answered {
            RefundAnswer::Succeeded => {
                let rules = rules(app, tree, &refund);
                undo::refunded(&mut draft, refund, &rules);
            }
            RefundAnswer::Pending(_) | RefundAnswer::Absent => {
                let why = if let RefundAnswer::Pending(why) = answered { why } else { "not known to the provider" };
                if attempts == PATIENCE {
                    tracing::error!(refund = %no, why, "a refund takes too long; a person must look");
                    decide::stuck(&mut draft, refund, &format!("asked {PATIENCE} times: {why}"));
                } else {
                    tracing::info!(refund = %no, why, "a refund is not known yet");
                    draft.refund(Write::Update(refund), "refund_asked", why);
                }
            }
            RefundAnswer::Stuck(why) => {
                tracing::error!(refund = %no, why, "a refund needs a person at the provider");
                decide::stuck(&mut draft, refund, why);
            }
            RefundAnswer::Failed(why) => {
                tracing::error!(refund = %no, why, "a refund failed for good");
                decide::failed(&mut draft, refund, why);
            }
        }
        let waits = |r: &Refund| r.status == RefundStatus::Pending && r.way == Way::Provider;
        if draft.tree().refunds.iter().any(waits) {
            let pause = (app.settings.refund_retry_ms << attempts.clamp(1, 17) >> 1).min(LONGEST_PAUSE_MS);
            draft.arm(pay_no, TimerKind::Refund, app.clock.now() + pause, attempts);
        } else {
            draft.disarm(pay_no, TimerKind::Refund);
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    recorded.await?;
    crate::faults::point("after-refund-commit");
    Ok(())
}

/// The rules of the line that a refund's shop order belongs to.
pub fn rules(app: &App, tree: &OrderTree, refund: &Refund) -> LineRules {
    let shop = refund.shop_no.and_then(|no| tree.shop(no));
    shop.map_or_else(LineRules::default, |shop| line_rules(app, &shop.business))
}

/// The rules of a line now; the defaults for one that is gone.
pub fn line_rules(app: &App, business: &crate::domain::ids::BusinessCode) -> LineRules {
    app.catalogue.now().businesses.get(business).map_or_else(LineRules::default, |line| line.rules.clone())
}
