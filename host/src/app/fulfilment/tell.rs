//! Telling the service: `POST <url>/shipments` for a package that waits, `POST <url>/shipments/<no>/cancel` for one that
//! must not leave any more. By timer, until it has taken each.

use std::sync::Arc;

use serde_json::{Value, json};

use super::SECRET;
use crate::app::App;
use crate::app::forward::line_secret;
use crate::app::orders::{Decided, change};
use crate::app::problem::Problem;
use crate::app::refund::line_rules;
use crate::domain::change::TimerKind;
use crate::domain::decide::tell as decide;
use crate::domain::draft::Draft;
use crate::domain::fulfilment::Shipment;
use crate::domain::ids::{BusinessCode, Millis, OrderNo};
use crate::domain::order::ShopOrder;
use crate::domain::tree::OrderTree;
use crate::egress::{Exchange, Method, webhook};
use crate::telemetry::metrics::FULFILMENT_CALLS;

/// Before the second try, milliseconds; doubles.
const FIRST_PAUSE_MS: Millis = 2_000;
/// The pause doubles up to this.
const LONGEST_PAUSE_MS: Millis = 3_600_000;
/// After this many tries a person must look; as long as the order is open it is tried on all the same.
const TRIES: i64 = 12;
/// The largest answer, bytes; nothing of it is used.
const ANSWER_MAX: usize = 64 << 10;
/// Begins the mark of an order whose packages the service does not take.
const MARK: &str = "fulfilment service";
const ACTOR: &str = "fulfilment";

/// Whether the service is told of a line's packages.
fn tells(app: &App, business: &BusinessCode) -> bool {
    app.settings.fulfillment.url.is_some() && line_rules(app, business).fulfilment
}

/// In the change that makes packages wait: the service shall be told of them.
pub fn arm(app: &App, draft: &mut Draft, shop: &ShopOrder) {
    if tells(app, &shop.business) {
        decide::arm(draft, shop.no);
    }
}

/// Tells of every package that it has not taken, and of those that it must not send. Its timer goes on until it has.
pub async fn tell(app: &App, no: OrderNo, attempt: i64) -> Result<(), Problem> {
    if app.settings.fulfillment.url.is_none() {
        return Ok(());
    }
    let read = telling(app, no).await?;
    let Some(shop) = read.shop(no) else { return Ok(()) };
    let mut failed = None;
    for shipment in decide::untold(&read, no).filter(|_| tells(app, &shop.business)) {
        // Other contents are another message.
        let units: u32 = shipment.items.iter().map(|packed| packed.quantity).sum();
        let (id, body) = (format!("{}.{units}", shipment.no), order(app, &read, shop, shipment));
        match post(app, shop, "tell", &id, "/shipments", &body).await? {
            Ok(()) => taken(app, shipment).await?,
            Err(NotTaken::Silent(why)) => return again(app, no, attempt + 1, &why).await,
            Err(NotTaken::Refused(why)) => failed = Some(why),
        }
    }
    for shipment in decide::recalled(&read, no) {
        let (id, path) = (format!("{}.cancel", shipment.no), format!("/shipments/{}/cancel", shipment.no));
        let body = json!({"shipment_no": shipment.no, "order_no": no, "business": shop.business});
        match post(app, shop, "cancel", &id, &path, &body).await? {
            Ok(()) => taken(app, shipment).await?,
            Err(NotTaken::Silent(why)) => return again(app, no, attempt + 1, &why).await,
            Err(NotTaken::Refused(why)) => failed = Some(why),
        }
    }
    match failed {
        Some(why) => again(app, no, attempt + 1, &why).await,
        None => Ok(()),
    }
}

/// Why a message was not taken.
enum NotTaken {
    /// Nobody heard it: the next message would fare no better.
    Silent(String),
    /// Answered with something else than 2xx.
    Refused(String),
}

/// What the service must know to send a package.
fn order(app: &App, tree: &OrderTree, shop: &ShopOrder, shipment: &Shipment) -> Value {
    let units = shipment.units();
    let items = shop.items.iter().filter_map(|item| {
        let quantity = units.get(&item.line)?;
        Some(json!({"item_no": item.no, "sku_id": item.sku, "title": item.facts.title, "quantity": quantity}))
    });
    json!({
        "shipment_no": shipment.no, "order_no": shop.no, "pay_order_no": tree.pay.no, "business": shop.business,
        "shop_id": shop.shop, "address": shop.facts.address, "items": items.collect::<Vec<_>>(),
        "callback_url": format!("{}/callbacks/fulfilment/{}", app.settings.public_url, shop.business),
    })
}

