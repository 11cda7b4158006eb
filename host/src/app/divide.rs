//! A seller divides a prepared shipment into several packages.

use super::App;
use super::api::{DividedShipment, Idempotency};
use super::fulfilment;
use super::numbers::fresh;
use super::orders::{Decided, Keyed, change_once, owned, role, store_problem, wrong_state};
use super::pay::actor;
use super::problem::Problem;
use super::ship::ROLES;
use crate::domain::decide::divide::{CannotDivide, PACKAGES_MAX, divide as decide};
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{Packed, Shipment};
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::order::{ShopOrder, Status, SubStatus};
use crate::domain::tree::OrderTree;
use crate::identity::Principal;

/// Units of a line, named by its index or its item number.
#[derive(Debug, Clone)]
pub struct Units {
    /// Which line.
    pub of: Line,
    /// How many.
    pub quantity: u32,
}

/// A line of a shop order.
#[derive(Debug, Clone, Copy)]
pub enum Line {
    /// The item order.
    Item(OrderNo),
    /// Its index.
    Index(u32),
}

/// Divides it: each of its units goes into exactly one of the packages. The first keeps the number.
pub async fn divide(
    app: &App,
    who: &Principal,
    no: ShipmentNo,
    packages: Vec<Vec<Units>>,
    key: Option<Idempotency>,
) -> Result<DividedShipment, Problem> {
    role(who, ROLES)?;
    let missing = || Problem::not_found(format!("shipment {no}"));
    if packages.len() > PACKAGES_MAX {
        return Err(Problem::conflict("cannot-divide", CannotDivide::Count.to_string()));
    }
    let keyed = Keyed::new(who, "divide", key.as_ref());
    let read = app.store.cached_tree_of_shipment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let shop_no = of(&read, no).ok_or_else(missing)?.shop_no;
    let numbers = fresh(app, packages.len().saturating_sub(1), shop_no.slot()).await?;
    let numbers: Vec<ShipmentNo> = numbers.into_iter().map(ShipmentNo).collect();
    let divided = change_once(app, shop_no, &keyed, |tree| {
        owned(who, tree, shop_no).map_err(|_| missing())?;
        let (Some(shipment), Some(shop)) = (of(tree, no), tree.shop(shop_no)) else { return Err(missing()) };
        if !(shop.status == Status::Paid && shop.packed_at.is_some() && shop.sub_status != SubStatus::Closing) {
            return Err(wrong_state(tree, shop_no, "packed"));
        }
        let packages: Vec<Vec<Packed>> = packages.iter().map(|p| packed(shop, p)).collect::<Result<_, _>>()?;
        let mut draft = Draft::new(tree, app.clock.now(), &actor(who));
        decide(&mut draft, shipment, &packages, &numbers)
            .map_err(|cannot| Problem::conflict("cannot-divide", cannot.to_string()))?;
        fulfilment::arm(app, &mut draft, shop);
        let shipments = [no].into_iter().chain(numbers.iter().copied()).collect();
        Ok(Decided::Commit(Box::new(draft), DividedShipment { order_no: shop_no, shipments }))
    });
    Ok(divided.await?.0)
}

/// A shipment that delivers its order; an exchange's is not divided.
fn of(tree: &OrderTree, no: ShipmentNo) -> Option<&Shipment> {
    tree.shipments.iter().find(|s| s.no == no && s.aftersale_no.is_none())
}

fn packed(shop: &ShopOrder, units: &[Units]) -> Result<Vec<Packed>, Problem> {
    let line = |units: &Units| match units.of {
        Line::Index(line) => Ok(line),
        Line::Item(no) => shop
            .items
            .iter()
            .find(|item| item.no == no)
            .map(|item| item.line)
            .ok_or_else(|| Problem::invalid("unknown-item", format!("item {no} is not in shop order {}", shop.no))),
    };
    units.iter().map(|units| Ok(Packed { line: line(units)?, quantity: units.quantity })).collect()
}
