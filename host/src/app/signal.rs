//! A supplier's signal: stored first, also before anyone waits for it, then the order is forwarded.

use super::App;
use super::api::{EventAnswer, SignalIn};
use super::forward::{self, Cause, journal};
use super::orders::{Decided, Denied, Freshness, change, event_answer, must_be_shop_order, owned, role, tree};
use super::pay::actor;
use super::problem::Problem;
use crate::domain::change::{Refusal, SignalKey, SignalRow, TimerKind};
use crate::domain::draft::Draft;
use crate::domain::ids::OrderNo;
use crate::domain::order::{Status, SubStatus};
use crate::identity::{Principal, Role};

/// Signals an order may have that nobody consumed.
const PENDING: i64 = 64;

/// Takes a signal. A repeat (same name and id) changes nothing; a signal for an ended order is ignored.
pub async fn signal(app: &App, who: &Principal, no: OrderNo, signal: SignalIn) -> Result<EventAnswer, Problem> {
    role(who, &[Role::Business, Role::Operator, Role::Admin])?;
    let now = app.clock.now();
    let stored = change(app, no, |tree| {
        owned(who, tree, no)?;
        let shop_no = must_be_shop_order(tree, no)?;
        let mut draft = Draft::new(tree, now, &actor(who));
        let shop = tree.shop(shop_no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
        let over = shop.status.is_final() || shop.status == Status::Received || shop.sub_status == SubStatus::Closing;
        if over {
            draft.ignore(shop_no, "signal", signal.name.to_string());
            return Ok(Decided::Commit(Box::new(draft), "ignored"));
        }
        if shop.pending_signals >= PENDING {
            let detail = format!("{PENDING} signals wait already; the order does not take more");
            return Err(Problem::conflict("too-many-signals", detail));
        }
        draft.stay(shop_no, "signal", signal.name.to_string()).pending_signals += 1;
        draft.change.signals.push(SignalRow {
            key: SignalKey { shop_no, name: signal.name.clone(), id: signal.id.clone() },
            payload: journal::seal(app, shop_no, &signal.payload),
            at: now,
        });
        if shop.status != Status::Created {
            draft.arm(shop_no, TimerKind::Compensate, now + 1_000, 0);
        }
        Ok(Decided::Commit(Box::new(draft), "applied"))
    });
    match stored.await {
        Ok((effect, tree)) => {
            if effect == "applied" {
                forward::spawn(app, no, Cause::Signal);
            }
            Ok(event_answer(&tree, no, effect))
        }
        Err(Denied::Refusal(Refusal::SignalSeen { .. })) => {
            Ok(event_answer(&*tree(app, no, Freshness::Fresh).await?, no, "ignored"))
        }
        Err(denied) => Err(denied.into()),
    }
}
