//! Lists are of shop orders, newest first, by keyset pages.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::api::ListOrders;
use super::super::orders::store_problem;
use super::super::problem::Problem;
use crate::domain::ids::{BadText, BusinessCode, BuyerId, OrderNo, ShopId};
use crate::domain::money::Minor;
use crate::domain::order::{ShopOrder, Visible};
use crate::domain::time::rfc3339;
use crate::identity::{Principal, Role};
use crate::store::{Cursor, Filter, StatusCount};

/// A page of shop orders.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderPage {
    /// Newest first.
    pub orders: Vec<ShopOrderSummary>,
    /// `cursor` of the next page; none on the last one. A search for what is rare among very many may answer short or
    /// empty pages before it.
    pub next: Option<String>,
}

/// How many shop orders are in each state.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderCounts {
    /// Every state asked for, in the order of their codes.
    pub counts: Vec<CountRow>,
}

/// How many are in one state.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountRow {
    /// created, cancelled, paid, shipped, received, closed or completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// At most 10,000.
    pub count: i64,
    /// There are more, or may be: `count` were counted.
    pub more: bool,
}

/// A shop order in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShopOrderSummary {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// L1
    #[schema(value_type = String)]
    pub parent_no: OrderNo,
    /// Who buys.
    pub buyer: String,
    /// Who sells.
    pub shop_id: String,
    /// Whose plugin decides.
    pub business: String,
    /// The order type.
    #[serde(rename = "type")]
    pub kind: i32,
    /// created, cancelled, paid, shipped, received, closed or completed.
    pub status: String,
    /// 0 to 6
    pub status_code: i16,
    /// Where inside the state.
    pub sub_status: String,
    /// Its number.
    pub sub_status_code: i16,
    /// L2 price, without freight and tax.
    pub price: Minor,
    /// Units bought.
    pub quantity: i64,
    /// 0 listed, 1 in the buyer's recycle bin, 2 deleted for good by the buyer.
    pub visible: i16,
    /// The seller's own reference.
    pub out_id: Option<String>,
    /// Set when a person must look. Not for buyers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<String>,
    /// RFC 3339: the deadline of the state.
    pub expire_time: Option<String>,
    /// Why it was cancelled or closed: a code.
    pub reason: Option<String>,
    /// RFC 3339
    pub created_at: String,
    /// RFC 3339
    pub updated_at: String,
}

impl ShopOrderSummary {
    /// For a caller of a role.
    pub fn of(shop: &ShopOrder, role: Role) -> Self {
        Self {
            order_no: shop.no,
            parent_no: shop.pay_no,
            buyer: shop.buyer.to_string(),
            shop_id: shop.shop.to_string(),
            business: shop.business.to_string(),
            kind: shop.kind,
            status: shop.status.word().to_owned(),
            status_code: shop.status.code(),
            sub_status: shop.sub_status.word().to_owned(),
            sub_status_code: shop.sub_status.code(),
            price: shop.amounts.price,
            quantity: shop.amounts.quantity,
            visible: shop.visible.code(),
            out_id: shop.out_id.clone(),
            attention: if role == Role::Buyer { None } else { shop.attention.clone() },
            expire_time: shop.expire_time.map(rfc3339),
            reason: shop.reason.as_ref().map(|reason| reason.code.clone()),
            created_at: rfc3339(shop.created_at),
            updated_at: rfc3339(shop.updated_at),
        }
    }
}

/// A page of what the caller may see.
pub async fn list(app: &App, who: &Principal, mut wanted: ListOrders) -> Result<OrderPage, Problem> {
    narrow(who, &mut wanted)?;
    let (cursor, limit) = (wanted.cursor, wanted.limit);
    let filter = filter(who, wanted)?;
    let page = app.store.shop_orders(&filter, cursor.map(Cursor), limit).await.map_err(store_problem)?;
    Ok(OrderPage {
        orders: page.orders.iter().map(|shop| ShopOrderSummary::of(shop, who.role)).collect(),
        next: page.next.map(|cursor| cursor.0.to_string()),
    })
}

