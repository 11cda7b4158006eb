//! The rounds of forward: read, draft, commit, call; again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::ask::Ended;
use super::outside::{Arrived, call_out};
use super::{Cause, Event, Forward};
use crate::app::orders::{Denied, Freshness, TRIES, commit, event_answer, must_be_shop_order, tree, wrong_state};
use crate::app::problem::Problem;
use crate::app::{App, aftersale, pay, refund};
use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Parked, Refusal, TimerKind, Unpark};
use crate::domain::decide::aftersale::{self as decide, Moved};
use crate::domain::decide::ship;
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::hook::Trigger;
use crate::domain::ids::{AftersaleNo, Millis, OrderNo};
use crate::domain::lifecycle::{Event as Move, Judgement, judge};
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
/// First pause of a parked event.
const PARK_PAUSE_MS: Millis = 1_000;

/// How the actors of those who act for a buyer begin.
const STAFF: [&str; 2] = ["operator:", "admin:"];

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
        return Ok(Went { tree: tree(app, request.no, Freshness::Fresh).await?, effect: "applied" });
    }
    let mut run = Run { effect: "applied", arrived: None, first: true };
    let mut freshness = match request.cause {
        Cause::Paid | Cause::Api => Freshness::Cached,
        Cause::Signal | Cause::Timer(_) => Freshness::Fresh,
    };
    let mut conflicts = 0;
    for _ in 0..ROUNDS {
        let before = tree(app, request.no, freshness).await?;
        let shop_no = must_be_shop_order(&before, request.no)?;
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
                super::ask::attention(&mut draft, shop_no, &why);
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
            match happen(app, draft, no, event, request)? {
                Happened::Applied(asks) => trigger = asks,
                Happened::Ignored => run.effect = "ignored",
                Happened::Parked => run.effect = "parked",
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
        let ended = match next(draft, &shop, trigger.take()) {
            Next::Rest => return Ok(Round::Ended(Ended::Rest)),
            Next::Revoke(no) => {
                if no.is_none() || aftersale::must_revoke(app, &shop) {
                    super::ask::revoke(app, draft, &shop, no, arrived.take(), request.cause).await
                } else {
                    pay_back(app, draft, no).await
                }
            }
            Next::Deduct => super::ask::deduct(app, draft, &shop, arrived.take(), request.cause).await,
            Next::Ship => super::ask::ship(app, draft, &shop, arrived.take(), request.cause).await,
            Next::Receive(trigger) => {
                super::ask::receive(app, draft, &shop, trigger, arrived.take(), request.cause).await
            }
        };
        match ended? {
            super::ask::Asked::Done => {}
            super::ask::Asked::Ended(ended) => return Ok(Round::Ended(ended)),
            super::ask::Asked::Spoiled(why) => return Ok(Round::Spoiled(why)),
        }
    }
}

/// Begins the refund of an after-sale that waits for nobody.
async fn pay_back(app: &App, draft: &mut Draft, no: Option<AftersaleNo>) -> Result<super::ask::Asked, Problem> {
    let row = no.and_then(|no| draft.tree().aftersales.iter().find(|a| a.no == no)).cloned();
    if let Some(row) = row {
        let numbers = aftersale::numbers(app, row.shop_no).await?.refunds;
        decide::proceed(draft, row.no, &refund::line_rules(app, &row.business), &numbers)?;
    }
    Ok(super::ask::Asked::Done)
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
    let at_rest = shop.status.is_final() || shop.status == Status::Received || shop.sub_status == SubStatus::Closing;
    if resting || packed || at_rest {
        draft.disarm(no, TimerKind::Compensate);
    } else if attempt >= ATTEMPTS {
        super::ask::attention(draft, no, "the order does not advance; see its decisions and drive it on");
    } else {
        let pause = pay::compensate_ms(app, draft.tree()) << attempt.clamp(0, 16);
        let due = draft.at() + pause.clamp(PARK_PAUSE_MS, LONGEST_PAUSE_MS);
        draft.arm(no, TimerKind::Compensate, due, attempt + 1);
    }
}

enum Happened {
    /// Done; the hook may have to be asked.
    Applied(Option<Trigger>),
    Ignored,
    Parked,
    Spoiled(String),
}

fn happen(
    app: &App,
    draft: &mut Draft,
    no: OrderNo,
    event: &Event,
    request: &Forward<'_>,
) -> Result<Happened, Problem> {
    let Some(shop) = draft.tree().shop(no).cloned() else { return Ok(Happened::Ignored) };
    if let Some(exchanged) = exchange(draft, no, event)? {
        return Ok(exchanged);
    }
    let (moves, word) = match event {
        Event::Ship(_) => (Move::Ship, "ship"),
        Event::Deliver(_) => (Move::Deliver, "deliver"),
        Event::Receive(_) => (Move::Receive, "receive"),
    };
    let unpacked = shop.status == Status::Paid && shop.packed_at.is_none();
    let judged = match judge(moves, shop.status, shop.sub_status) {
        Judgement::Apply if moves == Move::Ship && unpacked => Judgement::Early,
        judged => judged,
    };
    match (judged, event) {
        (Judgement::Apply, Event::Ship(notice)) => {
            if let Some(no) = held_by(draft, &shop, notice) {
                let detail = format!("after-sale {no} is open on what would be sent: decide it first");
                return Err(Problem::conflict("aftersale-open", detail).of(shop.no));
            }
            if repeats(draft, no, notice) {
                draft.ignore(no, word, notice.waybill.clone());
                return Ok(Happened::Ignored);
            }
            Ok(match ship::shipped(draft, no, notice) {
                Ok(()) => Happened::Applied(None),
                Err(bad) => Happened::Spoiled(bad.to_string()),
            })
        }
        (Judgement::Apply, Event::Deliver(wanted)) => Ok(deliver(draft, no, *wanted)),
        (Judgement::Apply, Event::Receive(trigger)) => {
            // A buyer's own word is in the flow; that somebody else said it for the buyer is logged.
            if STAFF.iter().any(|role| request.actor.starts_with(role)) {
                draft.operated(no, word, "", (json!({"status": shop.status}), json!({"asked": "receive"})));
            }
            Ok(Happened::Applied(Some(trigger.clone())))
        }
        (Judgement::Late, _) => {
            draft.ignore(no, word, "late or a repeat");
            Ok(Happened::Ignored)
        }
        (Judgement::Early, Event::Ship(_) | Event::Deliver(_)) => {
            park(app, draft, &shop, event, request);
            Ok(Happened::Parked)
        }
        (Judgement::Early | Judgement::Refused, _) => Err(wrong_state(draft.tree(), no, past(moves))),
    }
}

