//! What a timer does when it fires. Each kind disarms or re-arms itself in the change it causes; the expected version
//! makes a timer that fires twice harmless.

use super::App;
use super::forward::{Cause, Event, Forward, advance};
use super::orders::{Decided, change, commit, store_problem};
use super::problem::{Kind, Problem};
use super::{cancel, fulfilment, query, refund, reserve};
use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Change, Fired, Parked, Timer, TimerKind, Unpark};
use crate::domain::decide::receive::ASK_AGAIN_MS;
use crate::domain::decide::settle;
use crate::domain::draft::Draft;
use crate::domain::event::Topic;
use crate::domain::hook::Trigger;
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::order::{ShopOrder, Status, SubStatus};

/// The pause of parked events doubles up to this.
const LONGEST_PARK_PAUSE_MS: Millis = 300_000;
/// The pause after a timer whose work failed.
const RETRY_MS: Millis = 5_000;

/// An order with an owed refund is looked at again after this.
const SETTLE_LATER_MS: Millis = 600_000;

/// Fires a due timer. An error leaves it armed; the caller puts it off.
pub async fn fire(app: &App, timer: Timer) -> Result<(), Problem> {
    let no = timer.key.subject;
    match timer.key.kind {
        TimerKind::PayTimeout => cancel::time_out(app, no, timer.attempt).await?,
        TimerKind::Compensate => drop(advance(app, Forward::plain(no, Cause::Timer(timer.attempt))).await?),
        TimerKind::ShipOverdue => ship_overdue(app, no).await?,
        TimerKind::AutoReceive => auto_receive(app, timer).await?,
        TimerKind::Settle => settle_order(app, no).await?,
        TimerKind::Refund => refund::drive(app, no).await?,
        TimerKind::Query => query::drive(app, no, timer.attempt).await?,
        TimerKind::Aftersale => super::aftersale::deadlines(app, no).await?,
        TimerKind::Parked => return parked(app, timer).await,
        TimerKind::Reserve => reserve::drive(app, no).await?,
        TimerKind::Fulfilment => fulfilment::tell(app, no, timer.attempt).await?,
    }
    if stands(app, timer).await? { settle_fired(app, Fired { timer, again: None }).await } else { Ok(()) }
}

/// Puts a timer off whose work failed. Only the timer moves: the order's deadline was what it was, and `attempt` says
/// that this is a repeat.
pub async fn put_off(app: &App, timer: Timer) -> Result<(), Problem> {
    let again = app.clock.now() + (RETRY_MS << timer.attempt.clamp(0, 7));
    settle_fired(app, Fired { timer, again: Some(again) }).await
}

/// Whether a timer is still armed as it fired.
async fn stands(app: &App, timer: Timer) -> Result<bool, Problem> {
    let stored = app.store.timers(timer.key.subject).await.map_err(store_problem)?;
    Ok(stored.iter().any(|t| t.key == timer.key && t.due == timer.due))
}

/// A timer whose work did not move it is disarmed, or moved to another try.
async fn settle_fired(app: &App, fired: Fired) -> Result<(), Problem> {
    let change = Change { at: app.clock.now(), fired: vec![fired], ..Change::default() };
    Ok(commit(app, change).await?)
}