/// How many of what the caller may see are in each state.
pub async fn counts(app: &App, who: &Principal, mut wanted: ListOrders) -> Result<OrderCounts, Problem> {
    narrow(who, &mut wanted)?;
    if wanted.buyer.is_none() && wanted.shop.is_none() && wanted.business.is_none() {
        return Err(Problem::invalid("bad-query", "name a buyer, a shop_id or a business to count"));
    }
    let counts = app.store.count_orders(&filter(who, wanted)?).await.map_err(store_problem)?;
    let row = |counted: StatusCount| CountRow {
        status: counted.status.word().to_owned(),
        status_code: counted.status.code(),
        count: counted.count,
        more: counted.more,
    };
    Ok(OrderCounts { counts: counts.into_iter().map(row).collect() })
}

/// What the store shall look for. Where orders are shown is their buyer's matter, and asked for only among a buyer's.
fn filter(who: &Principal, wanted: ListOrders) -> Result<Filter, Problem> {
    if wanted.visible.is_some() && wanted.buyer.is_none() {
        return Err(Problem::invalid("bad-query", "visible: only among the orders of one buyer"));
    }
    if who.role == Role::Buyer && wanted.visible == Some(Visible::Gone) {
        return Err(Problem::invalid("bad-query", "visible must be 0 (listed) or 1 (recycle bin)"));
    }
    let bad = |error: BadText| Problem::invalid("bad-query", error.to_string());
    Ok(Filter {
        buyer: wanted.buyer.map(BuyerId::new).transpose().map_err(bad)?,
        shop: wanted.shop.map(ShopId::new).transpose().map_err(bad)?,
        business: wanted.business.map(BusinessCode::new).transpose().map_err(bad)?,
        status: wanted.status,
        visible: wanted.visible.or((who.role == Role::Buyer).then_some(Visible::Normal)),
        from: wanted.from,
        to: wanted.until,
        out_id: wanted.out_id,
    })
}

/// Nobody's search goes past what is theirs.
pub(super) fn narrow(who: &Principal, wanted: &mut ListOrders) -> Result<(), Problem> {
    match who.role {
        Role::Buyer => own(&mut wanted.buyer, &who.subject, "buyer"),
        Role::Business => own(&mut wanted.business, who.business.as_deref().unwrap_or_default(), "business"),
        Role::Shop => match (&wanted.shop, who.shops.as_slice()) {
            (None, [only]) => {
                wanted.shop = Some(only.clone());
                Ok(())
            }
            (Some(shop), _) if who.serves_shop(shop) => Ok(()),
            (Some(_), _) => Err(Problem::forbidden("shop_id is not one of your shops")),
            (None, _) => Err(Problem::invalid("bad-query", "you serve several shops: name one as shop_id")),
        },
        Role::Operator | Role::Admin => Ok(()),
    }
}

fn own(wanted: &mut Option<String>, mine: &str, what: &str) -> Result<(), Problem> {
    if wanted.as_deref().is_some_and(|wanted| wanted != mine) {
        return Err(Problem::forbidden(format!("{what} can only be your own")));
    }
    *wanted = Some(mine.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role) -> Principal {
        let shops = if role == Role::Shop { vec!["s1".to_owned(), "s2".to_owned()] } else { vec![] };
        let business = (role == Role::Business).then(|| "goods".to_owned());
        Principal { subject: "me".into(), role, shops, business }
    }

    #[test]
    fn a_search_never_leaves_what_is_the_callers() {
        let narrowed = |role, mut wanted: ListOrders| narrow(&caller(role), &mut wanted).map(|()| wanted);
        let all = ListOrders::default;
        assert_eq!(narrowed(Role::Buyer, all()).unwrap().buyer.as_deref(), Some("me"));
        assert!(narrowed(Role::Buyer, ListOrders { buyer: Some("you".into()), ..all() }).is_err());
        assert_eq!(narrowed(Role::Business, all()).unwrap().business.as_deref(), Some("goods"));
        assert!(narrowed(Role::Business, ListOrders { business: Some("hotel".into()), ..all() }).is_err());
        assert!(narrowed(Role::Shop, all()).is_err());
        assert!(narrowed(Role::Shop, ListOrders { shop: Some("s2".into()), ..all() }).is_ok());
        assert!(narrowed(Role::Shop, ListOrders { shop: Some("s3".into()), ..all() }).is_err());
        assert!(narrowed(Role::Operator, ListOrders { buyer: Some("you".into()), ..all() }).is_ok());
    }
}