/// A notice about the new goods of an exchange: they never move the order's state.
fn exchange(draft: &mut Draft, no: OrderNo, event: &Event) -> Result<Option<Happened>, Problem> {
    let named = match event {
        Event::Ship(notice) => notice.shipment_no,
        Event::Deliver(shipment_no) => *shipment_no,
        Event::Receive(_) => None,
    };
    let row = draft.tree().shipments.iter().find(|s| Some(s.no) == named && s.aftersale_no.is_some()).cloned();
    let Some(row) = row else { return Ok(None) };
    let moved = match event {
        Event::Ship(notice) => decide::shipped(draft, &row, notice)?,
        Event::Deliver(_) => decide::delivered(draft, &row)?,
        Event::Receive(_) => return Ok(None),
    };
    Ok(Some(match moved {
        Moved::Yes => Happened::Applied(None),
        Moved::Late => {
            draft.ignore(no, "exchange", "late or a repeat");
            Happened::Ignored
        }
        Moved::Early => Happened::Spoiled("the new goods have not left yet".into()),
    }))
}

/// The open after-sale that is about what a notice says has left.
fn held_by(draft: &Draft, shop: &ShopOrder, notice: &crate::domain::change::ShipNotice) -> Option<AftersaleNo> {
    let waiting = |s: &&Shipment| s.status == ShipmentStatus::Created && notice.shipment_no.is_none_or(|no| no == s.no);
    let lines: Vec<u32> =
        draft.tree().shipments_of(shop.no).filter(waiting).flat_map(|s| &s.items).map(|packed| packed.line).collect();
    let about = |a: &&Aftersale| {
        let items = a.items.iter().filter_map(|c| shop.items.iter().find(|i| i.no == c.item_no));
        a.keeps_from_shipping() && items.into_iter().any(|item| lines.contains(&item.line))
    };
    draft.tree().aftersales_of(shop.no).find(about).map(|a| a.no)
}

fn past(moves: Move) -> &'static str {
    match moves {
        Move::Ship => "shipped",
        Move::Deliver => "delivered",
        Move::Pay | Move::Deduct | Move::Receive | Move::Complete | Move::Cancel | Move::Undo => "received",
    }
}

/// Another notice about a shipment that left with the same waybill.
fn repeats(draft: &Draft, no: OrderNo, notice: &crate::domain::change::ShipNotice) -> bool {
    let same = |s: &Shipment| {
        s.status != ShipmentStatus::Created
            && s.waybill.as_deref() == Some(notice.waybill.as_str())
            && notice.shipment_no.is_none_or(|n| n == s.no)
    };
    draft.tree().shipments_of(no).any(same)
}

fn deliver(draft: &mut Draft, no: OrderNo, wanted: Option<crate::domain::ids::ShipmentNo>) -> Happened {
    let named = |s: &&Shipment| wanted.is_none_or(|n| n == s.no);
    let mine: Vec<Shipment> = draft.tree().shipments_of(no).filter(named).cloned().collect();
    let on_their_way: Vec<&Shipment> = mine.iter().filter(|s| s.status == ShipmentStatus::Shipped).collect();
    match (on_their_way.as_slice(), mine.iter().any(|s| s.status == ShipmentStatus::Delivered)) {
        ([shipment], _) => {
            let last = ship::delivered(draft, shipment);
            let received = last && draft.tree().shop(no).is_some_and(|s| s.status == Status::Shipped);
            Happened::Applied(received.then_some(Trigger::Delivered))
        }
        ([], true) => {
            draft.ignore(no, "deliver", "delivered before");
            Happened::Ignored
        }
        ([], false) => Happened::Spoiled("no such shipment is on its way".into()),
        (_, _) => Happened::Spoiled("several shipments are on their way: name one by shipment_no".into()),
    }
}

fn park(app: &App, draft: &mut Draft, shop: &ShopOrder, event: &Event, request: &Forward<'_>) {
    let (at, no) = (draft.at(), shop.no);
    if request.parked.is_some() {
        return;
    }
    let (word, id, payload) = match event {
        Event::Ship(notice) => ("ship", notice.waybill.clone(), serde_json::to_string(notice)),
        Event::Deliver(wanted) => {
            ("deliver", wanted.map(|n| n.to_string()).unwrap_or_default(), serde_json::to_string(wanted))
        }
        Event::Receive(_) => return,
    };
    let keep = app.catalogue.now().businesses.get(&shop.business).map_or(86_400_000, |b| b.rules.park_ms);
    draft.change.park.push(Parked {
        shop_no: no,
        event: word.to_owned(),
        id,
        payload: payload.unwrap_or_default(),
        at,
        expires_at: at + keep,
    });
    draft.arm(no, TimerKind::Parked, at + PARK_PAUSE_MS, 0);
}
