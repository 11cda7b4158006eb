//! Lists and counts of shop orders, each by an index and with bounded work, however many orders there are.
//!
//! Which index serves a [`Filter`] is [`source`]'s choice. What the index does not know (a state of open orders, the
//! shop of a line's orders) is looked at row by row, [`WINDOW`] rows a page at most: a page may then be short, or empty,
//! and still have a next one.

use crate::domain::ids::{BusinessCode, BuyerId, Millis, OrderNo, ShopId, Slot};
use crate::domain::number::{ceiling, floor};
use crate::domain::order::{ShopOrder, Status, Visible};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::read::lists::Cursor;
use crate::store::rows::orders;
use crate::store::sql::{Reader, Sql, Value, sql};

/// How many orders a page looks at for what its index does not know.
const WINDOW: i64 = 5_000;
/// Counts are exact up to this, per state.
pub const COUNT_MAX: i64 = 10_000;
/// How many open orders, or orders of a buyer, are looked at for counts: as many as [`COUNT_MAX`] of each open state.
const COUNT_WINDOW: i64 = 4 * COUNT_MAX;

/// Which shop orders are listed; what is none does not matter. Those that are not visible yet never are.
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
    /// With this reference of their seller.
    pub out_id: Option<String>,
}

/// A page of shop orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderList {
    /// Newest first, with their items.
    pub orders: Vec<ShopOrder>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

/// How many shop orders are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCount {
    /// Which.
    pub status: Status,
    /// At most [`COUNT_MAX`].
    pub count: i64,
    /// There may be more.
    pub more: bool,
}

/// An index that finds orders of somebody from the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Buyer,
    Shop,
    OpenOfShop,
    EndedOfShop,
    Business,
    OpenOfBusiness,
    EndedOfBusiness,
    OutId,
}

impl By {
    fn index(self) -> &'static str {
        match self {
            Self::Buyer => "shop_orders_buyer",
            Self::Shop => "shop_orders_shop",
            Self::OpenOfShop => "shop_orders_open_shop",
            Self::EndedOfShop => "shop_orders_ended_shop",
            Self::Business => "shop_orders_business",
            Self::OpenOfBusiness => "shop_orders_open",
            Self::EndedOfBusiness => "shop_orders_ended_business",
            Self::OutId => "shop_orders_out_id",
        }
    }

    /// What of the filter finds the rows. `$1` is whose they are, `slot`, `status` and `out_id` are further arguments.
    fn found(self, slot: &str, status: &str, out_id: &str) -> String {
        match self {
            Self::Buyer => format!("s.slot = {slot} AND s.buyer = $1"),
            Self::Shop => "s.shop = $1".to_owned(),
            Self::OpenOfShop => "s.shop = $1 AND s.ended_at IS NULL".to_owned(),
            Self::EndedOfShop => format!("s.shop = $1 AND s.status = {status} AND s.ended_at IS NOT NULL"),
            Self::Business => "s.business = $1".to_owned(),
            Self::OpenOfBusiness => "s.business = $1 AND s.ended_at IS NULL".to_owned(),
            Self::EndedOfBusiness => format!("s.business = $1 AND s.status = {status} AND s.ended_at IS NOT NULL"),
            Self::OutId => format!("s.business = $1 AND s.out_id = {out_id}"),
        }
    }

    /// Whether the index knows everything that the filter asks for. Of times it knows the minute, by the numbers.
    fn knows(self, filter: &Filter) -> bool {
        let (of_shop, of_line, of_status) = match self {
            Self::Buyer => (false, false, false),
            Self::Shop | Self::OpenOfShop => (true, false, false),
            Self::EndedOfShop => (true, false, true),
            Self::Business | Self::OpenOfBusiness | Self::OutId => (false, true, false),
            Self::EndedOfBusiness => (false, true, true),
        };
        (of_shop || filter.shop.is_none())
            && (of_line || filter.business.is_none())
            && (of_status || filter.status.is_none())
            && (self == Self::Buyer || filter.buyer.is_none())
            && filter.visible.is_none()
            && filter.from.or(filter.to).is_none()
    }

    fn page(self) -> &'static Sql {
        match self {
            Self::Buyer => &PAGE_OF_BUYER,
            Self::Shop => &PAGE_OF_SHOP,
            Self::OpenOfShop => &PAGE_OPEN_OF_SHOP,
            Self::EndedOfShop => &PAGE_ENDED_OF_SHOP,
            Self::Business => &PAGE_OF_BUSINESS,
            Self::OpenOfBusiness => &PAGE_OPEN_OF_BUSINESS,
            Self::EndedOfBusiness => &PAGE_ENDED_OF_BUSINESS,
            Self::OutId => &PAGE_OF_OUT_ID,
        }
    }

    fn reach(self) -> &'static Sql {
        match self {
            Self::Buyer => &REACH_OF_BUYER,
            Self::Shop => &REACH_OF_SHOP,
            Self::OpenOfShop => &REACH_OPEN_OF_SHOP,
            Self::EndedOfShop => &REACH_ENDED_OF_SHOP,
            Self::Business => &REACH_OF_BUSINESS,
            Self::OpenOfBusiness => &REACH_OPEN_OF_BUSINESS,
            Self::EndedOfBusiness => &REACH_ENDED_OF_BUSINESS,
            Self::OutId => &REACH_OF_OUT_ID,
        }
    }

    fn count(self) -> &'static Sql {
        match self {
            Self::Buyer => &COUNT_OF_BUYER,
            Self::Shop | Self::OpenOfShop => &COUNT_OPEN_OF_SHOP,
            Self::EndedOfShop => &COUNT_ENDED_OF_SHOP,
            Self::Business | Self::OpenOfBusiness => &COUNT_OPEN_OF_BUSINESS,
            Self::EndedOfBusiness => &COUNT_ENDED_OF_BUSINESS,
            Self::OutId => &COUNT_OF_OUT_ID,
        }
    }
}

