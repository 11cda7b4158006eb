//! What happens to packages, judged by the tables of order and shipment: applied, ignored, or parked until its turn.

use serde_json::json;

use super::{Event, Forward};
use crate::app::App;
use crate::app::orders::wrong_state;
use crate::app::problem::Problem;
use crate::app::refund::line_rules;
use crate::domain::aftersale::Aftersale;
use crate::domain::change::{Parked, ShipNotice, TimerKind};
use crate::domain::decide::aftersale::{self, Moved};
use crate::domain::decide::{exception, ship};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{ExceptionKind, Shipment, ShipmentStatus};
use crate::domain::hook::Trigger;
use crate::domain::ids::{AftersaleNo, Millis, OrderNo, RefundNo, ShipmentNo};
use crate::domain::lifecycle::{Event as Move, Judgement, judge, judge_shipment};
use crate::domain::order::{ShopOrder, Status};

/// First pause of a parked event.
pub(super) const PARK_PAUSE_MS: Millis = 1_000;
/// How long an early event waits where its line is gone.
const PARK_MS: Millis = 86_400_000;

/// How the actors of those who act for a buyer begin.
const STAFF: [&str; 2] = ["operator:", "admin:"];

/// What became of an event.
pub(super) enum Happened {
    /// Done; the hook may have to be asked.
    Applied(Option<Trigger>),
    Ignored,
    Parked,
    Spoiled(String),
}

/// Judges an event and does it on the draft. `numbers` are for refunds that it owes.
pub(super) fn happen(
    app: &App,
    draft: &mut Draft,
    no: OrderNo,
    event: &Event,
    request: &Forward<'_>,
    numbers: &[RefundNo],
) -> Result<Happened, Problem> {
    let Some(shop) = draft.tree().shop(no).cloned() else { return Ok(Happened::Ignored) };
    if let Some(exchanged) = exchange(app, draft, &shop, event, request)? {
        return Ok(exchanged);
    }
    let (moves, word) = match event {
        Event::Ship(_) => (Move::Ship, "ship"),
        Event::Deliver(_) => (Move::Deliver, "deliver"),
        Event::Exception(notice) => (Move::Exception, notice.kind.word()),
        Event::Receive(_) => (Move::Receive, "receive"),
    };
    let unpacked = shop.status == Status::Paid && shop.packed_at.is_none();
    let judged = match judge(moves, shop.status, shop.sub_status) {
        Judgement::Apply if moves == Move::Ship && unpacked => Judgement::Early,
        judged => judged,
    };
    match (judged, event) {
        (Judgement::Late, _) => {
            draft.ignore(no, word, "late or a repeat");
            Ok(Happened::Ignored)
        }
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
        (Judgement::Apply, Event::Receive(trigger)) => {
            if shop.suspended.is_some() && *trigger != Trigger::Timer {
                let detail = "its supplier is being asked about it right now; try again when that is known";
                return Err(Problem::conflict("hook-in-flight", detail).of(no));
            }
            // A buyer's own word is in the flow; that somebody else said it for the buyer is logged.
            if STAFF.iter().any(|role| request.actor.starts_with(role)) {
                draft.operated(no, word, "", (json!({"status": shop.status}), json!({"asked": "receive"})));
            }
            Ok(Happened::Applied(Some(trigger.clone())))
        }
        (Judgement::Apply | Judgement::Early, Event::Deliver(wanted)) => {
            match pick(draft, no, *wanted, |s| judge_shipment(moves, s.status)) {
                Picked::One(shipment) if judged == Judgement::Apply => Ok(deliver(draft, &shipment)),
                other => aside(app, draft, &shop, event, request, (judged, other)),
            }
        }
        (Judgement::Apply | Judgement::Early, Event::Exception(notice)) => {
            let marked = |s: &Shipment| notice.kind == ExceptionKind::Delayed && s.delayed_at.is_some();
            let judgement = |s: &Shipment| match judge_shipment(moves, s.status) {
                Judgement::Apply if marked(s) => Judgement::Late,
                judged => judged,
            };
            match pick(draft, no, notice.shipment_no, judgement) {
                Picked::One(shipment) if judged == Judgement::Apply => {
                    in_flight(draft, &shop, &shipment, notice.kind)?;
                    let rules = line_rules(app, &shop.business);
                    let last = exception::happened(draft, &shipment, notice.kind, &notice.note, &rules, numbers);
                    Ok(Happened::Applied(last.then_some(Trigger::Delivered)))
                }
                other => aside(app, draft, &shop, event, request, (judged, other)),
            }
        }
        (Judgement::Early, Event::Ship(_)) => {
            park(app, draft, &shop, event, request)?;
            Ok(Happened::Parked)
        }
        (Judgement::Early, Event::Receive(_)) | (Judgement::Refused, _) => {
            Err(wrong_state(draft.tree(), no, past(moves)))
        }
    }
}

/// A notice about the new goods of an exchange: they never move the order's state.
fn exchange(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    event: &Event,
    request: &Forward<'_>,
) -> Result<Option<Happened>, Problem> {
    let no = shop.no;
    let named = match event {
        Event::Ship(notice) => notice.shipment_no,
        Event::Deliver(shipment_no) => *shipment_no,
        Event::Exception(notice) => notice.shipment_no,
        Event::Receive(_) => None,
    };
    let row =
        draft.tree().shipments.iter().find(|s| Some(s.no) == named && s.aftersale_no.is_some() && s.shop_no == no);
    let row = row.cloned();
    let Some(row) = row else { return Ok(None) };
    let moved = match event {
        Event::Ship(notice) => aftersale::shipped(draft, &row, notice)?,
        Event::Deliver(_) => aftersale::delivered(draft, &row)?,
        Event::Exception(notice) => aftersale::went_wrong(draft, &row, notice.kind, &notice.note)?,
        Event::Receive(_) => return Ok(None),
    };
    Ok(Some(match moved {
        Moved::Yes => Happened::Applied(None),
        Moved::Late => {
            draft.ignore(no, "exchange", "late or a repeat");
            Happened::Ignored
        }
        Moved::Early => {
            park(app, draft, shop, event, request)?;
            Happened::Parked
        }
    }))
}

