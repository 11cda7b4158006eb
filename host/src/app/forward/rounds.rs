//! The rounds of forward: read, draft, commit, call; again.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Asked, Ended, attention};
use super::outside::{Arrived, call_out};
use super::packages::{Happened, PARK_PAUSE_MS, happen};
use super::questions;
use super::{Cause, Event, Forward};
use crate::app::numbers::fresh;
use crate::app::orders::{Denied, Freshness, TRIES, commit, event_answer, must_be_shop_order, store_problem, tree};
use crate::app::problem::Problem;
use crate::app::{App, aftersale, pay, refund};
use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Parked, Refusal, TimerKind, Unpark};
use crate::domain::decide::aftersale as decide;
use crate::domain::decide::refund::REFUNDS;
use crate::domain::decide::ship;
use crate::domain::draft::Draft;
use crate::domain::hook::Trigger;
use crate::domain::ids::{AftersaleNo, Millis, OrderNo, RefundNo};
use crate::domain::order::{Mode, ShopOrder, Status, SubStatus, SuspendedHook};
use crate::domain::payment::{RefundStatus, Way};
use crate::domain::tree::OrderTree;
use crate::faults;

/// A shared lock frees itself after this; a forward that calls slow suppliers may outlive it, and the store decides.
const LOCK_TTL: Duration = Duration::from_mins(1);
/// How long a forward waits for the one before it.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Rounds of one forward: calls of all hooks of an order fit in.
const ROUNDS: usize = 64;
/// The pause before compensation doubles up to this.
const LONGEST_PAUSE_MS: Millis = 600_000;
/// After this many compensations without progress a person must look.
const ATTEMPTS: i64 = 20;
/// Early events of a shop order that wait at a time.
const PARKED_MAX: usize = 64;

/// How a forward went.
#[derive(Debug)]
pub struct Went {
    /// The order afterwards.
    pub tree: Arc<OrderTree>,
    /// What became of the event: applied, ignored or parked. Applied when there was none.
    pub effect: &'static str,
}

/// Advances a shop order. Without the lock (somebody else forwards it for long) only an event is applied: the expected
/// version keeps that right.
pub async fn advance(app: &App, mut request: Forward<'_>) -> Result<Went, Problem> {
    let lock = app.locks.acquire(&format!("order:{}", request.no), LOCK_TTL, LOCK_WAIT).await;
    faults::point("after-lock");
    if lock.is_none() && request.event.is_none() {
        if let Cause::Timer(_) = request.cause {
            // Whoever has the lock may die with it: the timer must not be taken for done.
            return Err(Problem::busy("the order is being forwarded by somebody else").of(request.no));
        }
        return Ok(Went { tree: tree(app, request.no, Freshness::Fresh).await?, effect: "applied" });
    }
    let numbers = match &request.event {
        Some(Event::Exception(_)) => fresh(app, REFUNDS, request.no.slot()).await?.into_iter().map(RefundNo).collect(),
        _ => vec![],
    };
    let mut run = Run { effect: "applied", arrived: None, first: true, numbers };
    let mut freshness = match request.cause {
        Cause::Paid | Cause::Api => Freshness::Cached,
        Cause::Signal | Cause::Timer(_) => Freshness::Fresh,
    };
    let mut conflicts = 0;
    for _ in 0..ROUNDS {
        let before = tree(app, request.no, freshness).await?;
        let shop_no = match must_be_shop_order(&before, request.no) {
            // Merged or split away elsewhere since it was kept in memory.
            Err(_) if freshness == Freshness::Cached => {
                freshness = Freshness::Fresh;
                continue;
            }
            found => found?,
        };
        if before.pay.mode == Mode::Prepaid && before.pay.status == Status::Created && !before.stock_pending() {
            pay::from_wallet(app, before.pay.no, "forward").await?;
            freshness = Freshness::Fresh;
            continue;
        }
        let mut draft = Draft::new(&before, app.clock.now(), &request.actor);
        let decided = match round(app, &mut draft, shop_no, &request, &mut run).await {
            Err(_) if freshness == Freshness::Cached => {
                freshness = Freshness::Fresh;
                continue;
            }
            decided => decided?,
        };
        let ended = match decided {
            Round::Ended(ended) => ended,
            Round::Spoiled(why) => {
                draft = Draft::new(&before, app.clock.now(), &request.actor);
                attention(&mut draft, shop_no, &why);
                Ended::Rest
            }
        };
        if draft.is_empty() {
            let waiting = matches!(draft.tree().shop(shop_no).map(|s| s.status), Some(Status::Created | Status::Paid));
            if freshness == Freshness::Cached && waiting {
                freshness = Freshness::Fresh;
                continue;
            }
            if let Ended::Rest = ended {
                return Ok(Went { tree: before, effect: run.effect });
            }
        }
        let (committed, after) = write(app, draft, shop_no, &request, &run).await;
        match committed {
            Ok(()) => {}
            Err(Denied::Refusal(Refusal::VersionMoved { .. } | Refusal::JournalMoved { .. })) if conflicts < TRIES => {
                conflicts += 1;
                freshness = Freshness::Fresh;
                continue;
            }
            Err(Denied::Refusal(Refusal::ParkedBefore { .. })) => return Ok(Went { tree: before, effect: "parked" }),
            Err(denied) => return Err(denied.into()),
        }
        let after = Arc::new(after);
        (run.arrived, run.first, freshness) = (None, false, Freshness::Cached);
        (request.event, request.keyed) = (None, None);
        let owes =
            |t: &OrderTree| t.refunds.iter().any(|r| r.status == RefundStatus::Pending && r.way == Way::Provider);
        if owes(&after) && !owes(&before) {
            refund::spawn(app, after.pay.no);
        }
        match ended {
            Ended::Rest => return Ok(Went { tree: after, effect: run.effect }),
            Ended::Again => {}
            Ended::Call(outgoing) => run.arrived = Some(call_out(app, *outgoing).await?),
        }
    }
    Err(Problem::busy("the order takes too many rounds; it goes on by itself").of(request.no))
}

