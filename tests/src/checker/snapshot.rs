//! The tables that the checker reads, as plain rows.

use serde_json::Value;

use super::database::{Database, Reading, Row};
use crate::world::WorldError;

/// A pay order.
#[derive(Debug, Clone)]
pub struct PayOrder {
    /// L1
    pub no: i64,
    /// Stored status code.
    pub status: i64,
    /// JSON sums.
    pub amounts: Value,
    /// JSON event counters.
    pub sequences: Value,
    /// JSON facts.
    pub facts: Value,
    /// The payment that paid it.
    pub paid_by: Option<i64>,
    /// Why it was cancelled: JSON, or null.
    pub reason: Value,
    /// Sub-status code.
    pub sub_status: i64,
    /// Until when it can be paid.
    pub expire_time: Option<i64>,
}

impl ShopOrder {
    /// Whether nobody may see it: it holds nothing and told nobody.
    pub fn is_hidden(&self) -> bool {
        self.visible == 99
    }

    /// Whether its stock is still to be held.
    pub fn stock_pending(&self) -> bool {
        (self.status, self.sub_status) == (0, 0)
    }
}

impl PayOrder {
    /// Whether another pay order took its shop orders over.
    pub fn is_merged(&self) -> bool {
        self.reason["code"] == "merged"
    }

    /// Whether it never became visible.
    pub fn is_voided(&self) -> bool {
        self.reason["code"] == "voided"
    }
}

/// A shop order.
#[derive(Debug, Clone)]
pub struct ShopOrder {
    /// L2
    pub no: i64,
    /// L1
    pub pay_no: i64,
    /// The line.
    pub business: String,
    /// Status code.
    pub status: i64,
    /// Sub-status code.
    pub sub_status: i64,
    /// Counts its steps.
    pub version: i64,
    /// Whether the buyer sees it: a code.
    pub visible: i64,
    /// Why a person must look.
    pub attention: Option<String>,
    /// JSON sums and the freight line.
    pub amounts: Value,
    /// JSON event counters.
    pub sequences: Value,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// The deadline of its state.
    pub expire_time: Option<i64>,
    /// Whether a hook of it waits.
    pub is_suspended: bool,
}

/// An item order.
#[derive(Debug, Clone)]
pub struct Item {
    /// L3
    pub no: i64,
    /// L2
    pub shop_no: i64,
    /// Its index inside the shop order.
    pub line: i64,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub original: i64,
    /// quantity × original − discount.
    pub price: i64,
    /// Tax.
    pub tax: i64,
    /// JSON shares.
    pub share: Value,
    /// JSON of what went back.
    pub refunded: Value,
    /// JSON facts.
    pub facts: Value,
}

/// A flow row.
#[derive(Debug, Clone)]
pub struct Flow {
    /// L2
    pub shop_no: i64,
    /// The version after it.
    pub version: i64,
    /// 0 for a step.
    pub n: i64,
    /// What happened.
    pub event: String,
    /// Status and sub-status before.
    pub from: Option<(i64, i64)>,
    /// And after.
    pub to: (i64, i64),
}

/// A payment.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its number.
    pub no: i64,
    /// L1
    pub pay_no: i64,
    /// How.
    pub method: String,
    /// Through the provider.
    pub amount: i64,
    /// From the wallet.
    pub balance: i64,
    /// Status code.
    pub status: i64,
    /// The provider's reference.
    pub trade_no: Option<String>,
}

/// A refund.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its number.
    pub no: i64,
    /// L1
    pub pay_no: i64,
    /// L2, unless a whole payment goes back.
    pub shop_no: Option<i64>,
    /// Against which payment.
    pub payment_no: Option<i64>,
    /// 0 provider, 1 balance, 2 coins.
    pub way: i64,
    /// Minor units or coins.
    pub amount: i64,
    /// 0 pending, 1 succeeded, 2 failed.
    pub status: i64,
    /// JSON lines.
    pub lines: Value,
    /// The after-sale that asked for it.
    pub aftersale_no: Option<i64>,
}

