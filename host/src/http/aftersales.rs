//! After-sales: apply, decide, send back, argue.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::caller::Caller;
use super::json::{Command, Json, Nothing};
use super::params::{At, Repeatable, Search, limit};
use super::payments::RefundItem;
use super::reply::{Answer, created, ok};
use super::texts::{links, text};
use crate::app::aftersale::{self, AftersaleAnswer, AftersalePage, AftersaleQuote, Listing, Request};
use crate::app::problem::Problem;
use crate::domain::aftersale::{AftersaleKind, AftersaleStatus};
use crate::domain::ids::{AftersaleNo, BusinessCode, OrderNo, ShopId};

/// Items named in one application.
const ITEMS_MAX: usize = 100;
/// Characters of a carrier's name, and of a waybill.
const CARRIER_MAX: usize = 64;

/// What is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplyBody {
    /// The shop order, or one of its items.
    #[schema(value_type = String)]
    order_no: OrderNo,
    /// `refund`, `return` or `exchange`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "refund")]
    kind: AftersaleKind,
    /// Why, 1 to 256 characters. Business lines may know words of their own, such as `change`.
    reason: String,
    /// Parts of items; every unit that is left if absent.
    #[serde(default)]
    items: Vec<RefundItem>,
    /// What happened, for the merchant.
    evidence: Option<EvidenceBody>,
}

/// What is wanted instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResubmitBody {
    /// `refund`, `return` or `exchange`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "refund")]
    kind: AftersaleKind,
    /// Why, 1 to 256 characters. Business lines may know words of their own, such as `change`.
    reason: String,
    /// Parts of items; every unit that is left if absent.
    #[serde(default)]
    items: Vec<RefundItem>,
    /// What happened, for the merchant.
    evidence: Option<EvidenceBody>,
}

/// A word with links to pictures.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceBody {
    /// 1 to 2,000 characters.
    text: String,
    /// At most 9 https addresses of at most 512 characters.
    #[serde(default)]
    links: Vec<String>,
}

impl ApplyBody {
    fn parts(self) -> Result<(OrderNo, Request), Problem> {
        let Self { order_no, kind, reason, items, evidence } = self;
        Ok((order_no, ResubmitBody { kind, reason, items, evidence }.request()?))
    }
}

impl ResubmitBody {
    fn request(self) -> Result<Request, Problem> {
        if self.items.len() > ITEMS_MAX {
            return Err(Problem::invalid("bad-body", format!("items: at most {ITEMS_MAX}")));
        }
        Ok(Request {
            kind: self.kind,
            items: self.items.into_iter().map(Into::into).collect(),
            reason: text("reason", self.reason, 256)?,
            evidence: self.evidence.map(EvidenceBody::parts).transpose()?,
        })
    }
}

impl EvidenceBody {
    fn parts(self) -> Result<(String, Vec<String>), Problem> {
        Ok((text("text", self.text, 2_000)?, links("links", self.links)?))
    }
}

/// Apply for a refund, a return or an exchange.
///
/// The business line prices it where it knows fees. What nothing was done for yet is approved at once.
#[utoipa::path(post, path = "/api/v1/aftersales", tag = "after-sales", request_body = ApplyBody, params(Repeatable),
    responses((status = 201, description = "Applied for", body = AftersaleAnswer)))]
pub(super) async fn apply(
    State(room): State<Shared>,
    Caller(who): Caller,
    call: Command<ApplyBody>,
) -> Answer<AftersaleAnswer> {
    let ((no, request), app) = (call.body.parts()?, room.app.clone());
    let work = async move { aftersale::apply(&app, &who, no, request, call.key).await };
    Ok(created(room.finish("aftersale", work).await?))
}

/// What an application would come to now, without any effect.
#[utoipa::path(post, path = "/api/v1/aftersales/quote", tag = "after-sales", request_body = ApplyBody,
    responses((status = 200, description = "Money back, and fees", body = AftersaleQuote)))]
pub(super) async fn quote(
    State(room): State<Shared>,
    who: Caller,
    Json(body): Json<ApplyBody>,
) -> Answer<AftersaleQuote> {
    let (no, request) = body.parts()?;
    Ok(ok(aftersale::quote(&room.app, &who, no, request).await?))
}

/// Which after-sales to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AftersaleSearch {
    /// Of which shop. A caller with several shops names one.
    #[param(value_type = Option<String>)]
    shop_id: Option<ShopId>,
    /// Of which business line.
    #[param(value_type = Option<String>)]
    business: Option<BusinessCode>,
    /// `applied`, `approved`, …
    status: Option<String>,
    /// Only those of which anything can still become.
    #[serde(default)]
    open: bool,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<AftersaleNo>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List after-sales, newest first. A buyer gets their own.
#[utoipa::path(get, path = "/api/v1/aftersales", tag = "after-sales", params(AftersaleSearch),
    responses((status = 200, description = "A page", body = AftersalePage)))]
