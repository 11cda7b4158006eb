//! Reading orders, payments and shipments. Who may not see a thing is told that there is none.

mod list;
mod operations;
mod order;
mod views;

pub use list::{CountRow, OrderCounts, OrderPage, ShopOrderSummary, counts, list};
pub use operations::{
    ListSettlements, LogCursor, OperationPage, OperationRow, SettlementPage, SettlementRow, operations, operations_of,
    settlements,
};
pub use order::order;
pub use views::{
    Amounts, FlowView, ItemView, OrderView, PackedView, PaymentLogView, PromotionView, RefundView, SettlementView,
    ShipmentView, ShopOrderView,
};

use std::collections::BTreeMap;

use super::App;
use super::api::PaymentAnswer;
use super::orders::{owned, store_problem};
use super::problem::Problem;
use crate::domain::ids::{PaymentNo, ShipmentNo};
use crate::identity::Principal;

/// A payment, for polling.
pub async fn payment(app: &App, who: &Principal, no: PaymentNo) -> Result<PaymentAnswer, Problem> {
    let missing = || Problem::not_found(format!("payment {no}"));
    let tree = app.store.tree_of_payment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    owned(who, &tree, tree.pay.no).map_err(|_| missing())?;
    tree.payments.iter().find(|payment| payment.no == no).map(super::pay::answer).ok_or_else(missing)
}

/// The log of a payment, the first step first.
pub async fn payment_log(app: &App, who: &Principal, no: PaymentNo) -> Result<Vec<PaymentLogView>, Problem> {
    payment(app, who, no).await?;
    let log = app.store.payment_log(no).await.map_err(store_problem)?;
    Ok(log.into_iter().map(PaymentLogView::from).collect())
}

/// A shipment.
pub async fn shipment(app: &App, who: &Principal, no: ShipmentNo) -> Result<ShipmentView, Problem> {
    let missing = || Problem::not_found(format!("shipment {no}"));
    let tree = app.store.tree_of_shipment(no).await.map_err(store_problem)?.ok_or_else(missing)?;
    let shipment = tree.shipments.iter().find(|shipment| shipment.no == no).ok_or_else(missing)?;
    owned(who, &tree, shipment.shop_no).map_err(|_| missing())?;
    Ok(ShipmentView::of(shipment, tree.shop(shipment.shop_no)))
}

/// Whether this host takes work.
pub fn ready(app: &App) -> Result<(), Problem> {
    let wrong = app.health.all().into_iter().filter_map(|(part, wrong)| Some((part.word(), wrong?)));
    let wrong: BTreeMap<&str, String> = wrong.collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::busy("the host is not ready: see `parts`").with("parts", wrong);
    problem.code = "not-ready";
    Err(problem)
}
