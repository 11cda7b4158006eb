//! After-sales in the words of the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::api::RefundedPart;
use crate::domain::aftersale::{Aftersale, Claim};
use crate::domain::ids::{AftersaleNo, OrderNo, ShipmentNo};
use crate::domain::money::Minor;
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;

/// A refund, return or exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AftersaleAnswer {
    /// Its number.
    #[schema(value_type = String)]
    pub aftersale_no: AftersaleNo,
    /// The shop order.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Who buys.
    pub buyer: String,
    /// Who sells.
    pub shop_id: String,
    /// Whose line.
    pub business: String,
    /// refund, return or exchange.
    #[serde(rename = "type")]
    pub kind: String,
    /// applied, approved, returning, returned, refunding, refunded, reshipping, exchanged, rejected, arbitrating or
    /// cancelled.
    pub status: String,
    /// 0 to 10
    pub status_code: i16,
    /// Whether anything can still become of it.
    pub open: bool,
    /// In the buyer's words.
    pub reason: String,
    /// Money back, minor units.
    pub amount: Minor,
    /// Coins back, counted.
    pub coins: i64,
    /// Money that is kept, minor units.
    pub fee: Minor,
    /// Of what.
    pub items: Vec<ClaimView>,
    /// Why it was rejected last.
    pub rejection: Option<String>,
    /// Times that it was changed and handed in again.
    pub resubmits: u8,
    /// For people.
    pub note: Option<String>,
    /// The parcel on its way back.
    pub parcel: Option<ParcelView>,
    /// The package with the new goods.
    #[schema(value_type = Option<String>)]
    pub shipment_no: Option<ShipmentNo>,
    /// What both sides have to say.
    pub evidence: Vec<EvidenceView>,
    /// Its refunds, one per way.
    pub refunds: Vec<RefundedPart>,
    /// RFC 3339: when the state ends by itself.
    pub deadline: Option<String>,
    /// RFC 3339
    pub requested_at: String,
    /// RFC 3339: the last step.
    pub processed_at: String,
    /// RFC 3339: when it was over.
    pub completed_at: Option<String>,
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimView {
    /// The item order.
    #[schema(value_type = String)]
    pub item_no: OrderNo,
    /// Units; 0 asks for money only.
    pub quantity: u32,
    /// Money back, minor units.
    pub amount: Minor,
    /// Coins back, counted.
    pub coins: i64,
    /// Money that is kept, minor units.
    pub fee: Minor,
}

/// Goods on their way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParcelView {
    /// Who carries them.
    pub carrier: String,
    /// The carrier's number; its tracks are at `/waybills/{no}/tracks`.
    pub waybill: String,
    /// RFC 3339
    pub sent_at: String,
}

/// A word of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// Who.
    pub by: String,
    /// RFC 3339
    pub at: String,
    /// What.
    pub text: String,
    /// Addresses of pictures.
    pub links: Vec<String>,
}

/// What an application would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AftersaleQuote {
    /// ISO 4217
    pub currency: String,
    /// Money back, minor units.
    pub amount: Minor,
    /// Coins back, counted.
    pub coins: i64,
    /// Money that is kept, minor units.
    pub fee: Minor,
    /// Of what.
    pub items: Vec<ClaimView>,
}

/// A page of after-sales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AftersalePage {
    /// Newest first.
    pub aftersales: Vec<AftersaleAnswer>,
    /// `cursor` of the next page; none on the last one.
    pub next: Option<String>,
}

impl From<&Claim> for ClaimView {
    fn from(claim: &Claim) -> Self {
        Self {
            item_no: claim.item_no,
            quantity: claim.quantity,
            amount: claim.cash,
            coins: claim.coins,
            fee: claim.fee,
        }
    }
}

impl AftersaleAnswer {
    /// An after-sale of a tree, with its refunds.
    pub fn of(tree: &OrderTree, no: AftersaleNo) -> Option<Self> {
        let row = tree.aftersales.iter().find(|a| a.no == no)?;
        let mine = tree.refunds.iter().filter(|refund| refund.aftersale_no == Some(no));
        Some(Self { refunds: mine.map(RefundedPart::from).collect(), ..Self::from(row) })
    }
}

impl From<&Aftersale> for AftersaleAnswer {
    fn from(row: &Aftersale) -> Self {
        let parcel = row.detail.parcel.as_ref();
        let evidence = row.detail.evidence.iter().cloned();
        Self {
            aftersale_no: row.no,
            order_no: row.shop_no,
            buyer: row.buyer.to_string(),
            shop_id: row.shop.to_string(),
            business: row.business.to_string(),
            kind: row.kind.word().to_owned(),
            status: row.status.word().to_owned(),
            status_code: row.status.code(),
            open: row.is_open(),
            reason: row.reason.clone(),
            amount: row.items.iter().map(|c| c.cash).sum(),
            coins: row.items.iter().map(|c| c.coins).sum(),
            fee: row.items.iter().map(|c| c.fee).sum(),
            items: row.items.iter().map(ClaimView::from).collect(),
            rejection: row.detail.rejection.clone(),
            resubmits: row.detail.resubmits,
            note: row.detail.note.clone(),
            parcel: parcel.map(|p| ParcelView {
                carrier: p.carrier.clone(),
                waybill: p.waybill.clone(),
                sent_at: rfc3339(p.sent_at),
            }),
            shipment_no: row.detail.shipment_no,
            evidence: evidence
                .map(|e| EvidenceView { by: e.by, at: rfc3339(e.at), text: e.text, links: e.links })
                .collect(),
            refunds: vec![],
            deadline: row.deadline.map(rfc3339),
            requested_at: rfc3339(row.created_at),
            processed_at: rfc3339(row.updated_at),
            completed_at: row.ended_at.map(rfc3339),
        }
    }
}