/// What the filter still asks of a row. Arguments 4 to 11, as [`rest`] gives them.
const STILL: &str = "(CAST($4 AS TEXT) IS NULL OR s.shop = $4) AND (CAST($5 AS TEXT) IS NULL OR s.business = $5) \
                     AND (CAST($6 AS BIGINT) IS NULL OR s.status = $6) AND s.visible <> 99 \
                     AND (CAST($7 AS BIGINT) IS NULL OR s.visible = $7) \
                     AND (CAST($8 AS BIGINT) IS NULL OR s.created_at >= $8) \
                     AND (CAST($9 AS BIGINT) IS NULL OR s.created_at < $9) \
                     AND (CAST($10 AS TEXT) IS NULL OR s.buyer = $10) \
                     AND (CAST($11 AS TEXT) IS NULL OR s.out_id = $11)";

/// SQLite is told its index: it has no statistics to choose by.
fn by_index(name: &'static str, by: By, text: &str) -> Sql {
    let hint = format!("shop_orders AS s INDEXED BY {}", by.index());
    Sql::each(name, text.replace("{orders}", "shop_orders AS s"), text.replace("{orders}", &hint))
}

/// Whose, below, from, what is still asked, limit, slot (of buyers).
fn page(name: &'static str, by: By) -> Sql {
    let (columns, found) = (orders::SHOP_ORDERS.list("s."), by.found("$13", "$6", "$11"));
    let text = format!(
        "SELECT {columns} FROM {{orders}} WHERE {found} AND s.no < $2 AND s.no >= $3 AND {STILL} \
         ORDER BY s.no DESC LIMIT $12"
    );
    by_index(name, by, &text)
}

/// The number that ends a window. Whose, below, from, how many, then the slot, the state or the reference.
fn reach(name: &'static str, by: By) -> Sql {
    let found = by.found("$5", "$5", "$5");
    let text = format!(
        "SELECT s.no FROM {{orders}} WHERE {found} AND s.no < $2 AND s.no >= $3 ORDER BY s.no DESC LIMIT 1 OFFSET $4"
    );
    by_index(name, by, &text)
}

