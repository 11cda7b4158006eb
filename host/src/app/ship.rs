//! Ship notices and deliveries, by number of order, shipment or waybill.

use super::api::{EventAnswer, Idempotency};
use super::forward::{Cause, Event, Forward, advance};
use super::orders::{Freshness, Keyed, event_answer, must_be_shop_order, owned, role, store_problem, tree};
use super::pay::actor;
use super::problem::Problem;
use super::{App, aftersale};
use crate::domain::change::ShipNotice;
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::store::Carried;

/// Who may say that a package moved.
const ROLES: &[Role] = &[Role::Shop, Role::Business, Role::Operator, Role::Admin];

/// A delivery: at least one of the three names it.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// The shop order, where it has one shipment on its way.
    pub order_no: Option<OrderNo>,
    /// The shipment.
    pub shipment_no: Option<ShipmentNo>,
    /// The carrier's number.
    pub waybill: Option<String>,
}

/// A package left. Early: parked until the order can take it.
pub async fn ship(
    app: &App,
    who: &Principal,
    order_no: Option<OrderNo>,
    notice: ShipNotice,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    role(who, ROLES)?;
    if notice.waybill.trim().is_empty() || notice.carrier.trim().is_empty() {
        return Err(Problem::invalid("waybill-missing", "a shipped package has a carrier and a waybill"));
    }
    let no = match (order_no, notice.shipment_no) {
        (Some(no), _) => no,
        (None, Some(shipment)) => order_of(app, shipment).await?,
        (None, None) => return Err(Problem::invalid("order-missing", "name the package by order_no or shipment_no")),
    };
    event(app, who, no, Event::Ship(notice), "ship", key).await
}

/// A package arrived. The last one asks the business line whether the order is received.
pub async fn deliver(
    app: &App,
    who: &Principal,
    what: Delivered,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    role(who, ROLES)?;
    let (no, shipment) = match (what.order_no, what.shipment_no, what.waybill) {
        (Some(no), shipment, _) => (no, shipment),
        (None, Some(shipment), _) => (order_of(app, shipment).await?, Some(shipment)),
        (None, None, Some(waybill)) => {
            let tree = app.store.tree_of_waybill(&waybill).await.map_err(store_problem)?;
            match tree.ok_or_else(|| Problem::not_found(format!("waybill {waybill}")))? {
                (Carried::Shipment(shipment), tree) => (shop_of(&tree, shipment)?, Some(shipment)),
                (Carried::Return(no), _) => return aftersale::parcel_arrived(app, who, no).await,
            }
        }
        (None, None, None) => {
            let detail = "name the package by order_no, shipment_no or waybill";
            return Err(Problem::invalid("order-missing", detail));
        }
    };
    event(app, who, no, Event::Deliver(shipment), "deliver", key).await
}

async fn order_of(app: &App, shipment: ShipmentNo) -> Result<OrderNo, Problem> {
    let tree = app.store.cached_tree_of_shipment(shipment).await.map_err(store_problem)?;
    shop_of(&*tree.ok_or_else(|| Problem::not_found(format!("shipment {shipment}")))?, shipment)
}

fn shop_of(tree: &OrderTree, shipment: ShipmentNo) -> Result<OrderNo, Problem> {
    let row = tree.shipments.iter().find(|s| s.no == shipment);
    row.map(|s| s.shop_no).ok_or_else(|| Problem::not_found(format!("shipment {shipment}")))
}

/// Applies an event under the order's lock, with ownership and idempotency.
pub async fn event(
    app: &App,
    who: &Principal,
    no: OrderNo,
    event: Event,
    operation: &'static str,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    let keyed = Keyed::new(who, operation, key.as_ref());
    let read = tree(app, no, Freshness::Cached).await?;
    owned(who, &read, no)?;
    let no = must_be_shop_order(&read, no)?;
    let forward = Forward {
        no,
        cause: Cause::Api,
        actor: actor(who),
        event: Some(event),
        keyed: key.is_some().then_some(&keyed),
        parked: None,
    };
    match advance(app, forward).await {
        Ok(went) => Ok(event_answer(&went.tree, no, went.effect)),
        Err(problem) => match keyed.stored(app).await? {
            Some(outcome) => Ok(outcome),
            None => Err(problem),
        },
    }
}