/// The open after-sale that is about what a notice says has left.
fn held_by(draft: &Draft, shop: &ShopOrder, notice: &ShipNotice) -> Option<AftersaleNo> {
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
        Move::Exception => "lost, refused or late",
        Move::Pay | Move::Deduct | Move::Receive | Move::Complete | Move::Cancel | Move::Undo => "received",
    }
}

/// Another notice about a shipment that left with the same waybill.
fn repeats(draft: &Draft, no: OrderNo, notice: &ShipNotice) -> bool {
    let same = |s: &Shipment| {
        s.status != ShipmentStatus::Created
            && s.waybill.as_deref() == Some(notice.waybill.as_str())
            && notice.shipment_no.is_none_or(|n| n == s.no)
    };
    draft.tree().shipments_of(no).any(same)
}

/// The shipment an event is about.
enum Picked {
    One(Box<Shipment>),
    /// None that can take it, but one that did.
    Late,
    /// None that can take it, but one that will.
    Early,
    None,
    Several,
}

fn pick(draft: &Draft, no: OrderNo, wanted: Option<ShipmentNo>, judge: impl Fn(&Shipment) -> Judgement) -> Picked {
    let mine = || draft.tree().shipments_of(no).filter(|s| wanted.is_none_or(|n| n == s.no));
    let mut taking = mine().filter(|s| judge(s) == Judgement::Apply);
    match (taking.next(), taking.next()) {
        (Some(one), None) => Picked::One(Box::new(one.clone())),
        (Some(_), Some(_)) => Picked::Several,
        (None, _) if mine().any(|s| judge(s) == Judgement::Late) => Picked::Late,
        (None, _) if mine().any(|s| judge(s) == Judgement::Early) => Picked::Early,
        (None, _) => Picked::None,
    }
}

/// What becomes of an event about a package that cannot take it now. `judged` is the order's own judgement.
fn aside(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    event: &Event,
    request: &Forward<'_>,
    (judged, picked): (Judgement, Picked),
) -> Result<Happened, Problem> {
    let word = match event {
        Event::Exception(notice) => notice.kind.word(),
        Event::Ship(_) | Event::Deliver(_) | Event::Receive(_) => "deliver",
    };
    let unpaid = draft.tree().shipments_of(shop.no).next().is_none();
    Ok(match picked {
        Picked::Late => {
            draft.ignore(shop.no, word, "late or a repeat");
            Happened::Ignored
        }
        Picked::Early | Picked::One(_) => {
            park(app, draft, shop, event, request)?;
            Happened::Parked
        }
        Picked::None if unpaid && judged == Judgement::Early => {
            park(app, draft, shop, event, request)?;
            Happened::Parked
        }
        Picked::None => Happened::Spoiled("no such shipment is on its way".into()),
        Picked::Several => Happened::Spoiled("several shipments are on their way: name one by shipment_no".into()),
    })
}

fn deliver(draft: &mut Draft, shipment: &Shipment) -> Happened {
    let last = ship::delivered(draft, shipment);
    let received = last && draft.tree().shop(shipment.shop_no).is_some_and(|s| s.status == Status::Shipped);
    Happened::Applied(received.then_some(Trigger::Delivered))
}

/// While a hook's call is on its way, its order is not undone: what the other side does would be forgotten.
fn in_flight(draft: &Draft, shop: &ShopOrder, shipment: &Shipment, kind: ExceptionKind) -> Result<(), Problem> {
    let calls = shop.suspended.as_ref().is_some_and(|suspended| suspended.wait.is_none());
    let last = !draft.tree().shipments_of(shop.no).any(|s| s.no != shipment.no && s.remains());
    if calls && last && kind != ExceptionKind::Delayed {
        return Err(Problem::busy("its supplier is being asked right now; try again when that is known").of(shop.no));
    }
    Ok(())
}

fn park(app: &App, draft: &mut Draft, shop: &ShopOrder, event: &Event, request: &Forward<'_>) -> Result<(), Problem> {
    let (at, no) = (draft.at(), shop.no);
    if request.parked.is_some() {
        return Ok(());
    }
    let name = |wanted: Option<ShipmentNo>| wanted.map(|n| n.to_string()).unwrap_or_default();
    let (word, id, payload) = match event {
        Event::Ship(notice) => ("ship", notice.waybill.clone(), serde_json::to_string(notice)),
        Event::Deliver(wanted) => ("deliver", name(*wanted), serde_json::to_string(wanted)),
        Event::Exception(notice) => {
            ("exception", format!("{}:{}", notice.kind, name(notice.shipment_no)), serde_json::to_string(notice))
        }
        Event::Receive(_) => return Ok(()),
    };
    let keep = app.catalogue.now().businesses.get(&shop.business).map_or(PARK_MS, |b| b.rules.park_ms);
    draft.change.park.push(Parked {
        shop_no: no,
        event: word.to_owned(),
        id,
        payload: payload.map_err(Problem::internal)?,
        at,
        expires_at: at + keep,
    });
    draft.arm(no, TimerKind::Parked, at + PARK_PAUSE_MS, 0);
    Ok(())
}