/// By state: how many of the newest are as asked for, and how many were looked at. Arguments as of [`page`].
fn count(name: &'static str, by: By) -> Sql {
    let found = by.found("$13", "$6", "$11");
    let text = format!(
        "SELECT s.status, CAST(sum(CASE WHEN {STILL} THEN 1 ELSE 0 END) AS BIGINT), CAST(count(*) AS BIGINT) FROM \
         (SELECT s.status, s.visible, s.shop, s.business, s.created_at, s.buyer, s.out_id FROM {{orders}} \
          WHERE {found} AND s.no < $2 AND s.no >= $3 ORDER BY s.no DESC LIMIT $12) AS s GROUP BY s.status"
    );
    by_index(name, by, &text)
}

sql! {
    PAGE_OF_BUYER = page("orders of a buyer", By::Buyer);
    PAGE_OF_SHOP = page("orders of a shop", By::Shop);
    PAGE_OPEN_OF_SHOP = page("open orders of a shop", By::OpenOfShop);
    PAGE_ENDED_OF_SHOP = page("ended orders of a shop", By::EndedOfShop);
    PAGE_OF_BUSINESS = page("orders of a business", By::Business);
    PAGE_OPEN_OF_BUSINESS = page("open orders of a business", By::OpenOfBusiness);
    PAGE_ENDED_OF_BUSINESS = page("ended orders of a business", By::EndedOfBusiness);
    PAGE_OF_OUT_ID = page("orders of a reference", By::OutId);
    REACH_OF_BUYER = reach("reach among orders of a buyer", By::Buyer);
    REACH_OF_SHOP = reach("reach among orders of a shop", By::Shop);
    REACH_OPEN_OF_SHOP = reach("reach among open orders of a shop", By::OpenOfShop);
    REACH_ENDED_OF_SHOP = reach("reach among ended orders of a shop", By::EndedOfShop);
    REACH_OF_BUSINESS = reach("reach among orders of a business", By::Business);
    REACH_OPEN_OF_BUSINESS = reach("reach among open orders of a business", By::OpenOfBusiness);
    REACH_ENDED_OF_BUSINESS = reach("reach among ended orders of a business", By::EndedOfBusiness);
    REACH_OF_OUT_ID = reach("reach among orders of a reference", By::OutId);
    COUNT_OF_BUYER = count("count orders of a buyer", By::Buyer);
    COUNT_OPEN_OF_SHOP = count("count open orders of a shop", By::OpenOfShop);
    COUNT_ENDED_OF_SHOP = count("count ended orders of a shop", By::EndedOfShop);
    COUNT_OPEN_OF_BUSINESS = count("count open orders of a business", By::OpenOfBusiness);
    COUNT_ENDED_OF_BUSINESS = count("count ended orders of a business", By::EndedOfBusiness);
    COUNT_OF_OUT_ID = count("count orders of a reference", By::OutId);
    CODES = Sql::both("codes of businesses", "SELECT code FROM businesses ORDER BY code");
    ITEMS = {
        let columns = orders::ITEM_ORDERS.list("i.");
        Sql::each("items of orders",
            format!("SELECT {columns} FROM UNNEST($1::bigint[]) AS u(no) JOIN item_orders AS i \
                     ON i.slot = (u.no & 1023) AND i.shop_no = u.no ORDER BY i.shop_no, i.line"),
            format!("SELECT {columns} FROM (SELECT value AS no FROM json_each($1)) AS u JOIN item_orders AS i \
                     ON i.slot = (u.no & 1023) AND i.shop_no = u.no ORDER BY i.shop_no, i.line"))
    };
}

/// The index that knows most of a filter, for one line if it is none of a buyer or shop.
fn source(filter: &Filter) -> By {
    let ended = filter.status.map(Status::is_final);
    match (&filter.out_id, &filter.buyer, &filter.shop, ended) {
        (Some(_), ..) => By::OutId,
        (None, Some(_), ..) => By::Buyer,
        (None, None, Some(_), None) => By::Shop,
        (None, None, Some(_), Some(false)) => By::OpenOfShop,
        (None, None, Some(_), Some(true)) => By::EndedOfShop,
        (None, None, None, None) => By::Business,
        (None, None, None, Some(false)) => By::OpenOfBusiness,
        (None, None, None, Some(true)) => By::EndedOfBusiness,
    }
}

