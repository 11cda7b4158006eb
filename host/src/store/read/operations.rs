//! The operate log, hot and archived together, and settlements: page by page from the newest.

use crate::domain::change::Settlement;
use crate::domain::ids::{BusinessCode, Millis, OrderNo, ShopId};
use crate::domain::number::ceiling;
use crate::domain::operation::Operation;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::{aftersales, work};
use crate::store::sql::{Reader, Row, Sql, Value, sql};

/// How many settlements a page looks at for its time.
const WINDOW: i64 = 5_000;

/// Where an entry of the operate log stands among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When.
    pub at: Millis,
    /// Of which order.
    pub order_no: OrderNo,
    /// Tells apart what was done in one moment.
    pub n: i64,
}

impl Entry {
    /// After every entry.
    pub const LAST: Self = Self { at: Millis::MAX, order_no: OrderNo(i64::MAX), n: i64::MAX };
}

/// Whose settlements.
#[derive(Debug, Clone, Default)]
pub struct SettlementFilter {
    /// Of this shop.
    pub shop: Option<ShopId>,
    /// Of this line.
    pub business: Option<BusinessCode>,
    /// Settled at this time or later.
    pub from: Option<Millis>,
    /// Settled before this time.
    pub to: Option<Millis>,
}

/// A page of settlements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettlementList {
    /// By the number of the shop order, the newest first.
    pub settlements: Vec<Settlement>,
    /// Where the next page begins, if there may be one: below this shop order.
    pub next: Option<OrderNo>,
}

/// Entries of many orders; `numbers` is those orders as a table.
fn entries(numbers: &str) -> String {
    let of = |table: &str| {
        let columns = aftersales::OPERATE_LOGS.list(&format!("{table}."));
        format!(
            "SELECT {columns} FROM {numbers} JOIN {table} ON {table}.slot = (u.no & 1023) AND {table}.order_no = u.no \
             WHERE ({table}.at, {table}.order_no, {table}.n) < ($2, $3, $4)"
        )
    };
    // While entries move to the archive they may be in both: UNION keeps one.
    let (hot, archived) = (of("operate_logs"), of("operate_logs_archive"));
    format!("{hot} UNION {archived} ORDER BY at DESC, order_no DESC, n DESC LIMIT $5")
}

fn settlements(name: &'static str, column: &str) -> Sql {
    let columns = work::SETTLEMENTS.list("t.");
    let text = format!(
        "SELECT {columns} FROM {{settlements}} WHERE t.{column} = $1 AND t.shop_no < $2 AND t.shop_no >= $3 \
         AND (CAST($4 AS TEXT) IS NULL OR t.shop = $4) AND (CAST($5 AS TEXT) IS NULL OR t.business = $5) \
         AND (CAST($6 AS BIGINT) IS NULL OR t.at >= $6) AND (CAST($7 AS BIGINT) IS NULL OR t.at < $7) \
         ORDER BY t.shop_no DESC LIMIT $8"
    );
    by_index(name, column, &text)
}

fn reach(name: &'static str, column: &str) -> Sql {
    let text = format!(
        "SELECT t.shop_no FROM {{settlements}} WHERE t.{column} = $1 AND t.shop_no < $2 \
         ORDER BY t.shop_no DESC LIMIT 1 OFFSET $3"
    );
    by_index(name, column, &text)
}

fn by_index(name: &'static str, column: &str, text: &str) -> Sql {
    let hint = format!("settlements AS t INDEXED BY settlements_{column}");
    Sql::each(name, text.replace("{settlements}", "settlements AS t"), text.replace("{settlements}", &hint))
}

sql! {
    OPERATIONS_OF = Sql::each("operate log of orders",
        entries("UNNEST($1::bigint[]) AS u(no)"), entries("(SELECT value AS no FROM json_each($1)) AS u"));
    OPERATIONS = Sql::both("operate log", format!(
        "SELECT {} FROM operate_logs AS t WHERE at <= $1 AND (at, order_no, n) < ($1, $2, $3) \
         ORDER BY at DESC, order_no DESC, n DESC LIMIT $4", aftersales::OPERATE_LOGS.list("t.")));
    OPERATIONS_BY = Sql::both("operate log of an operator", format!(
        "SELECT {} FROM operate_logs AS t WHERE operator = $5 AND operation = $6 AND at <= $1 \
         AND (at, order_no, n) < ($1, $2, $3) ORDER BY at DESC, order_no DESC, n DESC LIMIT $4",
        aftersales::OPERATE_LOGS.list("t.")));
    // One step of the index for each: what an operator does has few names.
    DEEDS = Sql::both("what an operator does",
        "WITH RECURSIVE deeds(operation) AS (\
         SELECT min(operation) FROM operate_logs WHERE operator = $1 UNION ALL \
         SELECT (SELECT min(t.operation) FROM operate_logs AS t WHERE t.operator = $1 AND t.operation > deeds.operation) \
         FROM deeds WHERE deeds.operation IS NOT NULL) \
         SELECT operation FROM deeds WHERE operation IS NOT NULL");
    SETTLEMENTS_OF_SHOP = settlements("settlements of a shop", "shop");
    SETTLEMENTS_OF_BUSINESS = settlements("settlements of a business", "business");
    REACH_OF_SHOP = reach("reach among settlements of a shop", "shop");
    REACH_OF_BUSINESS = reach("reach among settlements of a business", "business");
    CODES = Sql::both("codes of lines", "SELECT code FROM businesses ORDER BY code");
}

