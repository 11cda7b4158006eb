//! Ship notices, deliveries and exceptions, by number of order, shipment or waybill.

use super::api::{EventAnswer, Idempotency};
use super::forward::{Cause, Event, Forward, advance};
use super::orders::{Freshness, Keyed, event_answer, must_be_shop_order, owned, role, store_problem, tree};
use super::pay::actor;
use super::problem::Problem;
use super::{App, aftersale};
use crate::domain::change::{ExceptionNotice, ShipNotice};
use crate::domain::fulfilment::{ExceptionKind, Shipment};
use crate::domain::ids::{AftersaleNo, OrderNo, ShipmentNo};
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
        (None, Some(no)) => shipment(app, who, no).await?.shop_no,
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
    match find(app, who, &what).await? {
        Named::Package(no, shipment) => event(app, who, no, Event::Deliver(shipment), "deliver", key).await,
        Named::Return(no) => aftersale::parcel_arrived(app, who, no).await,
    }
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
    match find(app, who, &what).await? {
        Named::Package(no, shipment_no) => {
            let notice = ExceptionNotice { shipment_no, kind, note };
            event(app, who, no, Event::Exception(notice), "exception", key).await
        }
        Named::Return(no) => Err(return_parcel(no)),
    }
}

/// What the names of a package mean.
enum Named {
    /// A shop order, and which of its packages where that is said.
    Package(OrderNo, Option<ShipmentNo>),
    /// Goods that come back.
    Return(AftersaleNo),
}

/// All names given must mean one package, and what the caller may not know of is not there. A waybill that no package
/// carries is early as long as none of the order's does.
async fn find(app: &App, who: &Principal, what: &Package) -> Result<Named, Problem> {
    let other = |detail: String| Err(Problem::conflict("wrong-shipment", detail));
    let mut named = match what.shipment_no {
        Some(no) => Some(shipment(app, who, no).await?),
        None => None,
    };
    if let Some(waybill) = &what.waybill {
        match (carried(app, who, waybill).await?, &named) {
            (Some(Parcel::Return(no)), None) if what.order_no.is_none() => return Ok(Named::Return(no)),
            (Some(Parcel::Return(no)), _) => return Err(return_parcel(no)),
            (Some(Parcel::Package(carried)), Some(named)) if carried.no != named.no => {
                return other(format!("waybill {waybill} is not that of shipment {}", named.no));
            }
            (Some(Parcel::Package(carried)), _) => named = Some(*carried),
            (None, Some(named)) if named.waybill.is_some() => {
                return other(format!("waybill {waybill} is not that of shipment {}", named.no));
            }
            (None, Some(_)) => {}
            (None, None) => {
                let unknown = || Problem::not_found(format!("waybill {waybill}"));
                let no = what.order_no.ok_or_else(unknown)?;
                let read = tree(app, no, Freshness::Cached).await?;
                owned(who, &read, no)?;
                if read.shipments.iter().any(|s| s.shop_no == no && s.waybill.is_some()) {
                    return Err(unknown());
                }
            }
        }
    }
    match (what.order_no, named) {
        (Some(no), Some(shipment)) if shipment.shop_no != no => {
            other(format!("shipment {} is not one of order {no}", shipment.no))
        }
        (_, Some(shipment)) => Ok(Named::Package(shipment.shop_no, Some(shipment.no))),
        (Some(no), None) => Ok(Named::Package(no, None)),
        (None, None) => {
            let detail = "name the package by order_no, shipment_no or waybill";
            Err(Problem::invalid("order-missing", detail))
        }
    }
}

fn return_parcel(no: AftersaleNo) -> Problem {
    Problem::conflict("return-parcel", format!("the waybill is that of goods coming back with after-sale {no}"))
}

/// A shipment that the caller may know of.
pub(super) async fn shipment(app: &App, who: &Principal, no: ShipmentNo) -> Result<Shipment, Problem> {
    let missing = || Problem::not_found(format!("shipment {no}"));
    let tree = app.store.cached_tree_of_shipment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let found = tree.shipments.iter().find(|s| s.no == no).ok_or_else(missing)?;
    owned(who, &tree, found.shop_no).map_err(|_| missing())?;
    Ok(found.clone())
}

enum Parcel {
    Package(Box<Shipment>),
    Return(AftersaleNo),
}

/// What has a waybill, if the caller may know of it.
async fn carried(app: &App, who: &Principal, waybill: &str) -> Result<Option<Parcel>, Problem> {
    let found = app.store.tree_of_waybill(waybill).await.map_err(store_problem)?;
    Ok(found.and_then(|(carried, tree)| {
        let known = |no: OrderNo| owned(who, &tree, no).is_ok();
        match carried {
            Carried::Shipment(no) => {
                let shipment = tree.shipments.iter().find(|s| s.no == no && known(s.shop_no))?;
                Some(Parcel::Package(Box::new(shipment.clone())))
            }
            Carried::Return(no) => {
                let row = tree.aftersales.iter().find(|a| a.no == no && known(a.shop_no))?;
                Some(Parcel::Return(row.no))
            }
        }
    }))
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
    let went = async { advance(app, forward).await.map(|went| event_answer(&went.tree, no, went.effect)) };
    keyed.or_before(app, Box::pin(went)).await
}
