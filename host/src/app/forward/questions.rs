//! What each hook is asked, and what its answer does to the order.

use super::Cause;
use super::ask::{Asked, Ended, ask, signal};
use super::outside::Arrived;
use crate::app::App;
use crate::app::fulfilment;
use crate::app::numbers::fresh;
use crate::app::orders::store_problem;
use crate::app::problem::Problem;
use crate::app::refund::line_rules;
use crate::domain::decide::refund::REFUNDS;
use crate::domain::decide::ship::Sealed;
use crate::domain::decide::{aftersale, receive as receiving, ship as shipping, view};
use crate::domain::draft::Draft;
use crate::domain::hook::{
    DeductInput, OrderView, ReceiveInput, Received, RefundLine, RevokeInput, Revoked, ShipInput, Shipment, Shipped,
    Step, Trigger, Verdict,
};
use crate::domain::ids::{AftersaleNo, OrderNo, RefundNo, ShipmentNo};
use crate::domain::order::ShopOrder;
use crate::plugin::Outcome;
use crate::secrets::Place;

/// Of a revoke's extras: the after-sale that it is for.
const AFTERSALE: &str = "aftersale";

/// Asks `deduct`.
pub(super) async fn deduct(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let input = DeductInput {
        order: order_view(draft, shop)?,
        payment: view::payment_view(draft.tree()).ok_or_else(|| Problem::internal("a paid order has its payment"))?,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    answered.apply(app, draft, shop, cause, |draft, _, done| shipping::deducted(draft, shop.no, &done)).await
}

/// Asks `ship`. Delivery secrets are sealed before they come near the draft.
pub(super) async fn ship(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let input = ShipInput {
        order: order_view(draft, shop)?,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(mut answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    let sealed = match answered.call.outcome.ok_mut() {
        Some(Step::Done(done)) => seal(app, shop.no, done).await?,
        _ => vec![],
    };
    let pack = |draft: &mut Draft, _: &ShipInput, done: Shipped| {
        shipping::packed(draft, shop.no, &done, &sealed)?;
        fulfilment::arm(app, draft, shop);
        Ok(())
    };
    answered.apply(app, draft, shop, cause, pack).await
}

/// Asks `receive`: with a trigger, with the oldest signal, or again where it was suspended.
pub(super) async fn receive(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    trigger: Option<Trigger>,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let mut consumed = None;
    let trigger = match trigger {
        Some(trigger) => trigger,
        None if shop.suspended.is_some() => Trigger::Timer, // Replaced by the frozen input.
        None => {
            let Some(row) = app.store.oldest_signal(shop.no, None).await.map_err(store_problem)? else {
                return Ok(Asked::Ended(Ended::Rest));
            };
            consumed = Some(row.key.clone());
            Trigger::Signal(signal(app, row)?)
        }
    };
    let input = ReceiveInput {
        order: order_view(draft, shop)?,
        trigger,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: vec![],
    };
    let Some(mut answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    answered.consumed = answered.consumed.or(consumed);
    if let Outcome::Ok(Step::Done(done)) = &answered.call.outcome
        && let Verdict::Refused(why) = &done.verdict
    {
        let why = why.clone();
        return answered.undo(app, draft, shop, &why).await;
    }
    let apply = |draft: &mut Draft, input: &ReceiveInput, done: Received| {
        let how = match &input.trigger {
            Trigger::Buyer => "buyer",
            Trigger::Delivered => "delivered",
            Trigger::Timer => "timer",
            Trigger::Signal(signal) => signal.name.as_str(),
        };
        match done.verdict {
            Verdict::Confirmed => receiving::received(draft, shop.no, &done, how),
            Verdict::NotYet | Verdict::Refused(_) => receiving::not_yet(draft, shop.no, &done, how),
        }
    };
    answered.apply(app, draft, shop, cause, apply).await
}

/// Asks `aftersale.revoke`: what was done at the supplier for these units is undone before their money goes back. The
/// after-sale's number is in the input's extras, so that a resumed hook knows whose it is.
pub(super) async fn revoke(
    app: &App,
    draft: &mut Draft,
    shop: &ShopOrder,
    no: Option<AftersaleNo>,
    arrived: Option<Arrived>,
    cause: Cause,
) -> Result<Asked, Problem> {
    let row = no.and_then(|no| draft.tree().aftersales.iter().find(|a| a.no == no));
    let line = |item_no| shop.items.iter().find(|i| i.no == item_no).map(|i| i.line);
    let units = row.into_iter().flat_map(|a| &a.items).filter(|claim| claim.quantity > 0);
    let items = units.filter_map(|c| Some(RefundLine { line: line(c.item_no)?, quantity: c.quantity })).collect();
    let input = RevokeInput {
        order: order_view(draft, shop)?,
        items,
        now: draft.at(),
        settings: settings(app, shop),
        journal: vec![],
        extra: no.map(|no| (AFTERSALE.to_owned(), no.to_string())).into_iter().collect(),
    };
    let numbers: Vec<RefundNo> = fresh(app, REFUNDS, shop.no.slot()).await?.into_iter().map(RefundNo).collect();
    let Some(answered) = ask(app, draft, shop, input, arrived, cause).await? else {
        return Ok(Asked::Ended(Ended::Rest));
    };
    let named = answered.input.extra.iter().find(|(key, _)| key == AFTERSALE).and_then(|(_, no)| no.parse().ok());
    let Some(no) = named else { return Ok(Asked::Spoiled("a revoke names no after-sale".into())) };
    let rules = line_rules(app, &shop.business);
    if !draft.tree().aftersales.iter().any(|a| a.no == no && aftersale::is_due(a)) {
        // It ended while its supplier was asked: the answer is kept, and nothing more is done for it.
        draft.stay(shop.no, "revoke", "its after-sale is over").suspended = None;
        answered.record(app, draft, shop);
        return Ok(Asked::Ended(Ended::Again));
    }
    if let Outcome::Rejected(why) = &answered.call.outcome {
        let why = why.clone();
        draft.stay(shop.no, "aftersale_reject", why.clone()).suspended = None;
        if let Err(cannot) = aftersale::not_revoked(draft, no, &rules, &why) {
            return Ok(Asked::Spoiled(cannot.to_string()));
        }
        answered.record(app, draft, shop);
        return Ok(Asked::Ended(Ended::Again));
    }
    let apply = |draft: &mut Draft, _: &RevokeInput, done: Revoked| {
        let row = draft.stay(shop.no, "revoke", no.to_string());
        row.suspended = None;
        shipping::merge(&mut row.attributes, &done.attributes)?;
        aftersale::proceed(draft, no, &rules, &numbers)?;
        Ok(())
    };
    answered.apply(app, draft, shop, cause, apply).await
}

fn order_view(draft: &Draft, shop: &ShopOrder) -> Result<OrderView, Problem> {
    view::order_view(draft.tree(), shop.no).ok_or_else(|| Problem::internal("a shop order is in its tree"))
}

fn settings(app: &App, shop: &ShopOrder) -> String {
    app.catalogue.now().businesses.get(&shop.business).map_or_else(|| "{}".into(), |b| b.settings.to_string())
}

async fn seal(app: &App, no: OrderNo, done: &mut Shipped) -> Result<Vec<Sealed>, Problem> {
    let numbers = fresh(app, done.shipments.len(), no.slot()).await?;
    let shop = no.to_string();
    let seal_one = |(shipment, number): (&mut Shipment, i64)| {
        let secrets: Vec<(String, String)> =
            std::mem::take(&mut shipment.secrets).into_iter().map(|s| (s.name, s.value)).collect();
        let plain = serde_json::to_vec(&secrets).map_err(Problem::internal)?;
        let sealed = (!secrets.is_empty()).then(|| app.sealer.seal(Place(&["shipment", &shop]), &plain));
        Ok(Sealed { no: ShipmentNo(number), secrets: sealed })
    };
    done.shipments.iter_mut().zip(numbers).map(seal_one).collect()
}