async fn ship_overdue(app: &App, no: OrderNo) -> Result<(), Problem> {
    let told = change(app, no, |tree| {
        let Some(shop) = tree.shop(no) else { return Ok(Decided::Nothing(())) };
        let mut draft = Draft::new(tree, app.clock.now(), "timer:ship_overdue");
        draft.disarm(no, TimerKind::ShipOverdue);
        if shop.status == Status::Paid && shop.sub_status != SubStatus::Closing {
            draft.stay(no, "ship_overdue", "the shipping deadline passed");
            draft.emit(no, Topic::Order, "ORDER_SHIP_OVERDUE", serde_json::json!({}));
        }
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    told.await?;
    Ok(())
}

async fn auto_receive(app: &App, timer: Timer) -> Result<(), Problem> {
    let no = timer.key.subject;
    let forward = Forward {
        no,
        cause: Cause::Api,
        actor: "timer:auto_receive".into(),
        event: Some(Event::Receive(Trigger::Timer)),
        keyed: None,
        parked: None,
    };
    match advance(app, forward).await {
        Err(problem) if problem.kind != Kind::Conflict => Err(problem),
        Err(_) | Ok(_) => ask_again(app, timer).await,
    }
}

/// A shipped order always has its automatic receipt ahead of it: also one whose hook was not asked, because it waits
/// for something.
async fn ask_again(app: &App, timer: Timer) -> Result<(), Problem> {
    let no = timer.key.subject;
    if !stands(app, timer).await? {
        return Ok(());
    }
    let again = change(app, no, |tree| {
        let waits = |s: &&ShopOrder| s.status == Status::Shipped && s.sub_status == SubStatus::None;
        let extended = |s: &&ShopOrder| s.expire_time.is_some_and(|due| due > timer.due);
        let Some(shop) = tree.shop(no).filter(waits).filter(|s| !extended(s)) else { return Ok(Decided::Nothing(())) };
        let mut draft = Draft::new(tree, app.clock.now(), "timer:auto_receive");
        let due = draft.at() + shop.facts.auto_receive_ms.clamp(RETRY_MS, ASK_AGAIN_MS);
        draft.stay(no, "not_received", "its hook was not asked");
        draft.deadline(no, TimerKind::AutoReceive, due);
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    again.await?;
    Ok(())
}

async fn settle_order(app: &App, no: OrderNo) -> Result<(), Problem> {
    let settled = change(app, no, |tree| {
        let Some(shop) = tree.shop(no).filter(|s| s.status == Status::Received && s.sub_status == SubStatus::None)
        else {
            return Ok(Decided::Nothing(()));
        };
        let rules = refund::line_rules(app, &shop.business);
        let mut draft = Draft::new(tree, app.clock.now(), "timer:settle");
        let owes = tree.refunds.iter().any(|r| r.shop_no == Some(no) && r.is_owed());
        if owes || tree.aftersales_of(no).any(Aftersale::is_open) {
            // What may go back is not earned: the end of the last one arms it again, this is only for safety.
            draft.stay(no, "settle_later", "a refund is owed or an after-sale is open");
            draft.deadline(no, TimerKind::Settle, app.clock.now() + SETTLE_LATER_MS);
            return Ok(Decided::Commit(Box::new(draft), ()));
        }
        settle::complete(&mut draft, no, &rules);
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    settled.await?;
    Ok(())
}

/// Tries every parked event of an order again, the oldest first; expired ones become dead letters.
async fn parked(app: &App, timer: Timer) -> Result<(), Problem> {
    let no = timer.key.subject;
    let now = app.clock.now();
    for parked in app.store.parked(no).await.map_err(store_problem)? {
        if parked.expires_at <= now {
            bury(app, &parked, "its turn did not come in time").await?;
            continue;
        }
        let Some(event) = read(&parked) else {
            bury(app, &parked, "its payload cannot be read").await?;
            continue;
        };
        let forward = Forward {
            no,
            cause: Cause::Api,
            actor: format!("parked:{}", parked.event),
            event: Some(event),
            keyed: None,
            parked: Some(&parked),
        };
        match advance(app, forward).await {
            Ok(_) => {}
            // Its turn comes with the end of the after-sale, if that does not end the order.
            Err(problem) if problem.code == "aftersale-open" => {}
            Err(problem) if problem.kind == Kind::Conflict => bury(app, &parked, &problem.detail).await?,
            Err(problem) => return Err(problem),
        }
    }
    let left = app.store.parked(no).await.map_err(store_problem)?;
    let pause = (1_000 << timer.attempt.clamp(0, 12)).min(LONGEST_PARK_PAUSE_MS);
    let again = (!left.is_empty()).then_some(now + pause);
    settle_fired(app, Fired { timer, again }).await
}

fn read(parked: &Parked) -> Option<Event> {
    match parked.event.as_str() {
        "ship" => serde_json::from_str(&parked.payload).ok().map(Event::Ship),
        "deliver" => serde_json::from_str(&parked.payload).ok().map(Event::Deliver),
        "exception" => serde_json::from_str(&parked.payload).ok().map(Event::Exception),
        _ => None,
    }
}

async fn bury(app: &App, parked: &Parked, why: &str) -> Result<(), Problem> {
    tracing::error!(no = %parked.shop_no, event = parked.event, why, "an early event is given up");
    let buried = change(app, parked.shop_no, |tree| {
        let mut draft = Draft::new(tree, app.clock.now(), "timer:parked");
        draft.change.unpark.push(Unpark {
            shop_no: parked.shop_no,
            event: parked.event.clone(),
            id: parked.id.clone(),
            dead: Some(why.to_owned()),
        });
        Ok(Decided::Commit(Box::new(draft), ()))
    });
    buried.await?;
    Ok(())
}
