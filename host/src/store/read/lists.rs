//! Lists of shop orders, page by page from the newest, and what hangs on one of them.

use crate::domain::change::{Decision, Flow, Settlement};
use crate::domain::ids::{BusinessCode, BuyerId, Millis, OrderNo, ShopId, Slot};
use crate::domain::order::{ShopOrder, Status, Visible};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::{orders, work};
use crate::store::sql::{Reader, Row, Sql, Value, sql};

/// Which shop orders are listed; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this buyer.
    pub buyer: Option<BuyerId>,
    /// Of this shop.
    pub shop: Option<ShopId>,
    /// Of this line.
    pub business: Option<BusinessCode>,
    /// In this state.
    pub status: Option<Status>,
    /// With this visibility.
    pub visible: Option<Visible>,
    /// Made at this time or later.
    pub from: Option<Millis>,
    /// Made before this time.
    pub to: Option<Millis>,
}

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

fn list(name: &'static str, first: &str) -> Sql {
    let columns = orders::SHOP_ORDERS.list("s.");
    let text = format!(
        "SELECT {columns} FROM shop_orders AS s WHERE {first} AND s.no < $2 \
         AND (CAST($3 AS TEXT) IS NULL OR s.shop = $3) AND (CAST($4 AS TEXT) IS NULL OR s.business = $4) \
         AND (CAST($5 AS BIGINT) IS NULL OR s.status = $5) AND (CAST($6 AS BIGINT) IS NULL OR s.visible = $6) \
         AND (CAST($7 AS BIGINT) IS NULL OR s.created_at >= $7) AND (CAST($8 AS BIGINT) IS NULL OR s.created_at < $8) \
         ORDER BY s.no DESC LIMIT $9"
    );
    Sql::both(name, text)
}

sql! {
    OF_BUYER = list("orders of a buyer", "s.slot = $10 AND s.buyer = $1");
    OF_SHOP = list("orders of a shop", "s.shop = $1");
    OF_BUSINESS = list("orders of a business", "s.business = $1");
    OPEN_OF_BUSINESS = list("open orders of a business", "s.business = $1 AND s.ended_at IS NULL");
    CODES = Sql::both("codes of businesses", "SELECT code FROM businesses ORDER BY code");
    ITEMS = {
        let columns = orders::ITEM_ORDERS.list("i.");
        Sql::each("items of orders",
            format!("SELECT {columns} FROM UNNEST($1::bigint[]) AS u(no) JOIN item_orders AS i \
                     ON i.slot = (u.no & 1023) AND i.shop_no = u.no ORDER BY i.shop_no, i.line"),
            format!("SELECT {columns} FROM (SELECT value ->> 0 AS no FROM json_each($1)) AS u JOIN item_orders AS i \
                     ON i.slot = (u.no & 1023) AND i.shop_no = u.no ORDER BY i.shop_no, i.line"))
            .with_bulk(&[crate::store::sql::Ty::Int])
    };
    FLOWS_OF = Sql::both("flows of an order", format!(
        "SELECT {} FROM flows AS t WHERE slot = $1 AND shop_no = $2 ORDER BY version, CASE WHEN n = 0 THEN 0 ELSE 1 END, at, n",
        orders::FLOWS.list("t.")));
    DECISIONS_OF = Sql::both("decisions of an order", format!(
        "SELECT {} FROM decisions AS t WHERE slot = $1 AND subject = $2 ORDER BY seq", work::DECISIONS.list("t.")));
    SETTLEMENT_OF = Sql::both("settlement of an order", format!(
        "SELECT {} FROM settlements AS t WHERE slot = $1 AND shop_no = $2", work::SETTLEMENTS.list("t.")));
    ATTENTION = Sql::both("orders for people",
        "SELECT no, business, status, attention, updated_at FROM shop_orders \
         WHERE attention IS NOT NULL AND no < $1 AND (CAST($2 AS TEXT) IS NULL OR business = $2) \
         ORDER BY no DESC LIMIT $3");
}

impl Store {
    /// Shop orders with their items, newest first, at most `limit`.
    pub async fn shop_orders(
        &self,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<ShopOrder>, StoreError> {
        let mut found = if let Some(buyer) = &filter.buyer {
            self.page(&OF_BUYER, buyer.as_str(), filter, below, limit).await?
        } else if let Some(shop) = &filter.shop {
            self.page(&OF_SHOP, shop.as_str(), filter, below, limit).await?
        } else if let Some(business) = &filter.business {
            self.page_of_business(business.as_str(), filter, below, limit).await?
        } else {
            self.page_of_all(filter, below, limit).await?
        };
        self.fill_items(&mut found).await?;
        Ok(found)
    }

    /// There are few lines, so a page of all of them is the best of a page of each.
    async fn page_of_all(
        &self,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<ShopOrder>, StoreError> {
        let mut all = vec![];
        for row in self.readers().fetch(&CODES, &[]).await? {
            all.extend(self.page_of_business(&row.text(0)?, filter, below, limit).await?);
        }
        all.sort_by_key(|order| std::cmp::Reverse(order.no));
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(all)
    }

    async fn page_of_business(
        &self,
        code: &str,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<ShopOrder>, StoreError> {
        let open = filter.status.is_some_and(|status| !status.is_final());
        self.page(if open { &OPEN_OF_BUSINESS } else { &OF_BUSINESS }, code, filter, below, limit).await
    }

    async fn page(
        &self,
        sql: &'static Sql,
        of: &str,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<ShopOrder>, StoreError> {
        let mut values = vec![
            of.into(),
            below.map_or(i64::MAX, |cursor| cursor.0.0).into(),
            Value::OptText(filter.shop.as_ref().map(ShopId::as_str)),
            Value::OptText(filter.business.as_ref().map(BusinessCode::as_str)),
            Value::OptInt(filter.status.map(|status| status.code().into())),
            Value::OptInt(filter.visible.map(|visible| visible.code().into())),
            Value::OptInt(filter.from),
            Value::OptInt(filter.to),
            i64::from(limit).into(),
        ];
        if std::ptr::eq(sql, &raw const *OF_BUYER) {
            values.push(i64::from(Slot::of(of).index()).into());
        }
        let rows = self.readers().fetch(sql, &values).await?;
        rows.iter().map(|row| orders::take_shop(&mut Reader::new(row, &orders::SHOP_ORDERS))).collect()
    }

    async fn fill_items(&self, found: &mut [ShopOrder]) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let rows = self.readers().look(&ITEMS, &found.iter().map(|order| order.no.0).collect::<Vec<_>>()).await?;
        for row in rows {
            let (shop_no, item) = orders::take_item(&mut Reader::new(&row, &orders::ITEM_ORDERS))?;
            if let Some(order) = found.iter_mut().find(|order| order.no == shop_no) {
                order.items.push(item);
            }
        }
        Ok(())
    }

    /// A shop order's history, oldest first.
    pub async fn flows(&self, shop_no: OrderNo) -> Result<Vec<Flow>, StoreError> {
        let rows = self.of_order(&FLOWS_OF, shop_no).await?;
        rows.iter().map(|row| orders::take_flow(&mut Reader::new(row, &orders::FLOWS))).collect()
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
