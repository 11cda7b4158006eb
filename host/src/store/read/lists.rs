//! What hangs on a shop order, and the orders that wait for a person.

use crate::domain::change::{Decision, Flow, Settlement};
use crate::domain::ids::{BusinessCode, Millis, OrderNo};
use crate::domain::order::Status;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::{orders, work};
use crate::store::sql::{Reader, Row, Sql, Value, sql};

/// Where the next page begins: below this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub OrderNo);

/// An order that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Which shop order.
    pub no: OrderNo,
    /// Whose plugin decides.
    pub business: BusinessCode,
    /// Its state.
    pub status: Status,
    /// Why.
    pub why: String,
    /// The last write.
    pub updated_at: Millis,
}

/// Orders for people are counted up to this.
const ATTENTION_MAX: i64 = 10_000;
/// Steps of a shop order's history that are read: late and repeated events, which add to it, may come without end.
pub const FLOWS_MAX: usize = 1_000;

sql! {
    FLOWS_OF = Sql::both("flows of an order", format!(
        "SELECT {} FROM flows AS t WHERE slot = $1 AND shop_no = $2 \
         ORDER BY version DESC, CASE WHEN n = 0 THEN 0 ELSE 1 END DESC, at DESC, n DESC LIMIT {FLOWS_MAX}",
        orders::FLOWS.list("t.")));
    DECISIONS_OF = Sql::both("decisions of an order", format!(
        "SELECT {} FROM decisions AS t WHERE slot = $1 AND subject = $2 ORDER BY seq", work::DECISIONS.list("t.")));
    SETTLEMENT_OF = Sql::both("settlement of an order", format!(
        "SELECT {} FROM settlements AS t WHERE slot = $1 AND shop_no = $2", work::SETTLEMENTS.list("t.")));
    ATTENTION = Sql::both("orders for people",
        "SELECT no, business, status, attention, updated_at FROM shop_orders \
         WHERE attention IS NOT NULL AND no < $1 AND (CAST($2 AS TEXT) IS NULL OR business = $2) \
         ORDER BY no DESC LIMIT $3");
    ATTENTION_COUNT = Sql::both("count orders for people", format!(
        "SELECT CAST(count(*) AS BIGINT) FROM \
         (SELECT no FROM shop_orders WHERE attention IS NOT NULL LIMIT {ATTENTION_MAX}) AS counted"));
}

impl Store {
    /// A shop order's history, oldest first: the last [`FLOWS_MAX`] steps.
    pub async fn flows(&self, shop_no: OrderNo) -> Result<Vec<Flow>, StoreError> {
        let rows = self.of_order(&FLOWS_OF, shop_no).await?;
        rows.iter().rev().map(|row| orders::take_flow(&mut Reader::new(row, &orders::FLOWS))).collect()
    }

    /// The hook records of a shop order, or of a pay order for pricing.
    pub async fn decisions(&self, subject: OrderNo) -> Result<Vec<Decision>, StoreError> {
        let rows = self.of_order(&DECISIONS_OF, subject).await?;
        rows.iter().map(|row| work::take_decision(&mut Reader::new(row, &work::DECISIONS))).collect()
    }

    /// What the shop got of a shop order.
    pub async fn settlement(&self, shop_no: OrderNo) -> Result<Option<Settlement>, StoreError> {
        let rows = self.of_order(&SETTLEMENT_OF, shop_no).await?;
        rows.first().map(|row| work::take_settlement(&mut Reader::new(row, &work::SETTLEMENTS))).transpose()
    }

    /// Orders that a person must look at, newest first.
    pub async fn attention(
        &self,
        business: Option<&BusinessCode>,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Attention>, StoreError> {
        let below = below.map_or(i64::MAX, |cursor| cursor.0.0);
        let values = [below.into(), Value::OptText(business.map(BusinessCode::as_str)), i64::from(limit).into()];
        let rows = self.readers().fetch(&ATTENTION, &values).await?;
        rows.iter().map(attention).collect()
    }

    /// How many orders a person must look at, at most 10,000.
    pub async fn attention_count(&self) -> Result<i64, StoreError> {
        let rows = self.readers().fetch(&ATTENTION_COUNT, &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    pub(super) async fn of_order(&self, sql: &'static Sql, no: OrderNo) -> Result<Vec<Row>, StoreError> {
        Ok(self.readers().fetch(sql, &[i64::from(no.slot().index()).into(), no.0.into()]).await?)
    }
}

crate::store::sql::table! {
    ATTENTION_COLUMNS = "shop_orders" { no: Int, business: Text, status: Int, attention: Text, updated_at: Int }
}

fn attention(row: &Row) -> Result<Attention, StoreError> {
    let mut row = Reader::new(row, &ATTENTION_COLUMNS);
    Ok(Attention {
        no: OrderNo(row.int()?),
        business: row.id()?,
        status: row.code(Status::from_code)?,
        why: row.text()?,
        updated_at: row.int()?,
    })
}
