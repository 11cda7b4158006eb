//! What only the buyer may read of a delivery: codes, vouchers, links. Sealed at rest, opened for its buyer alone, and
//! every look is in the operate log before it is answered.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::App;
use super::orders::{Freshness, commit, must_be_shop_order, owned, role, tree};
use super::pay::actor;
use super::problem::Problem;
use crate::domain::draft::Draft;
use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::ids::{OrderNo, ShipmentNo};
use crate::domain::order::{ShopOrder, Status, SubStatus};
use crate::identity::{Principal, Role};
use crate::secrets::Place;

/// The secrets of a shop order. Not `Debug`: they never come near a log.
#[derive(Serialize, ToSchema)]
pub struct DeliverySecrets {
    /// The shop order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Of each shipment that was handed over and has any.
    pub shipments: Vec<ShipmentSecrets>,
}

/// The secrets of a shipment.
#[derive(Serialize, ToSchema)]
pub struct ShipmentSecrets {
    /// Which.
    #[schema(value_type = String)]
    pub shipment_no: ShipmentNo,
    /// In the line's order.
    pub secrets: Vec<DeliverySecret>,
}

/// One secret.
#[derive(Serialize, ToSchema)]
pub struct DeliverySecret {
    /// What it is, in the line's words.
    pub name: String,
    /// It.
    pub value: String,
}

/// Opens them for the buyer of the order and nobody else. Before delivery, and once the money goes back, there are none.
pub async fn read(app: &App, who: &Principal, no: OrderNo) -> Result<DeliverySecrets, Problem> {
    role(who, &[Role::Buyer])?;
    let read = tree(app, no, Freshness::Fresh).await?;
    owned(who, &read, no)?;
    let no = must_be_shop_order(&read, no)?;
    let shop = read.shop(no).ok_or_else(|| Problem::not_found(format!("order {no}")))?;
    let handed_over = |s: &&Shipment| s.shop_no == no && is_for_the_buyer(shop, s);
    let mut shipments = vec![];
    for shipment in read.shipments.iter().filter(handed_over) {
        let Some(sealed) = &shipment.secrets else { continue };
        shipments.push(ShipmentSecrets { shipment_no: shipment.no, secrets: open(app, no, sealed)? });
    }
    if !shipments.is_empty() {
        let numbers: Vec<ShipmentNo> = shipments.iter().map(|s| s.shipment_no).collect();
        let mut draft = Draft::new(&read, app.clock.now(), &actor(who));
        draft.operated(no, "read_secrets", "", (json!({"shipments": numbers}), json!({"shipments": numbers})));
        commit(app, draft.finish().0).await?;
    }
    Ok(DeliverySecrets { order_no: no, shipments })
}

fn is_for_the_buyer(shop: &ShopOrder, shipment: &Shipment) -> bool {
    let given_back = shop.status == Status::Closed || shop.sub_status == SubStatus::Closing;
    !given_back && matches!(shipment.status, ShipmentStatus::Shipped | ShipmentStatus::Delivered)
}

fn open(app: &App, no: OrderNo, sealed: &[u8]) -> Result<Vec<DeliverySecret>, Problem> {
    let plain = app.sealer.open(Place(&["shipment", &no.to_string()]), sealed).map_err(Problem::internal)?;
    let pairs: Vec<(String, String)> =
        serde_json::from_slice(&plain).map_err(|_| Problem::internal("delivery secrets are not what was sealed"))?;
    Ok(pairs.into_iter().map(|(name, value)| DeliverySecret { name, value }).collect())
}