/// One signed call under a stable id, and why it was not taken.
async fn post(
    app: &App,
    shop: &ShopOrder,
    operation: &'static str,
    id: &str,
    path: &str,
    body: &Value,
) -> Result<Result<(), NotTaken>, Problem> {
    let Some(url) = &app.settings.fulfillment.url else { return Ok(Ok(())) };
    let count = |outcome: &'static str| {
        metrics::counter!(FULFILMENT_CALLS, "operation" => operation, "outcome" => outcome).increment(1);
    };
    let Some(secret) = line_secret(app, &shop.business, SECRET).await? else {
        count("failed");
        let why = format!("line {} has no secret `{SECRET}`; set it", shop.business);
        return Ok(Err(NotTaken::Silent(why)));
    };
    if !app.fulfilment.admits(app.clock.now()) {
        return Ok(Err(NotTaken::Silent("it does not answer".into())));
    }
    let body = body.to_string().into_bytes();
    let mut headers = webhook::sign(&secret, id, app.clock.now(), &body);
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let (url, timeout) = (format!("{url}{path}"), app.settings.fulfillment.timeout);
    let request = Exchange { method: Method::Post, url, headers, body, timeout, answer_max: ANSWER_MAX };
    let exchanged = app.egress.exchange(&request).await;
    app.fulfilment.heard(exchanged.is_ok(), app.clock.now());
    let answered = match exchanged {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(NotTaken::Refused(format!("it answers {id} with status {}", reply.status))),
        Err(error) => Err(NotTaken::Silent(error.to_string())),
    };
    count(if answered.is_ok() { "taken" } else { "failed" });
    Ok(answered)
}

/// Notes that the service is told, before it is: it may know from then on.
async fn telling(app: &App, no: OrderNo) -> Result<Arc<OrderTree>, Problem> {
    let told = change(app, no, |tree| {
        let mut draft = Draft::new(tree, app.clock.now(), ACTOR);
        if tree.shop(no).is_some_and(|shop| tells(app, &shop.business)) {
            decide::telling(&mut draft, no);
        }
        Ok(if draft.is_empty() { Decided::Nothing(()) } else { Decided::Commit(Box::new(draft), ()) })
    });
    Ok(told.await?.1)
}

async fn taken(app: &App, told: &Shipment) -> Result<(), Problem> {
    let taken = change(app, told.shop_no, |tree| {
        let mut draft = Draft::new(tree, app.clock.now(), ACTOR);
        decide::taken(&mut draft, told, MARK);
        Ok(if draft.is_empty() { Decided::Nothing(()) } else { Decided::Commit(Box::new(draft), ()) })
    });
    taken.await?;
    Ok(())
}

/// Tells it again later. In the end a person must look; about an order that is over it is not told for ever.
async fn again(app: &App, no: OrderNo, attempt: i64, why: &str) -> Result<(), Problem> {
    tracing::warn!(%no, attempt, why, "the fulfilment service did not take a package; it is told again");
    let due = app.clock.now() + (FIRST_PAUSE_MS << attempt.clamp(1, 16) >> 1).min(LONGEST_PAUSE_MS);
    let again = change(app, no, |tree| {
        let mut draft = Draft::new(tree, app.clock.now(), ACTOR);
        let Some(shop) = tree.shop(no) else { return Ok(Decided::Nothing(false)) };
        let (tired, over) = (attempt >= TRIES, shop.status.is_final());
        if tired && over {
            draft.ignore(no, "recall", why);
            draft.disarm(no, TimerKind::Fulfilment);
            return Ok(Decided::Commit(Box::new(draft), true));
        }
        if tired && shop.attention.is_none() {
            let mark = format!("{MARK}: {why}");
            draft.stay(no, "attention", why).attention = Some(mark);
        }
        draft.arm(no, TimerKind::Fulfilment, due, attempt);
        Ok(Decided::Commit(Box::new(draft), tired && shop.attention.is_none()))
    });
    let (tired, tree) = again.await?;
    if tired {
        let status = tree.shop(no).map_or("gone", |shop| shop.status.word());
        tracing::error!(%no, status, why, "the fulfilment service does not take what it is told; look at it there");
    }
    Ok(())
}