impl Store {
    /// What was done to orders, by their numbers, before an entry, the newest first.
    pub async fn operations_of(
        &self,
        numbers: &[OrderNo],
        below: Entry,
        limit: u32,
    ) -> Result<Vec<(Entry, Operation)>, StoreError> {
        let numbers: Vec<i64> = numbers.iter().map(|no| no.0).collect();
        let (at, no, n) = (below.at.into(), below.order_no.0.into(), below.n.into());
        let values = [Value::Ints(&numbers), at, no, n, i64::from(limit).into()];
        self.readers().fetch(&OPERATIONS_OF, &values).await?.iter().map(entry).collect()
    }

    /// What people did to any order in the last three months, before an entry, the newest first: everybody, one
    /// operator, or one operator's deeds of one name.
    pub async fn operations(
        &self,
        by: Option<(&str, Option<&str>)>,
        below: Entry,
        limit: u32,
    ) -> Result<Vec<(Entry, Operation)>, StoreError> {
        let place = [below.at.into(), below.order_no.0.into(), below.n.into(), i64::from(limit).into()];
        let Some((operator, operation)) = by else {
            return self.readers().fetch(&OPERATIONS, &place).await?.iter().map(entry).collect();
        };
        let deeds = if let Some(operation) = operation {
            vec![operation.to_owned()]
        } else {
            let rows = self.readers().fetch(&DEEDS, &[operator.into()]).await?;
            rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?
        };
        let mut found = vec![];
        for deed in &deeds {
            let mut values = place.to_vec();
            values.extend([Value::Text(operator), Value::Text(deed)]);
            let rows = self.readers().fetch(&OPERATIONS_BY, &values).await?;
            found.extend(rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(newest(found, limit))
    }

    /// A page of what shops got, below a shop order. Without shop and line it is made of all lines.
    pub async fn settlements(
        &self,
        filter: &SettlementFilter,
        below: Option<OrderNo>,
        limit: u32,
    ) -> Result<SettlementList, StoreError> {
        let (of, sqls) = match (&filter.shop, &filter.business) {
            (Some(shop), _) => (vec![shop.to_string()], (&SETTLEMENTS_OF_SHOP, &REACH_OF_SHOP)),
            (None, Some(line)) => (vec![line.to_string()], (&SETTLEMENTS_OF_BUSINESS, &REACH_OF_BUSINESS)),
            (None, None) => {
                let rows = self.readers().fetch(&CODES, &[]).await?;
                let lines = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
                (lines, (&SETTLEMENTS_OF_BUSINESS, &REACH_OF_BUSINESS))
            }
        };
        // An order is settled after it was made.
        let below = below.map_or(i64::MAX, |no| no.0).min(filter.to.map_or(i64::MAX, ceiling));
        let (mut reached, mut found) = (None, vec![]);
        for of in &of {
            let values = [of.as_str().into(), below.into(), (WINDOW - 1).into()];
            let window = self.readers().fetch(sqls.1, &values).await?.first().map(|row| row.int(0)).transpose()?;
            let values = [
                of.as_str().into(),
                below.into(),
                window.unwrap_or(0).into(),
                Value::OptText(filter.shop.as_ref().map(ShopId::as_str)),
                Value::OptText(filter.business.as_ref().map(BusinessCode::as_str)),
                Value::OptInt(filter.from),
                Value::OptInt(filter.to),
                i64::from(limit).into(),
            ];
            let rows = self.readers().fetch(sqls.0, &values).await?;
            let settled = |row| work::take_settlement(&mut Reader::new(row, &work::SETTLEMENTS));
            let part: Vec<Settlement> = rows.iter().map(settled).collect::<Result<_, _>>()?;
            let full = part.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
            reached = reached.max(part.last().filter(|_| full).map(|last| last.shop_no.0).or(window));
            found.extend(part);
        }
        found.retain(|settlement| reached.is_none_or(|reached| settlement.shop_no.0 >= reached));
        found.sort_by_key(|settlement| std::cmp::Reverse(settlement.shop_no));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let cut = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| cut).map(|last| last.shop_no).or(reached.map(OrderNo));
        Ok(SettlementList { settlements: found, next })
    }
}

fn entry(row: &Row) -> Result<(Entry, Operation), StoreError> {
    let (operation, n) = aftersales::take_operation(&mut Reader::new(row, &aftersales::OPERATE_LOGS))?;
    Ok((Entry { at: operation.at, order_no: operation.order_no, n }, operation))
}

fn newest(mut found: Vec<(Entry, Operation)>, limit: u32) -> Vec<(Entry, Operation)> {
    found.sort_by_key(|(entry, _)| std::cmp::Reverse(*entry));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    found
}
