//! Ship notices, deliveries and exceptions, by number of order, shipment or waybill.

use super::api::{EventAnswer, Idempotency};
use super::forward::{Cause, Event, Forward, advance};
use super::orders::{Freshness, Keyed, event_answer, must_be_shop_order, owned, role, store_problem, tree};
use super::pay::actor;
use super::problem::Problem;
use super::{App, aftersale};
use crate::domain::change::{ExceptionNotice, ShipNotice};
use crate::domain::fulfilment::ExceptionKind;
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::store::Carried;

/// Who may say that a package moved.
pub(super) const ROLES: &[Role] = &[Role::Shop, Role::Business, Role::Operator, Role::Admin];

/// Which package: at least one of the three names it.
#[derive(Debug, Clone, Default)]
pub struct Package {
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
    what: Package,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    role(who, ROLES)?;
    if let Package { order_no: None, shipment_no: None, waybill: Some(waybill) } = &what
        && let Some((Carried::Return(no), _)) = app.store.tree_of_waybill(waybill).await.map_err(store_problem)?
    {
        return aftersale::parcel_arrived(app, who, no).await;
    }
    let (no, shipment) = find(app, what).await?;
    event(app, who, no, Event::Deliver(shipment), "deliver", key).await
}

/// A package was lost, refused, or will be late. Early: parked until it left.
pub async fn exception(
    app: &App,
    who: &Principal,
    what: Package,
    kind: ExceptionKind,
    note: String,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    role(who, ROLES)?;
    let (no, shipment_no) = find(app, what).await?;
    event(app, who, no, Event::Exception(ExceptionNotice { shipment_no, kind, note }), "exception", key).await
}

/// The shop order of a package, and its number where it is named.
async fn find(app: &App, what: Package) -> Result<(OrderNo, Option<ShipmentNo>), Problem> {
    match (what.order_no, what.shipment_no, what.waybill) {
        (Some(no), shipment, _) => Ok((no, shipment)),
        (None, Some(shipment), _) => Ok((order_of(app, shipment).await?, Some(shipment))),
        (None, None, Some(waybill)) => {
            let tree = app.store.tree_of_waybill(&waybill).await.map_err(store_problem)?;
            match tree.ok_or_else(|| Problem::not_found(format!("waybill {waybill}")))? {
                (Carried::Shipment(shipment), tree) => Ok((shop_of(&tree, shipment)?, Some(shipment))),
                (Carried::Return(no), _) => {
                    let detail = format!("waybill {waybill} is that of goods coming back with after-sale {no}");
                    Err(Problem::conflict("return-parcel", detail))
                }
            }
        }
        (None, None, None) => {
            let detail = "name the package by order_no, shipment_no or waybill";
            Err(Problem::invalid("order-missing", detail))
        }
    }
}

/// The shop order that a shipment delivers.
pub(super) async fn order_of(app: &App, shipment: ShipmentNo) -> Result<OrderNo, Problem> {
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
    event_as(app, (who, actor(who)), no, event, operation, key).await
}

/// The same under another name for the history.
pub(super) async fn event_as(
    app: &App,
    (who, actor): (&Principal, String),
    no: OrderNo,
    event: Event,
    operation: &'static str,
    key: Option<Idempotency>,
) -> Result<EventAnswer, Problem> {
    let keyed = Keyed::new(who, operation, key.as_ref());
    let theirs = |read: &OrderTree| owned(who, read, no).and_then(|()| must_be_shop_order(read, no));
    // What is in memory may be from before a merge, or before the order was visible.
    let no = match theirs(&*tree(app, no, Freshness::Cached).await?) {
        Ok(no) => no,
        Err(_) => theirs(&*tree(app, no, Freshness::Fresh).await?)?,
    };
    let forward = Forward {
        no,
        cause: Cause::Api,
        actor,
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