/// What one forward carries from round to round.
struct Run {
    effect: &'static str,
    arrived: Option<Arrived>,
    first: bool,
    /// For the refunds that the event may owe.
    numbers: Vec<RefundNo>,
}

enum Round {
    Ended(Ended),
    /// An answer does not fit the order: the draft is thrown away.
    Spoiled(String),
}

async fn write(
    app: &App,
    mut draft: Draft,
    no: OrderNo,
    request: &Forward<'_>,
    run: &Run,
) -> (Result<(), Denied>, OrderTree) {
    if let Some(keyed) = request.keyed {
        match keyed.claim(&event_answer(draft.tree(), no, run.effect)) {
            Ok(claim) => draft.change.claim = claim,
            Err(problem) => return (Err(problem.into()), draft.finish().1),
        }
    }
    if let Some(parked) = request.parked.filter(|_| run.first && run.effect != "parked") {
        draft.change.unpark.push(unpark(parked, None));
    }
    let (change, after) = draft.finish();
    faults::point("before-commit");
    let committed = commit(app, change).await;
    faults::point("after-commit-before-answer");
    (committed, after)
}

/// The end of a parked event.
pub(crate) fn unpark(parked: &Parked, dead: Option<String>) -> Unpark {
    Unpark { shop_no: parked.shop_no, event: parked.event.clone(), id: parked.id.clone(), dead }
}

/// Refuses one more early event of an order that has too many.
async fn room_to_park(app: &App, draft: &Draft, request: &Forward<'_>) -> Result<(), Problem> {
    let Some(new) = draft.change.park.first().filter(|_| request.parked.is_none()) else { return Ok(()) };
    let parked = app.store.parked(new.shop_no).await.map_err(store_problem)?;
    if parked.len() < PARKED_MAX || parked.iter().any(|one| (&one.event, &one.id) == (&new.event, &new.id)) {
        return Ok(());
    }
    let detail = format!("{PARKED_MAX} early events wait already; the order does not take more");
    Err(Problem::conflict("too-many-parked", detail).of(new.shop_no))
}

async fn round(
    app: &App,
    draft: &mut Draft,
    no: OrderNo,
    request: &Forward<'_>,
    run: &mut Run,
) -> Result<Round, Problem> {
    let mut trigger = None;
    if run.first {
        run.effect = "applied";
        if let Cause::Timer(attempt) = request.cause {
            rearm(app, draft, no, attempt);
        }
        if let Some(event) = &request.event {
            match happen(app, draft, no, event, request, &run.numbers)? {
                Happened::Applied(asks) => trigger = asks,
                Happened::Ignored => run.effect = "ignored",
                Happened::Parked => {
                    room_to_park(app, draft, request).await?;
                    run.effect = "parked";
                }
                Happened::Spoiled(why) => return Err(Problem::conflict("wrong-shipment", why).of(no)),
            }
            if run.effect != "applied" {
                return Ok(Round::Ended(Ended::Rest));
            }
        }
    }
    let mut arrived = run.arrived.clone();
    loop {
        let Some(shop) = draft.tree().shop(no).cloned() else { return Ok(Round::Ended(Ended::Rest)) };
        let next = next(draft, &shop, trigger.clone());
        if !matches!(next, Next::Revoke(_)) {
            trigger = None;
        }
        let ended = match next {
            Next::Rest => return Ok(Round::Ended(Ended::Rest)),
            Next::Revoke(no) => {
                if asks_supplier(app, draft, &shop, no) {
                    questions::revoke(app, draft, &shop, no, arrived.take(), request.cause).await
                } else {
                    pay_back(app, draft, no).await
                }
            }
            Next::Deduct => questions::deduct(app, draft, &shop, arrived.take(), request.cause).await,
            Next::Ship => questions::ship(app, draft, &shop, arrived.take(), request.cause).await,
            Next::Receive(trigger) => {
                questions::receive(app, draft, &shop, trigger, arrived.take(), request.cause).await
            }
        };
        match ended? {
            Asked::Done => {}
            Asked::Ended(ended) => return Ok(Round::Ended(ended)),
            Asked::Spoiled(why) => return Ok(Round::Spoiled(why)),
        }
    }
}

