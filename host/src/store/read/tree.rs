//! An order tree in one statement, so that all of it is of one moment.
//!
//! The rows of seven tables come as one result: the numbers of every table share the first cells, its texts the next, its
//! bytes the last; cell 0 says which table a row is of.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::domain::ids::{AftersaleNo, OrderNo, PaymentNo, RefundNo, ShipmentNo};
use crate::domain::order::ItemOrder;
use crate::domain::payment::PaymentLog;
use crate::domain::tree::OrderTree;
use crate::store::Store;
use crate::store::cache::Key;
use crate::store::error::StoreError;
use crate::store::rows::{aftersales, money, orders};
use crate::store::sql::{Reader, Row, Sql, Table, Ty, sql};

/// The tables of a tree: alias, table, and how its rows are found from the pay order `r`.
static PARTS: [(&str, &Table, &str); 7] = [
    ("p", &orders::PAY_ORDERS, "pay_orders AS p ON p.slot = r.slot AND p.no = r.no"),
    ("s", &orders::SHOP_ORDERS, "shop_orders AS s ON s.slot = r.slot AND s.pay_no = r.no"),
    (
        "i",
        &orders::ITEM_ORDERS,
        "shop_orders AS s ON s.slot = r.slot AND s.pay_no = r.no \
         JOIN item_orders AS i ON i.slot = s.slot AND i.shop_no = s.no",
    ),
    ("y", &money::PAYMENTS, "payments AS y ON y.slot = r.slot AND y.pay_no = r.no"),
    ("f", &money::REFUNDS, "refunds AS f ON f.slot = r.slot AND f.pay_no = r.no"),
    (
        "h",
        &money::SHIPMENTS,
        "shop_orders AS s ON s.slot = r.slot AND s.pay_no = r.no \
         JOIN shipments AS h ON h.slot = s.slot AND h.shop_no = s.no",
    ),
    (
        "a",
        &aftersales::AFTERSALES,
        "shop_orders AS s ON s.slot = r.slot AND s.pay_no = r.no \
         JOIN aftersales AS a ON a.slot = s.slot AND a.shop_no = s.no",
    ),
];

/// For each part the cells of its columns.
static PLACES: LazyLock<Vec<Vec<usize>>> = LazyLock::new(|| {
    let first = |ty| match ty {
        Ty::Int => 1,
        Ty::Text => 1 + widest(Ty::Int),
        Ty::Bytes => 1 + widest(Ty::Int) + widest(Ty::Text),
    };
    let places = |table: &Table| {
        let mut next = [Ty::Int, Ty::Text, Ty::Bytes].map(|ty| (ty, first(ty)));
        let mut place = |ty| {
            let slot = &mut next[usize::from(ty != Ty::Int) + usize::from(ty == Ty::Bytes)];
            slot.1 += 1;
            slot.1 - 1
        };
        table.columns.iter().map(|column| place(column.ty)).collect()
    };
    PARTS.iter().map(|(_, table, _)| places(table)).collect()
});

fn count(table: &Table, ty: Ty) -> usize {
    table.columns.iter().filter(|column| column.ty == ty).count()
}

fn widest(ty: Ty) -> usize {
    PARTS.iter().map(|(_, table, _)| count(table, ty)).max().unwrap_or(0)
}

/// The tree of the pay order that `root` selects.
fn tree(name: &'static str, root: &str) -> Sql {
    let text = |null: fn(Ty) -> &'static str, number: &str| {
        let parts = PARTS.iter().enumerate().map(|(kind, (alias, table, found))| {
            let mut cells = vec![format!("CAST({kind} AS {number})")];
            for ty in [Ty::Int, Ty::Text, Ty::Bytes] {
                let mine = table.columns.iter().filter(|column| column.ty == ty);
                cells.extend(mine.map(|column| format!("{alias}.{}", column.name)));
                cells.extend((count(table, ty)..widest(ty)).map(|_| null(ty).to_owned()));
            }
            format!("SELECT {} FROM r JOIN {found}", cells.join(", "))
        });
        let parts: Vec<_> = parts.collect();
        format!("WITH r(slot, no) AS MATERIALIZED ({root}) {}", parts.join(" UNION ALL "))
    };
    let typed = |ty| match ty {
        Ty::Int => "NULL::bigint",
        Ty::Text => "NULL::text",
        Ty::Bytes => "NULL::bytea",
    };
    Sql::each(name, text(typed, "BIGINT"), text(|_| "NULL", "INTEGER"))
}