/// A part of a list: complete down to the number `reach`, or to its end.
#[derive(Debug, Default)]
struct Part {
    orders: Vec<ShopOrder>,
    reach: Option<i64>,
}

impl Store {
    /// A page of shop orders.
    pub async fn shop_orders(
        &self,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<OrderList, StoreError> {
        let by = source(filter);
        let mut parts = vec![];
        for of in self.of(by, filter).await? {
            parts.push(self.part(by, &of, filter, below, limit).await?);
        }
        let mut page = join(parts, usize::try_from(limit).unwrap_or(usize::MAX));
        self.fill_items(&mut page.orders).await?;
        Ok(page)
    }

    /// Whose orders make up the list. There are few lines, so a page of all of them is the best of a page of each.
    async fn of(&self, by: By, filter: &Filter) -> Result<Vec<String>, StoreError> {
        let one = match by {
            By::Buyer => filter.buyer.as_ref().map(BuyerId::as_str),
            By::Shop | By::OpenOfShop | By::EndedOfShop => filter.shop.as_ref().map(ShopId::as_str),
            By::Business | By::OpenOfBusiness | By::EndedOfBusiness | By::OutId => {
                filter.business.as_ref().map(BusinessCode::as_str)
            }
        };
        match one {
            Some(one) => Ok(vec![one.to_owned()]),
            None => self.readers().fetch(&CODES, &[]).await?.iter().map(|row| row.text(0)).collect(),
        }
    }

    async fn part(
        &self,
        by: By,
        of: &str,
        filter: &Filter,
        below: Option<Cursor>,
        limit: u32,
    ) -> Result<Part, StoreError> {
        let (mut from, below) = bounds(filter, below);
        let mut reach = None;
        if !by.knows(filter) {
            let mut values = vec![of.into(), below.into(), from.into(), (WINDOW - 1).into()];
            values.extend(match by {
                By::Buyer => Some(slot_of(of)),
                By::EndedOfShop | By::EndedOfBusiness => Some(Value::OptInt(status(filter))),
                By::OutId => Some(Value::OptText(filter.out_id.as_deref())),
                By::Shop | By::OpenOfShop | By::Business | By::OpenOfBusiness => None,
            });
            let rows = self.readers().fetch(by.reach(), &values).await?;
            reach = rows.first().map(|row| row.int(0)).transpose()?;
            from = from.max(reach.unwrap_or(from));
        }
        let values = values(by, of, filter, (below, from), limit.into());
        let rows = self.readers().fetch(by.page(), &values).await?;
        let orders = rows
            .iter()
            .map(|row| orders::take_shop(&mut Reader::new(row, &orders::SHOP_ORDERS)))
            .collect::<Result<Vec<_>, _>>()?;
        let full = orders.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let last = orders.last().filter(|_| full).map(|order| order.no.0);
        Ok(Part { orders, reach: last.or(reach) })
    }

    async fn fill_items(&self, found: &mut [ShopOrder]) -> Result<(), StoreError> {
        if found.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i64> = found.iter().map(|order| order.no.0).collect();
        for row in self.readers().fetch(&ITEMS, &[Value::Ints(&numbers)]).await? {
            let (shop_no, item) = orders::take_item(&mut Reader::new(&row, &orders::ITEM_ORDERS))?;
            if let Some(order) = found.iter_mut().find(|order| order.no == shop_no) {
                order.items.push(item);
            }
        }
        Ok(())
    }

    /// How many shop orders of a buyer, a shop or a line there are in each state, or in the filter's. Without any of the
    /// three the lines are counted one by one.
    pub async fn count_orders(&self, filter: &Filter) -> Result<Vec<StatusCount>, StoreError> {
        let wanted = |status: &&Status| filter.status.is_none_or(|wanted| wanted == **status);
        let wanted: Vec<Status> = Status::ALL.iter().filter(wanted).copied().collect();
        let mut counts: Vec<StatusCount> =
            wanted.iter().map(|status| StatusCount { status: *status, count: 0, more: false }).collect();
        let all = source(&Filter { status: None, ..filter.clone() });
        let (together, one_by_one): (Vec<Status>, Vec<Status>) = match all {
            By::Buyer | By::OutId => (wanted, vec![]),
            _ => wanted.into_iter().partition(|status| !status.is_final()),
        };
        for of in self.of(all, filter).await? {
            let open = Filter { status: filter.status.filter(|s| !s.is_final()), ..filter.clone() };
            if !together.is_empty() {
                let asked = if matches!(all, By::Buyer | By::OutId) { filter } else { &open };
                self.count(all, &of, asked, COUNT_WINDOW, &together, &mut counts).await?;
            }
            for status in &one_by_one {
                let ended = Filter { status: Some(*status), ..filter.clone() };
                self.count(source(&ended), &of, &ended, COUNT_MAX, &[*status], &mut counts).await?;
            }
        }
        Ok(counts)
    }

    /// Adds what is among the newest `most` to the counts of these states.
    async fn count(
        &self,
        by: By,
        of: &str,
        filter: &Filter,
        most: i64,
        states: &[Status],
        counts: &mut [StatusCount],
    ) -> Result<(), StoreError> {
        let (from, below) = bounds(filter, None);
        let rows = self.readers().fetch(by.count(), &values(by, of, filter, (below, from), most + 1)).await?;
        let mut looked_at = 0;
        for row in &rows {
            looked_at += row.int(2)?;
            let status = i16::try_from(row.int(0)?).ok().and_then(Status::from_code);
            if let Some(counted) = counts.iter_mut().find(|counted| Some(counted.status) == status) {
                let count = counted.count + row.int(1)?;
                counted.more |= count > COUNT_MAX;
                counted.count = count.min(COUNT_MAX);
            }
        }
        for counted in counts.iter_mut().filter(|counted| states.contains(&counted.status)) {
            counted.more |= looked_at > most;
        }
        Ok(())
    }
}

/// Numbers of the filter's time, below the cursor: the first, and the one after the last.
fn bounds(filter: &Filter, below: Option<Cursor>) -> (i64, i64) {
    let below = below.map_or(i64::MAX, |cursor| cursor.0.0);
    (filter.from.map_or(0, floor), below.min(filter.to.map_or(i64::MAX, ceiling)))
}

fn status(filter: &Filter) -> Option<i64> {
    filter.status.map(|status| status.code().into())
}

fn slot_of(buyer: &str) -> Value<'static> {
    i64::from(Slot::of(buyer).index()).into()
}