/// A refund, return or exchange.
#[derive(Debug, Clone)]
pub struct Aftersale {
    /// Its number.
    pub no: i64,
    /// L2
    pub shop_no: i64,
    /// 0 refund, 1 return, 2 exchange.
    pub kind: i64,
    /// 0 to 10.
    pub status: i64,
    /// Parts of items.
    pub items: Value,
    /// What happened on its way.
    pub detail: Value,
    /// When it was over.
    pub ended_at: Option<i64>,
}

/// An event of the outbox, sent or not.
#[derive(Debug, Clone)]
pub struct Event {
    /// The order.
    pub subject: i64,
    /// Topic code.
    pub topic: i64,
    /// 1, 2, 3 …
    pub sequence: i64,
    /// Whether it is published.
    pub is_sent: bool,
    /// The CloudEvent.
    pub body: Value,
}

/// Everything, of one moment. Rows that need no names of their own stay [`Row`]s.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// L1
    pub pay_orders: Vec<PayOrder>,
    /// L2
    pub shop_orders: Vec<ShopOrder>,
    /// L3
    pub items: Vec<Item>,
    /// In the order of shop order, version, n.
    pub flows: Vec<Flow>,
    /// Attempts to pay.
    pub payments: Vec<Payment>,
    /// Money that goes back.
    pub refunds: Vec<Refund>,
    /// In the order of subject, topic, sequence.
    pub events: Vec<Event>,
    /// business, key, available, reserved, sold
    pub stock: Vec<Row>,
    /// business, key, shop order, kind, quantity
    pub stock_moves: Vec<Row>,
    /// buyer, unit, available, held
    pub wallets: Vec<Row>,
    /// from, to, unit, amount, order, operation
    pub postings: Vec<Row>,
    /// shop order, gross, technical fee, promotion fee, net
    pub settlements: Vec<Row>,
    /// Refunds, returns and exchanges.
    pub aftersales: Vec<Aftersale>,
    /// shop order, status, waybill, JSON items
    pub shipments: Vec<Row>,
    /// pay order, version
    pub snapshots: Vec<Row>,
    /// subject, kind, due, attempt
    pub timers: Vec<Row>,
}

