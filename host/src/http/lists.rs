//! Lists of orders and what is counted and settled of them.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::caller::Caller;
use super::params::{At, Paging, Search, cursor, limit};
use super::reply::{Answer, ok};
use super::upkeep::{OUT_ID_MAX, visible};
use crate::app::api::ListOrders;
use crate::app::problem::Problem;
use crate::app::read::{self, ListSettlements, OperationPage, OrderCounts, OrderPage, SettlementPage};
use crate::domain::ids::{Millis, OrderNo};
use crate::domain::order::Status;

/// Characters of who did something: a role and a subject, which has at most 128 bytes.
const OPERATOR_MAX: usize = 160;
/// Characters of what was done.
const OPERATION_MAX: usize = 64;

/// Nothing is stored that is longer: it is not looked for.
fn at_most(name: &str, text: Option<&str>, most: usize) -> Result<(), Problem> {
    if text.is_none_or(|text| text.chars().count() <= most) {
        return Ok(());
    }
    Err(Problem::invalid("bad-query", format!("{name}: at most {most} characters")))
}

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderSearch {
    /// Whose. A buyer always gets their own.
    buyer: Option<String>,
    /// Of which shop. A caller with several shops names one.
    shop_id: Option<String>,
    /// Of which business line.
    business: Option<String>,
    /// `created`, `cancelled`, `paid`, `shipped`, `received`, `closed` or `completed`.
    status: Option<String>,
    /// 0 listed, 1 recycle bin; a buyer gets 0 if absent. Of one buyer only.
    visible: Option<i16>,
    /// With this reference of the seller (`PUT …/tags`).
    out_id: Option<String>,
    /// Made at or after, epoch milliseconds.
    from: Option<Millis>,
    /// Made before, epoch milliseconds.
    until: Option<Millis>,
    /// `next` of the page before. Not for counts.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent. Not for counts.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

impl OrderSearch {
    fn wanted(self) -> Result<ListOrders, Problem> {
        at_most("out_id", self.out_id.as_deref(), OUT_ID_MAX)?;
        let status = self.status.as_deref().map(|word| {
            Status::from_word(word).ok_or_else(|| {
                let words: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
                Problem::invalid("bad-query", format!("status must be one of {}", words.join(", ")))
            })
        });
        Ok(ListOrders {
            buyer: self.buyer,
            shop: self.shop_id,
            business: self.business,
            status: status.transpose()?,
            visible: self.visible.map(|code| visible(code, "bad-query")).transpose()?,
            out_id: self.out_id,
            from: self.from,
            until: self.until,
            cursor: cursor::<OrderNo>(self.cursor.as_deref())?,
            limit: limit(self.limit)?,
        })
    }
}

/// List shop orders, newest first.
///
/// Buyers, shops and lines get their own.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderSearch),
    responses((status = 200, description = "A page", body = OrderPage)))]
pub(super) async fn list(
    State(room): State<Shared>,
    who: Caller,
    Search(search): Search<OrderSearch>,
) -> Answer<OrderPage> {
    Ok(ok(read::list(&room.app, &who, search.wanted()?).await?))
}

/// Count shop orders by state.
///
/// Of a buyer, a shop or a line, narrowed as the list is. Exact up to 10,000 a state; `more` says that there are more, or
/// that so many had to be looked at that some may have been missed.
#[utoipa::path(get, path = "/api/v1/orders/counts", tag = "orders", params(OrderSearch),
    responses((status = 200, description = "By state", body = OrderCounts)))]
pub(super) async fn counts(
    State(room): State<Shared>,
    who: Caller,
    Search(search): Search<OrderSearch>,
) -> Answer<OrderCounts> {
    if search.cursor.is_some() || search.limit.is_some() {
        return Err(Problem::invalid("bad-query", "cursor and limit are for lists; counts have no pages").into());
    }
    Ok(ok(read::counts(&room.app, &who, search.wanted()?).await?))
}

/// What people did to an order and to what is below it, newest first.
#[utoipa::path(get, path = "/api/v1/orders/{order_no}/operate-log", tag = "orders",
    params(("order_no" = String, Path, description = "Of any level"), Paging),
    responses((status = 200, description = "A page", body = OperationPage)))]
pub(super) async fn operations_of(
    State(room): State<Shared>,
    who: Caller,
    At(no): At<OrderNo>,
    Search(page): Search<Paging>,
) -> Answer<OperationPage> {
    let (below, limit) = (cursor(page.cursor.as_deref())?, limit(page.limit)?);
    Ok(ok(read::operations_of(&room.app, &who, no, below, limit).await?))
}

/// Which entries of the operate log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationSearch {
    /// Who, such as `operator:zhang`.
    operator: Option<String>,
    /// What, such as `refund`; only with an operator.
    operation: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What people did to orders in the last three months, newest first.
///
/// Older entries are found by their order.
#[utoipa::path(get, path = "/admin/v1/operate-log", tag = "admin", params(OperationSearch),
    responses((status = 200, description = "A page", body = OperationPage)))]
pub(super) async fn operations(
    State(room): State<Shared>,
    Search(search): Search<OperationSearch>,
) -> Answer<OperationPage> {
    let (operator, operation) = (search.operator.as_deref(), search.operation.as_deref());
    at_most("operator", operator, OPERATOR_MAX)?;
    at_most("operation", operation, OPERATION_MAX)?;
    let (below, limit) = (cursor(search.cursor.as_deref())?, limit(search.limit)?);
    Ok(ok(read::operations(&room.app, operator, operation, below, limit).await?))
}

/// Which settlements.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SettlementSearch {
    /// Of which shop. A caller with several shops names one.
    shop_id: Option<String>,
    /// Of which business line.
    business: Option<String>,
    /// Settled at or after, epoch milliseconds.
    from: Option<Millis>,
    /// Settled before, epoch milliseconds.
    until: Option<Millis>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// What shops got of their orders: sellers see their own.
#[utoipa::path(get, path = "/api/v1/settlements", tag = "orders", params(SettlementSearch),
    responses((status = 200, description = "A page", body = SettlementPage)))]
pub(super) async fn settlements(
    State(room): State<Shared>,
    who: Caller,
    Search(search): Search<SettlementSearch>,
) -> Answer<SettlementPage> {
    let wanted = ListSettlements {
        shop: search.shop_id,
        business: search.business,
        from: search.from,
        until: search.until,
        cursor: cursor(search.cursor.as_deref())?,
        limit: limit(search.limit)?,
    };
    Ok(ok(read::settlements(&room.app, &who, wanted).await?))
}