fn values<'a>(by: By, of: &'a str, filter: &'a Filter, (below, from): (i64, i64), limit: i64) -> Vec<Value<'a>> {
    let mut values = vec![
        of.into(),
        below.into(),
        from.into(),
        Value::OptText(filter.shop.as_ref().map(ShopId::as_str)),
        Value::OptText(filter.business.as_ref().map(BusinessCode::as_str)),
        Value::OptInt(status(filter)),
        Value::OptInt(filter.visible.map(|visible| visible.code().into())),
        Value::OptInt(filter.from),
        Value::OptInt(filter.to),
        Value::OptText(filter.buyer.as_ref().map(BuyerId::as_str)),
        Value::OptText(filter.out_id.as_deref()),
        limit.into(),
    ];
    if by == By::Buyer {
        values.push(slot_of(of));
    }
    values
}

/// The newest of all parts, as far down as every one of them is complete.
fn join(parts: Vec<Part>, limit: usize) -> OrderList {
    let reach = parts.iter().filter_map(|part| part.reach).max();
    let mut orders: Vec<ShopOrder> = parts.into_iter().flat_map(|part| part.orders).collect();
    orders.retain(|order| reach.is_none_or(|reach| order.no.0 >= reach));
    orders.sort_by_key(|order| std::cmp::Reverse(order.no));
    let cut = orders.len() > limit;
    orders.truncate(limit);
    let last = orders.last().filter(|_| cut).map(|order| order.no);
    let next = last.or(reach.map(OrderNo)).map(Cursor);
    OrderList { orders, next }
}