sql! {
    TREE_OF_ORDER = tree("tree of an order",
        "SELECT slot, no FROM pay_orders WHERE slot = $1 AND no = $2 \
         UNION SELECT slot, pay_no FROM shop_orders WHERE slot = $1 AND no = $2 \
         UNION SELECT s.slot, s.pay_no FROM item_orders AS i JOIN shop_orders AS s \
         ON s.slot = i.slot AND s.no = i.shop_no WHERE i.slot = $1 AND i.no = $2");
    TREE_OF_PAYMENT = tree("tree of a payment",
        "SELECT slot, pay_no FROM payments WHERE slot = $1 AND no = $2");
    TREE_OF_REFUND = tree("tree of a refund", "SELECT slot, pay_no FROM refunds WHERE slot = $1 AND no = $2");
    TREE_OF_SHIPMENT = tree("tree of a shipment",
        "SELECT s.slot, s.pay_no FROM shipments AS h JOIN shop_orders AS s ON s.slot = h.slot AND s.no = h.shop_no \
         WHERE h.slot = $1 AND h.no = $2");
    TREE_OF_AFTERSALE = tree("tree of an after-sale",
        "SELECT s.slot, s.pay_no FROM aftersales AS a JOIN shop_orders AS s ON s.slot = a.slot AND s.no = a.shop_no \
         WHERE a.slot = $1 AND a.no = $2");
    OWNER_OF_WAYBILL = Sql::both("owner of a waybill", "SELECT shipment_no, kind FROM waybills WHERE waybill = $1");
    PAYMENT_LOG = Sql::both("log of a payment", format!(
        "SELECT {} FROM payment_logs AS t WHERE slot = $1 AND payment_no = $2 ORDER BY at, n",
        money::PAYMENT_LOGS.list("t.")));
}

/// What a carrier carries under a waybill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// A package to the buyer.
    Shipment(ShipmentNo),
    /// Goods that come back.
    Return(AftersaleNo),
}

impl Store {
    /// The tree of an order of any level, fresh from the database.
    pub async fn order_tree(&self, no: OrderNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        self.read_tree(&TREE_OF_ORDER, no.slot().index(), no.0).await
    }

    /// The tree that a payment belongs to, fresh.
    pub async fn tree_of_payment(&self, no: PaymentNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        self.read_tree(&TREE_OF_PAYMENT, no.slot().index(), no.0).await
    }

    /// The tree that a refund belongs to, fresh.
    pub async fn tree_of_refund(&self, no: RefundNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        self.read_tree(&TREE_OF_REFUND, no.slot().index(), no.0).await
    }

    /// The tree that a shipment belongs to, fresh.
    pub async fn tree_of_shipment(&self, no: ShipmentNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        self.read_tree(&TREE_OF_SHIPMENT, no.slot().index(), no.0).await
    }

    /// The tree that an after-sale belongs to, fresh.
    pub async fn tree_of_aftersale(&self, no: AftersaleNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        self.read_tree(&TREE_OF_AFTERSALE, no.slot().index(), no.0).await
    }

