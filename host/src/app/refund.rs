//! Driving owed refunds through their providers until each is known.

use super::App;
use super::orders::{Decided, Freshness, change, tree};
use super::problem::Problem;
use crate::domain::change::{TimerKind, Write};
use crate::domain::decide::pay::REFUND_RETRY_MS;
use crate::domain::decide::undo;
use crate::domain::draft::Draft;
use crate::domain::ids::{OrderNo, RefundNo};
use crate::domain::payment::{RefundStatus, Way};
use crate::payment::RefundAnswer;

/// The pause before a provider is asked again doubles up to this.
const LONGEST_PAUSE_MS: i64 = 3_600_000;

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
    let read = tree(app, pay_no, Freshness::Fresh).await?;
    for refund in read.refunds.iter().filter(|r| r.status == RefundStatus::Pending && r.way == Way::Provider) {
        let payment = read.payments.iter().find(|p| Some(p.no) == refund.payment_no);
        let Some((payment, provider)) =
            payment.and_then(|p| Some((p, app.providers.get(p.method.as_str(), p.account.as_str())?)))
        else {
            record(app, pay_no, refund.no, &RefundAnswer::Pending("the provider is not set up".into())).await?;
            continue;
        };
        let answered = provider.refund(payment, refund).await;
        record(app, pay_no, refund.no, &answered).await?;
    }
    Ok(())
}

async fn record(app: &App, pay_no: OrderNo, no: RefundNo, answered: &RefundAnswer) -> Result<(), Problem> {
    let recorded = change(app, pay_no, |tree| {
        let pending = tree.refunds.iter().find(|r| r.no == no && r.status == RefundStatus::Pending);
        let Some(mut refund) = pending.cloned() else { return Ok(Decided::Nothing(())) };
        let mut draft = Draft::new(tree, app.clock.now(), "refund");
        refund.attempts += 1;
        match answered {
            RefundAnswer::Succeeded => undo::refunded(&mut draft, refund),
            RefundAnswer::Pending(why) | RefundAnswer::Stuck(why) => {
                let pause = REFUND_RETRY_MS << refund.attempts.clamp(0, 16);
                tracing::warn!(refund = %no, why, "a refund is not known yet");
                draft.arm(pay_no, TimerKind::Refund, app.clock.now() + pause.min(LONGEST_PAUSE_MS), refund.attempts);
                draft.refund(Write::Update(refund));
            }
            RefundAnswer::Absent => {}
            RefundAnswer::Failed(why) => {
                tracing::error!(refund = %no, why, "a refund failed for good");
                if let Some(shop_no) = refund.shop_no {
                    draft.stay(shop_no, "refund_failed", why.clone()).attention = Some(format!("refund {no}: {why}"));
                }
                refund.status = RefundStatus::Failed;
                draft.refund(Write::Update(refund));
            }
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    recorded.await?;
    Ok(())
}