/// A hook that was suspended goes on; else the supplier is asked where it has something to take back.
fn asks_supplier(app: &App, draft: &Draft, shop: &ShopOrder, no: Option<AftersaleNo>) -> bool {
    let row = no.and_then(|no| draft.tree().aftersales.iter().find(|a| a.no == no));
    row.is_none_or(|row| aftersale::asks_supplier(app, draft.tree(), shop, row))
}

/// Begins the refund of an after-sale that waits for nobody.
async fn pay_back(app: &App, draft: &mut Draft, no: Option<AftersaleNo>) -> Result<Asked, Problem> {
    let row = no.and_then(|no| draft.tree().aftersales.iter().find(|a| a.no == no)).cloned();
    if let Some(row) = row {
        let numbers = aftersale::numbers(app, row.shop_no).await?.refunds;
        decide::proceed(draft, row.no, &refund::line_rules(app, &row.business), &numbers)?;
    }
    Ok(Asked::Done)
}

enum Next {
    Rest,
    /// What an approved after-sale is about is taken back at its supplier, if there is one, and the money goes back. None
    /// resumes the hook: its after-sale is frozen in its input.
    Revoke(Option<AftersaleNo>),
    Deduct,
    Ship,
    /// With the trigger, unless the hook is resumed: then its own is frozen in its input.
    Receive(Option<Trigger>),
}

fn next(draft: &Draft, shop: &ShopOrder, trigger: Option<Trigger>) -> Next {
    if shop.suspended.as_ref().is_some_and(|s| s.hook == SuspendedHook::Revoke) {
        return Next::Revoke(None);
    }
    if let Some(row) = decide::ready(draft.tree(), shop) {
        return Next::Revoke(Some(row.no));
    }
    // Goods that may be refunded are not sent; what a supplier is already doing goes on.
    let held = shop.suspended.is_none() && draft.tree().aftersales_of(shop.no).any(Aftersale::keeps_from_shipping);
    match (shop.status, shop.sub_status) {
        (Status::Paid, SubStatus::ToDeduct) => Next::Deduct,
        (Status::Paid, SubStatus::ToShip) if shop.packed_at.is_none() && held => Next::Rest,
        (Status::Paid, SubStatus::ToShip) if shop.packed_at.is_none() => Next::Ship,
        (Status::Shipped, SubStatus::None) if shop.suspended.is_some() => Next::Receive(None),
        (Status::Shipped, SubStatus::None) if trigger.is_some() => Next::Receive(trigger),
        (Status::Shipped, SubStatus::None) if shop.pending_signals > 0 => Next::Receive(None),
        // Shipped and handed over in this very draft: the last delivery asks the hook.
        (Status::Shipped, SubStatus::None)
            if shop.packed_at == Some(draft.at())
                && ship::all_delivered(draft, shop.no)
                && !draft.change.flows.iter().any(|f| f.shop_no == shop.no && f.event == "not_received") =>
        {
            Next::Receive(Some(Trigger::Delivered))
        }
        _ => Next::Rest,
    }
}

/// A timer that fired is put forward before anything else, so that it never fires in a tight loop.
fn rearm(app: &App, draft: &mut Draft, no: OrderNo, attempt: i64) {
    let Some(shop) = draft.tree().shop(no) else { return };
    let resting = shop.status == Status::Shipped && shop.suspended.is_none() && shop.pending_signals == 0;
    let packed = shop.status == Status::Paid && shop.packed_at.is_some();
    let held = shop.suspended.is_none() && draft.tree().aftersales_of(no).any(Aftersale::keeps_from_shipping);
    let at_rest =
        held || shop.status.is_final() || shop.status == Status::Received || shop.sub_status == SubStatus::Closing;
    if resting || packed || at_rest {
        draft.disarm(no, TimerKind::Compensate);
    } else if attempt >= ATTEMPTS {
        attention(draft, no, "the order does not advance; see its decisions and drive it on");
    } else {
        let pause = pay::compensate_ms(app, draft.tree()) << attempt.clamp(0, 16);
        let due = draft.at() + pause.clamp(PARK_PAUSE_MS, LONGEST_PAUSE_MS);
        draft.arm(no, TimerKind::Compensate, due, attempt + 1);
    }
}