pub(super) async fn list(
    State(room): State<Shared>,
    who: Caller,
    Search(search): Search<AftersaleSearch>,
) -> Answer<AftersalePage> {
    let status = search.status.as_deref().map(|word| {
        AftersaleStatus::from_word(word).ok_or_else(|| {
            let words: Vec<&str> = AftersaleStatus::ALL.iter().map(|status| status.word()).collect();
            Problem::invalid("bad-query", format!("status must be one of {}", words.join(", ")))
        })
    });
    let wanted = Listing {
        shop: search.shop_id,
        business: search.business,
        status: status.transpose()?,
        open: search.open,
        cursor: search.cursor,
        limit: limit(search.limit)?,
    };
    Ok(ok(aftersale::list(&room.app, &who, wanted).await?))
}

/// One after-sale.
#[utoipa::path(get, path = "/api/v1/aftersales/{aftersale_no}", tag = "after-sales",
    params(("aftersale_no" = String, Path)),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn get(State(room): State<Shared>, who: Caller, At(no): At<AftersaleNo>) -> Answer<AftersaleAnswer> {
    Ok(ok(aftersale::get(&room.app, &who, no).await?))
}

/// Why it is decided so.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveBody {
    /// For the record, at most 256 characters.
    note: Option<String>,
}

/// Agree to an after-sale.
///
/// A refund begins at once, or as soon as the supplier has taken back what it delivered; goods may come back. Of an
/// after-sale that is being arbitrated only an operator decides.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/approve", tag = "after-sales", request_body = Option<ApproveBody>,
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn approve(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<ApproveBody>,
) -> Answer<AftersaleAnswer> {
    let note = call.body.note.map(|note| text("note", note, 256)).transpose()?.unwrap_or_default();
    let app = room.app.clone();
    let work = async move { aftersale::approve(&app, &who, no, note, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Why not.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectBody {
    /// For the buyer, 1 to 256 characters.
    reason: String,
}

/// Refuse an after-sale. The buyer may change it or ask an operator; an operator's no in arbitration is the last.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/reject", tag = "after-sales", request_body = RejectBody,
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn reject(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<RejectBody>,
) -> Answer<AftersaleAnswer> {
    let (why, app) = (text("reason", call.body.reason, 256)?, room.app.clone());
    let work = async move { aftersale::reject(&app, &who, no, why, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Withdraw an after-sale; at most twice an order.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/cancel", tag = "after-sales",
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn cancel(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<Nothing>,
) -> Answer<AftersaleAnswer> {
    let app = room.app.clone();
    let work = async move { aftersale::withdraw(&app, &who, no, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Change a rejected after-sale and hand it in again; at most twice.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/resubmit", tag = "after-sales", request_body = ResubmitBody,
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn resubmit(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<ResubmitBody>,
) -> Answer<AftersaleAnswer> {
    let (request, app) = (call.body.request()?, room.app.clone());
    let work = async move { aftersale::resubmit(&app, &who, no, request, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Ask an operator about a rejected after-sale.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/arbitrate", tag = "after-sales",
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn arbitrate(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<Nothing>,
) -> Answer<AftersaleAnswer> {
    let app = room.app.clone();
    let work = async move { aftersale::arbitrate(&app, &who, no, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Say something about an open after-sale, with pictures.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/evidence", tag = "after-sales", request_body = EvidenceBody,
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn evidence(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<EvidenceBody>,
) -> Answer<AftersaleAnswer> {
    let (parts, app) = (call.body.parts()?, room.app.clone());
    let work = async move { aftersale::add_evidence(&app, &who, no, parts, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// The parcel that goes back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnBody {
    /// Who carries it, 1 to 64 characters.
    carrier: String,
    /// The carrier's number, 1 to 64 characters, unique.
    waybill: String,
}

/// Say that the goods are on their way back. Their tracks are at `/waybills/{no}/tracks`.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/return", tag = "after-sales", request_body = ReturnBody,
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn send_back(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<ReturnBody>,
) -> Answer<AftersaleAnswer> {
    let ReturnBody { carrier, waybill } = call.body;
    let parcel = (text("carrier", carrier, CARRIER_MAX)?, text("waybill", waybill, CARRIER_MAX)?);
    let app = room.app.clone();
    let work = async move { aftersale::send_back(&app, &who, no, parcel, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}

/// Say that the goods are back and right: the money goes back, or the new goods are sent.
#[utoipa::path(post, path = "/api/v1/aftersales/{aftersale_no}/confirm-return", tag = "after-sales",
    params(("aftersale_no" = String, Path), Repeatable),
    responses((status = 200, description = "The after-sale", body = AftersaleAnswer)))]
pub(super) async fn confirm_return(
    State(room): State<Shared>,
    Caller(who): Caller,
    At(no): At<AftersaleNo>,
    call: Command<Nothing>,
) -> Answer<AftersaleAnswer> {
    let app = room.app.clone();
    let work = async move { aftersale::confirm_return(&app, &who, no, call.key).await };
    Ok(ok(room.finish("aftersale", work).await?))
}