    /// Whose a waybill is, and the tree of it.
    pub async fn tree_of_waybill(&self, waybill: &str) -> Result<Option<(Carried, Arc<OrderTree>)>, StoreError> {
        let rows = self.readers().fetch(&OWNER_OF_WAYBILL, &[waybill.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (carried, tree) = match (row.int(1)?, row.int(0)?) {
            (0, no) => (Carried::Shipment(ShipmentNo(no)), self.tree_of_shipment(ShipmentNo(no)).await?),
            (_, no) => (Carried::Return(AftersaleNo(no)), self.tree_of_aftersale(AftersaleNo(no)).await?),
        };
        Ok(tree.map(|tree| (carried, tree)))
    }

    /// What happened to a payment, the first step first.
    pub async fn payment_log(&self, no: PaymentNo) -> Result<Vec<PaymentLog>, StoreError> {
        let rows = self.readers().fetch(&PAYMENT_LOG, &[i64::from(no.slot().index()).into(), no.0.into()]).await?;
        rows.iter().map(|row| money::take_payment_log(&mut Reader::new(row, &money::PAYMENT_LOGS))).collect()
    }

    /// The tree of an order of any level: from memory, possibly stale, or else from the database. For decisions, which
    /// the expected version guards; what a person shall see is read fresh.
    pub async fn cached_tree(&self, no: OrderNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        match self.cache().get(Key::Order(no.0)) {
            Some(tree) => Ok(Some(tree)),
            None => self.order_tree(no).await,
        }
    }

    /// The same, by payment.
    pub async fn cached_tree_of_payment(&self, no: PaymentNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        match self.cache().get(Key::Payment(no.0)) {
            Some(tree) => Ok(Some(tree)),
            None => self.tree_of_payment(no).await,
        }
    }

    /// The same, by shipment.
    pub async fn cached_tree_of_shipment(&self, no: ShipmentNo) -> Result<Option<Arc<OrderTree>>, StoreError> {
        match self.cache().get(Key::Shipment(no.0)) {
            Some(tree) => Ok(Some(tree)),
            None => self.tree_of_shipment(no).await,
        }
    }

    async fn read_tree(&self, sql: &'static Sql, slot: u16, no: i64) -> Result<Option<Arc<OrderTree>>, StoreError> {
        let rows = self.readers().fetch(sql, &[i64::from(slot).into(), no.into()]).await?;
        let tree = assemble(&rows)?.map(Arc::new);
        if let Some(tree) = &tree {
            self.cache().read(tree);
        }
        Ok(tree)
    }
}

fn assemble(rows: &[Row]) -> Result<Option<OrderTree>, StoreError> {
    let (mut pay, mut shops, mut items) = (None, vec![], BTreeMap::<OrderNo, Vec<ItemOrder>>::new());
    let (mut payments, mut refunds, mut shipments, mut asked) = (vec![], vec![], vec![], vec![]);
    for row in rows {
        let kind = usize::try_from(row.int(0)?).unwrap_or(usize::MAX);
        let (Some((_, table, _)), Some(places)) = (PARTS.get(kind), PLACES.get(kind)) else { continue };
        let mut cells = Reader::placed(row, table, places);
        match kind {
            0 => pay = Some(orders::take_pay(&mut cells)?),
            1 => shops.push(orders::take_shop(&mut cells)?),
            2 => {
                let (shop_no, item) = orders::take_item(&mut cells)?;
                items.entry(shop_no).or_default().push(item);
            }
            3 => payments.push(money::take_payment(&mut cells)?),
            4 => refunds.push(money::take_refund(&mut cells)?),
            5 => shipments.push(money::take_shipment(&mut cells)?),
            _ => asked.push(aftersales::take_aftersale(&mut cells)?),
        }
    }
    for shop in &mut shops {
        shop.items = items.remove(&shop.no).unwrap_or_default();
        shop.items.sort_by_key(|item| item.line);
    }
    shops.sort_by_key(|shop| shop.no);
    payments.sort_by_key(|payment| payment.no);
    refunds.sort_by_key(|refund| refund.no);
    shipments.sort_by_key(|shipment| shipment.no);
    asked.sort_by_key(|aftersale| aftersale.no);
    Ok(pay.map(|pay| OrderTree { pay, shops, payments, refunds, shipments, aftersales: asked }))
}
