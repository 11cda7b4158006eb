//! The operate log and what shops got, page by page from the newest.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::api::ListOrders;
use super::super::orders::{Freshness, owned, role, store_problem, tree as read_tree};
use super::super::problem::Problem;
use super::list::narrow;
use crate::domain::change::Settlement;
use crate::domain::ids::{BadText, BusinessCode, Millis, OrderNo, ShopId};
use crate::domain::money::Minor;
use crate::domain::operation::Operation;
use crate::domain::time::rfc3339;
use crate::domain::tree::OrderTree;
use crate::identity::{Principal, Role};
use crate::store::{Entry, SettlementFilter};

/// A page of the operate log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationPage {
    /// Newest first.
    pub entries: Vec<OperationRow>,
    /// `cursor` of the next page; none on the last one.
    pub next: Option<String>,
}

/// Who changed what of an order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationRow {
    /// Of any level.
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// 1 to 3
    pub level: u8,
    /// `buyer:…`, `shop:…`, `business:…`, `operator:…` or `admin:…`.
    pub operator: String,
    /// `cancel`, `refund`, `receive`, `visible`, `rate`, `comment`, `tags`, `redrive`, …
    pub operation: String,
    /// For people; may be empty.
    pub remark: String,
    /// What of it was before.
    #[schema(value_type = Object)]
    pub before: serde_json::Value,
    /// What of it is since.
    #[schema(value_type = Object)]
    pub after: serde_json::Value,
    /// RFC 3339
    pub at: String,
}

/// Where a page of the operate log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCursor(Entry);

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.0.at, self.0.order_no, self.0.n)
    }
}

impl FromStr for LogCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('_').map(|part| part.parse::<i64>().map_err(drop));
        let mut next = || parts.next().unwrap_or(Err(()));
        let entry = Entry { at: next()?, order_no: OrderNo(next()?), n: next()? };
        if parts.next().is_some() { Err(()) } else { Ok(Self(entry)) }
    }
}

/// What was done to an order and to what is below it, archived entries too. For its sellers and staff.
pub async fn operations_of(
    app: &App,
    who: &Principal,
    no: OrderNo,
    below: Option<LogCursor>,
    limit: u32,
) -> Result<OperationPage, Problem> {
    role(who, &[Role::Shop, Role::Business, Role::Operator, Role::Admin])?;
    let tree = read_tree(app, no, Freshness::Fresh).await?;
    owned(who, &tree, no)?;
    let below = below.map_or(Entry::LAST, |cursor| cursor.0);
    let found = app.store.operations_of(&and_below(&tree, no), below, limit).await.map_err(store_problem)?;
    Ok(page(found, limit))
}

/// The number with those below it.
fn and_below(tree: &OrderTree, no: OrderNo) -> Vec<OrderNo> {
    let mut numbers = vec![no];
    for shop in tree.shops.iter().filter(|shop| shop.no == no || shop.pay_no == no) {
        numbers.extend((shop.no != no).then_some(shop.no));
        numbers.extend(shop.items.iter().map(|item| item.no));
    }
    numbers
}

/// What everybody, or one operator, did to orders in the last three months. For staff.
pub async fn operations(
    app: &App,
    operator: Option<&str>,
    operation: Option<&str>,
    below: Option<LogCursor>,
    limit: u32,
) -> Result<OperationPage, Problem> {
    if operator.is_none() && operation.is_some() {
        return Err(Problem::invalid("bad-query", "operation: only with an operator"));
    }
    let by = operator.map(|operator| (operator, operation));
    let below = below.map_or(Entry::LAST, |cursor| cursor.0);
    Ok(page(app.store.operations(by, below, limit).await.map_err(store_problem)?, limit))
}

fn page(found: Vec<(Entry, Operation)>, limit: u32) -> OperationPage {
    let full = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.last().filter(|_| full).map(|(entry, _)| LogCursor(*entry).to_string());
    let row = |(_, operation): (Entry, Operation)| OperationRow {
        order_no: operation.order_no,
        level: operation.level,
        operator: operation.operator,
        operation: operation.operation,
        remark: operation.remark,
        before: operation.before,
        after: operation.after,
        at: rfc3339(operation.at),
    };
    OperationPage { entries: found.into_iter().map(row).collect(), next }
}

/// Which settlements.
#[derive(Debug, Clone, Default)]
pub struct ListSettlements {
    /// Of which shop.
    pub shop: Option<String>,
    /// Of which line.
    pub business: Option<String>,
    /// Settled at or after.
    pub from: Option<Millis>,
    /// Settled before.
    pub until: Option<Millis>,
    /// Where the page before ended.
    pub cursor: Option<OrderNo>,
    /// At most 200.
    pub limit: u32,
}

/// A page of settlements.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettlementPage {
    /// By shop order, the newest first.
    pub settlements: Vec<SettlementRow>,
    /// `cursor` of the next page; none on the last one. A search by time among very many may answer short or empty pages
    /// before it.
    pub next: Option<String>,
}

/// What a shop got of a shop order, in minor units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SettlementRow {
    /// L2
    #[schema(value_type = String)]
    pub order_no: OrderNo,
    /// Who got it.
    pub shop_id: String,
    /// Whose line.
    pub business: String,
    /// ISO 4217
    pub currency: String,
    /// What was not refunded, and what was retained.
    pub gross: Minor,
    /// Technical fee.
    pub technical_fee: Minor,
    /// Promotion fee.
    pub promotion_fee: Minor,
    /// gross − fees
    pub net: Minor,
    /// RFC 3339
    pub at: String,
}

/// A page of what the caller may see: sellers their own, staff all.
pub async fn settlements(app: &App, who: &Principal, wanted: ListSettlements) -> Result<SettlementPage, Problem> {
    role(who, &[Role::Shop, Role::Business, Role::Operator, Role::Admin])?;
    let mut whose = ListOrders { shop: wanted.shop, business: wanted.business, ..ListOrders::default() };
    narrow(who, &mut whose)?;
    let bad = |error: BadText| Problem::invalid("bad-query", error.to_string());
    let filter = SettlementFilter {
        shop: whose.shop.map(ShopId::new).transpose().map_err(bad)?,
        business: whose.business.map(BusinessCode::new).transpose().map_err(bad)?,
        from: wanted.from,
        to: wanted.until,
    };
    let found = app.store.settlements(&filter, wanted.cursor, wanted.limit).await.map_err(store_problem)?;
    let row = |settlement: Settlement| SettlementRow {
        order_no: settlement.shop_no,
        shop_id: settlement.shop.to_string(),
        business: settlement.business.to_string(),
        currency: settlement.currency.to_string(),
        gross: settlement.gross,
        technical_fee: settlement.technical_fee,
        promotion_fee: settlement.promotion_fee,
        net: settlement.net,
        at: rfc3339(settlement.at),
    };
    Ok(SettlementPage {
        settlements: found.settlements.into_iter().map(row).collect(),
        next: found.next.map(|no| no.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_none() {
        let cursor = LogCursor(Entry { at: 1_790_000_000_000, order_no: OrderNo(42), n: -7 });
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1", "1_2", "1_2_x", "1_2_3_4"] {
            assert_eq!(text.parse::<LogCursor>(), Err(()), "{text}");
        }
    }
}