impl Snapshot {
    /// Reads all of it.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn read(database: &Database) -> Result<Self, WorldError> {
        let mut reading = database.read().await?;
        let mut snapshot = Self::default();
        snapshot.read_orders(&mut reading).await?;
        snapshot.read_money(&mut reading).await?;
        snapshot.read_rest(&mut reading).await?;
        Ok(snapshot)
    }

    /// The shop orders of a pay order.
    pub fn shops_of(&self, pay_no: i64) -> impl Iterator<Item = &ShopOrder> {
        self.shop_orders.iter().filter(move |shop| shop.pay_no == pay_no)
    }

    async fn read_orders(&mut self, reading: &mut Reading) -> Result<(), WorldError> {
        let pay_orders =
            reading.rows("SELECT no, status, amounts, sequences, facts, paid_by, reason, sub_status, expire_time FROM pay_orders").await?;
        self.pay_orders = pay_orders
            .iter()
            .map(|row| PayOrder {
                no: row.int(0),
                status: row.int(1),
                amounts: row.json(2),
                sequences: row.json(3),
                facts: row.json(4),
                paid_by: row.opt_int(5),
                reason: row.opt_text(6).map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or_default()),
                sub_status: row.int(7),
                expire_time: row.opt_int(8),
            })
            .collect();
        let query = "SELECT no, pay_no, business, status, sub_status, version, attention, amounts, sequences, ended_at, \
                     visible, expire_time, suspended FROM shop_orders";
        self.shop_orders = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| ShopOrder {
                no: row.int(0),
                pay_no: row.int(1),
                business: row.text(2),
                status: row.int(3),
                sub_status: row.int(4),
                version: row.int(5),
                attention: row.opt_text(6),
                amounts: row.json(7),
                sequences: row.json(8),
                ended_at: row.opt_int(9),
                visible: row.int(10),
                expire_time: row.opt_int(11),
                is_suspended: row.opt_text(12).is_some(),
            })
            .collect();
        let query = "SELECT no, shop_no, quantity, original, price, tax, share, refunded, facts, line FROM item_orders";
        self.items = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Item {
                no: row.int(0),
                shop_no: row.int(1),
                line: row.int(9),
                quantity: row.int(2),
                original: row.int(3),
                price: row.int(4),
                tax: row.int(5),
                share: row.json(6),
                refunded: row.json(7),
                facts: row.json(8),
            })
            .collect();
        let query = "SELECT shop_no, version, n, event, from_status, from_sub, to_status, to_sub FROM flows \
                     ORDER BY shop_no, version, n";
        self.flows = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Flow {
                shop_no: row.int(0),
                version: row.int(1),
                n: row.int(2),
                event: row.text(3),
                from: row.opt_int(4).map(|status| (status, row.int(5))),
                to: (row.int(6), row.int(7)),
            })
            .collect();
        Ok(())
    }

    async fn read_money(&mut self, reading: &mut Reading) -> Result<(), WorldError> {
        let query = "SELECT no, pay_no, method, amount, balance, status, trade_no FROM payments";
        self.payments = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Payment {
                no: row.int(0),
                pay_no: row.int(1),
                method: row.text(2),
                amount: row.int(3),
                balance: row.int(4),
                status: row.int(5),
                trade_no: row.opt_text(6),
            })
            .collect();
        let query = "SELECT no, pay_no, shop_no, payment_no, way, amount, status, lines, aftersale_no FROM refunds";
        self.refunds = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Refund {
                no: row.int(0),
                pay_no: row.int(1),
                shop_no: row.opt_int(2),
                payment_no: row.opt_int(3),
                way: row.int(4),
                amount: row.int(5),
                status: row.int(6),
                lines: row.json(7),
                aftersale_no: row.opt_int(8),
            })
            .collect();
        let query = "SELECT no, shop_no, kind, status, items, detail, ended_at FROM aftersales";
        self.aftersales = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Aftersale {
                no: row.int(0),
                shop_no: row.int(1),
                kind: row.int(2),
                status: row.int(3),
                items: row.json(4),
                detail: row.json(5),
                ended_at: row.opt_int(6),
            })
            .collect();
        self.wallets = reading.rows("SELECT buyer, unit, available, held FROM wallet_accounts").await?;
        let query = "SELECT from_account, to_account, unit, amount, order_no, operation FROM postings";
        self.postings = reading.rows(query).await?;
        let query = "SELECT shop_no, gross, technical_fee, promotion_fee, net FROM settlements";
        self.settlements = reading.rows(query).await?;
        Ok(())
    }

    async fn read_rest(&mut self, reading: &mut Reading) -> Result<(), WorldError> {
        let query = "SELECT subject, topic, sequence, 0 * subject AS sent, body FROM outbox \
                     UNION ALL SELECT subject, topic, sequence, 0 * subject + 1, body FROM outbox_sent \
                     ORDER BY 1, 2, 3";
        self.events = reading
            .rows(query)
            .await?
            .iter()
            .map(|row| Event {
                subject: row.int(0),
                topic: row.int(1),
                sequence: row.int(2),
                is_sent: row.int(3) == 1,
                body: row.json(4),
            })
            .collect();
        self.stock = reading.rows("SELECT business, stock_key, available, reserved, sold FROM stock").await?;
        let query = "SELECT business, stock_key, shop_no, kind, quantity FROM stock_moves";
        self.stock_moves = reading.rows(query).await?;
        self.shipments = reading.rows("SELECT shop_no, status, waybill, items FROM shipments").await?;
        self.snapshots = reading.rows("SELECT order_no, version FROM snapshots").await?;
        self.timers = reading.rows("SELECT subject, kind, due, attempt FROM timers").await?;
        Ok(())
    }
}
