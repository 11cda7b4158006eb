//! Payments, refunds, shipments, stock, wallet, coupons.

use crate::domain::fulfilment::{Shipment, ShipmentStatus};
use crate::domain::ids::{AftersaleNo, BuyerId, Millis, OrderNo, PaymentNo, RefundNo, ShipmentNo};
use crate::domain::order::Delivery;
use crate::domain::payment::{Payment, PaymentLog, PaymentStatus, Refund, RefundStatus, Way};
use crate::domain::reconcile::{BookDay, Discrepancy};
use crate::domain::resource::{Account, StockMove, Transfer};
use crate::store::error::StoreError;
use crate::store::sql::{OnConflict, Reader, Rows, insert, sql, table, touch, update};

table! {
    /// Attempts to pay.
    pub(crate) PAYMENTS = "payments" {
        no: Int, pay_no: Int, method: Text, account: Text, amount: Int, balance: Int, currency: Text, status: Int,
        handle: Text, trade_no: Text, arrived: Text, created_at: Int, paid_at: Int, ended_at: Int, expires_at: Int,
        offer: Text,
    }
    PAYMENT_MOVES = "payments" {
        no: Int, amount: Int, balance: Int, status: Int, handle: Text, trade_no: Text, arrived: Text, paid_at: Int,
        ended_at: Int, expires_at: Int, offer: Text,
    }
    TRADES = "trades" { method: Text, trade_no: Text, payment_no: Int }
    /// Money and coins that go back.
    pub(crate) REFUNDS = "refunds" {
        no: Int, pay_no: Int, shop_no: Int, aftersale_no: Int, payment_no: Int, way: Int, amount: Int, status: Int, reason: Text,
        lines: Text, attempts: Int, replaced_by: Int, created_at: Int, succeeded_at: Int,
    }
    REFUND_MOVES = "refunds" {
        no: Int, status: Int, reason: Text, attempts: Int, replaced_by: Int, succeeded_at: Int,
    }
    /// What happened to payments.
    pub(crate) PAYMENT_LOGS = "payment_logs" {
        payment_no: Int, at: Int, n: Int, pay_no: Int, step: Text, actor: Text, note: Text,
    }
    /// Differences with their end.
    pub(crate) DISCREPANCIES = "discrepancies" {
        id: Text, method: Text, account: Text, kind: Int, reference: Text, payment_no: Int, refund_no: Int,
        trade_no: Text, ours: Int, theirs: Int, currency: Text, day: Text, note: Text, found_at: Int,
        settled_at: Int, settled_by: Text, resolution: Text,
    }
    /// How many of a kind.
    pub(crate) KIND_COUNTS = "discrepancies" { kind: Int, count: Int }
    /// Days of providers' books.
    pub(crate) BOOK_DAYS = "book_days" {
        method: Text, account: Text, day: Text, compared_at: Int, entries: Int, differences: Int, outcome: Text,
    }
    NEW_DISCREPANCIES = "discrepancies" {
        id: Text, method: Text, account: Text, kind: Int, reference: Text, payment_no: Int, refund_no: Int,
        trade_no: Text, ours: Int, theirs: Int, currency: Text, day: Text, note: Text, found_at: Int,
    }
    /// Packages and virtual deliveries.
    pub(crate) SHIPMENTS = "shipments" {
        no: Int, shop_no: Int, aftersale_no: Int, status: Int, delivery: Int, carrier: Text, waybill: Text, items: Text,
        secrets: Bytes, attributes: Text, created_at: Int, shipped_at: Int, delivered_at: Int, delayed_at: Int,
        told_at: Int, taken_at: Int, note: Text,
    }
    SHIPMENT_MOVES = "shipments" {
        no: Int, status: Int, delivery: Int, carrier: Text, waybill: Text, items: Text, secrets: Bytes,
        attributes: Text, shipped_at: Int, delivered_at: Int, delayed_at: Int, told_at: Int, taken_at: Int, note: Text,
    }
    WAYBILLS = "waybills" { waybill: Text, shipment_no: Int, kind: Int }
    STOCK_KEYS = "stock" { ord: Int, business: Text, stock_key: Text }
    /// What there is.
    pub(crate) STOCK = "stock" { business: Text, stock_key: Text, available: Int, reserved: Int, sold: Int }
    STOCK_MOVES = "stock_moves" {
        shop_no: Int, stock_key: Text, reason: Text, business: Text, kind: Int, quantity: Int, at: Int,
    }
    WALLET_KEYS = "wallet_accounts" { ord: Int, slot: Int, buyer: Text, unit: Text }
    NEW_WALLETS = "wallet_accounts" { slot: Int, buyer: Text, unit: Text, available: Int, held: Int, entries: Int }
    POSTINGS = "postings" {
        order_no: Int, operation: Text, from_account: Text, to_account: Text, unit: Text, amount: Int, at: Int,
        buyer: Text, entry: Int, available_after: Int, held_after: Int,
    }
    COUPON_KEYS = "coupons" { ord: Int, code: Text }
    COUPON_MOVES = "coupons" { code: Text, state: Int, order_no: Int }
    STOCK_MOVE_KEYS = "stock_moves" { ord: Int, shop_no: Int, stock_key: Text, reason: Text }
    POSTING_KEYS = "postings" { ord: Int, order_no: Int, operation: Text }
    WAYBILL_KEYS = "waybills" { ord: Int, waybill: Text }
    TRADE_KEYS = "trades" { ord: Int, method: Text, trade_no: Text }
}

/// The later word on a day counts.
const NEWER_DAY: &str = "(method, account, day) DO UPDATE SET compared_at = excluded.compared_at, \
    entries = excluded.entries, differences = excluded.differences, outcome = excluded.outcome";

/// Writes again what one's own row says, so that a shipment or payment may name its claim at every step.
const OWN_WAYBILL: &str =
    "(waybill) DO UPDATE SET shipment_no = excluded.shipment_no WHERE t.shipment_no = excluded.shipment_no";
const OWN_TRADE: &str =
    "(method, trade_no) DO UPDATE SET payment_no = excluded.payment_no WHERE t.payment_no = excluded.payment_no";

sql! {
    pub(crate) INSERT_PAYMENT = insert("insert payments", &PAYMENTS, Some("no"), OnConflict::Fail);
    pub(crate) MOVE_PAYMENT = update("update payments", &PAYMENT_MOVES, Some("no"), 1);
    pub(crate) CLAIM_TRADE = insert("claim trades", &TRADES, None, OnConflict::Update(OWN_TRADE));
    pub(crate) INSERT_REFUND = insert("insert refunds", &REFUNDS, Some("no"), OnConflict::Fail);
    pub(crate) MOVE_REFUND = update("update refunds", &REFUND_MOVES, Some("no"), 1);
    pub(crate) INSERT_PAYMENT_LOG = insert("insert payment_logs", &PAYMENT_LOGS, Some("payment_no"), OnConflict::Fail);
    pub(crate) INSERT_DISCREPANCY = insert("insert discrepancies", &NEW_DISCREPANCIES, None, OnConflict::Nothing);
    pub(crate) PUT_BOOK_DAY = insert("put book_days", &BOOK_DAYS, None, OnConflict::Update(NEWER_DAY));
    pub(crate) INSERT_SHIPMENT = insert("insert shipments", &SHIPMENTS, Some("no"), OnConflict::Fail);
    pub(crate) MOVE_SHIPMENT = update("update shipments", &SHIPMENT_MOVES, Some("no"), 1);
    pub(crate) CLAIM_WAYBILL = insert("claim waybills", &WAYBILLS, None, OnConflict::Update(OWN_WAYBILL));
    /// (business, key) → available, reserved, sold
    pub(crate) LOCK_STOCK = touch("lock stock", &STOCK_KEYS, None, "t.available, t.reserved, t.sold", true);
    pub(crate) MOVE_STOCK = update("update stock", &STOCK, None, 2);
    pub(crate) INSERT_STOCK_MOVE = insert("insert stock_moves", &STOCK_MOVES, Some("shop_no"), OnConflict::Nothing);
    /// (slot, buyer, unit) → available, held, entries
    pub(crate) LOCK_WALLET = touch("lock wallet_accounts", &WALLET_KEYS, None, "t.available, t.held, t.entries", true);
    pub(crate) OPEN_WALLET = insert("open wallet_accounts", &NEW_WALLETS, None, OnConflict::Nothing);
    pub(crate) MOVE_WALLET = update("update wallet_accounts", &NEW_WALLETS, None, 3);
    pub(crate) INSERT_POSTING = insert("insert postings", &POSTINGS, Some("order_no"), OnConflict::Nothing);
    /// code → buyer, state, order
    pub(crate) LOCK_COUPON = touch("lock coupons", &COUPON_KEYS, None, "t.buyer, t.state, t.order_no", true);
    pub(crate) MOVE_COUPON = update("update coupons", &COUPON_MOVES, None, 1);
    pub(crate) SEE_STOCK_MOVE = touch("see stock_moves", &STOCK_MOVE_KEYS, Some("shop_no"), "t.quantity", false);
    pub(crate) SEE_POSTING = touch("see postings", &POSTING_KEYS, Some("order_no"), "t.amount", false);
    /// waybill → shipment
    pub(crate) SEE_WAYBILL = touch("see waybills", &WAYBILL_KEYS, None, "t.shipment_no", false);
    /// (method, trade) → payment
    pub(crate) SEE_TRADE = touch("see trades", &TRADE_KEYS, None, "t.payment_no", false);
}

pub(crate) fn put_payment(rows: &mut Rows, payment: &Payment) {
    rows.int(payment.no.0);
    rows.int(payment.pay_no.0);
    rows.text(payment.method.as_str());
    rows.text(payment.account.as_str());
    rows.int(payment.amount);
    rows.int(payment.balance);
    rows.text(payment.currency.as_str());
    rows.int(payment.status.code().into());
    rows.opt_text(payment.handle.as_deref());
    rows.opt_text(payment.trade_no.as_deref());
    rows.opt_json(payment.arrived.as_ref());
    rows.int(payment.created_at);
    rows.opt_int(payment.paid_at);
    rows.opt_int(payment.ended_at);
    rows.opt_int(payment.expires_at);
    rows.json(&payment.offer);
}

pub(crate) fn move_payment(rows: &mut Rows, payment: &Payment) {
    rows.int(payment.no.0);
    rows.int(payment.amount);
    rows.int(payment.balance);
    rows.int(payment.status.code().into());
    rows.opt_text(payment.handle.as_deref());
    rows.opt_text(payment.trade_no.as_deref());
    rows.opt_json(payment.arrived.as_ref());
    rows.opt_int(payment.paid_at);
    rows.opt_int(payment.ended_at);
    rows.opt_int(payment.expires_at);
    rows.json(&payment.offer);
}

pub(crate) fn take_payment(row: &mut Reader<'_>) -> Result<Payment, StoreError> {
    Ok(Payment {
        no: PaymentNo(row.int()?),
        pay_no: OrderNo(row.int()?),
        method: row.id()?,
        account: row.id()?,
        amount: row.int()?,
        balance: row.int()?,
        currency: row.id()?,
        status: row.code(PaymentStatus::from_code)?,
        handle: row.opt_text()?,
        trade_no: row.opt_text()?,
        arrived: row.opt_json()?,
        created_at: row.int()?,
        paid_at: row.opt_int()?,
        ended_at: row.opt_int()?,
        expires_at: row.opt_int()?,
        offer: row.json()?,
    })
}

pub(crate) fn put_refund(rows: &mut Rows, refund: &Refund) {
    rows.int(refund.no.0);
    rows.int(refund.pay_no.0);
    rows.opt_int(refund.shop_no.map(|no| no.0));
    rows.opt_int(refund.aftersale_no.map(|no| no.0));
    rows.opt_int(refund.payment_no.map(|no| no.0));
    rows.int(refund.way.code().into());
    rows.int(refund.amount);
    rows.int(refund.status.code().into());
    rows.text(&refund.reason);
    rows.json(&refund.lines);
    rows.int(refund.attempts);
    rows.opt_int(refund.replaced_by.map(|no| no.0));
    rows.int(refund.created_at);
    rows.opt_int(refund.succeeded_at);
}

pub(crate) fn move_refund(rows: &mut Rows, refund: &Refund) {
    rows.int(refund.no.0);
    rows.int(refund.status.code().into());
    rows.text(&refund.reason);
    rows.int(refund.attempts);
    rows.opt_int(refund.replaced_by.map(|no| no.0));
    rows.opt_int(refund.succeeded_at);
}

pub(crate) fn take_refund(row: &mut Reader<'_>) -> Result<Refund, StoreError> {
    Ok(Refund {
        no: RefundNo(row.int()?),
        pay_no: OrderNo(row.int()?),
        shop_no: row.opt_int()?.map(OrderNo),
        aftersale_no: row.opt_int()?.map(AftersaleNo),
        payment_no: row.opt_int()?.map(PaymentNo),
        way: row.code(Way::from_code)?,
        amount: row.int()?,
        status: row.code(RefundStatus::from_code)?,
        reason: row.text()?,
        lines: row.json()?,
        attempts: row.int()?,
        replaced_by: row.opt_int()?.map(RefundNo),
        created_at: row.int()?,
        succeeded_at: row.opt_int()?,
    })
}

pub(crate) fn put_payment_log(rows: &mut Rows, log: &PaymentLog, n: i64) {
    rows.int(log.payment_no.0);
    rows.int(log.at);
    rows.int(n);
    rows.int(log.pay_no.0);
    rows.text(&log.step);
    rows.text(&log.actor);
    rows.text(&log.note);
}

pub(crate) fn take_payment_log(row: &mut Reader<'_>) -> Result<PaymentLog, StoreError> {
    let (payment_no, at) = (PaymentNo(row.int()?), row.int()?);
    row.int()?;
    Ok(PaymentLog {
        payment_no,
        at,
        pay_no: OrderNo(row.int()?),
        step: row.text()?,
        actor: row.text()?,
        note: row.text()?,
    })
}

pub(crate) fn put_discrepancy(rows: &mut Rows, found: &Discrepancy) {
    rows.text(&found.id());
    rows.text(found.method.as_str());
    rows.text(found.account.as_str());
    rows.int(found.kind.code().into());
    rows.text(&found.reference);
    rows.opt_int(found.payment_no.map(|no| no.0));
    rows.opt_int(found.refund_no.map(|no| no.0));
    rows.opt_text(found.trade_no.as_deref());
    rows.opt_int(found.ours);
    rows.opt_int(found.theirs);
    rows.text(&found.currency);
    rows.opt_text(found.day.as_deref());
    rows.text(&found.note);
    rows.int(found.found_at);
}

pub(crate) fn put_book_day(rows: &mut Rows, day: &BookDay) {
    rows.text(day.method.as_str());
    rows.text(day.account.as_str());
    rows.text(&day.day);
    rows.int(day.compared_at);
    rows.int(day.entries);
    rows.int(day.differences);
    rows.text(&day.outcome.to_string());
}

pub(crate) fn take_book_day(row: &mut Reader<'_>) -> Result<BookDay, StoreError> {
    Ok(BookDay {
        method: row.id()?,
        account: row.id()?,
        day: row.text()?,
        compared_at: row.int()?,
        entries: row.int()?,
        differences: row.int()?,
        outcome: row.id()?,
    })
}

pub(crate) fn put_shipment(rows: &mut Rows, shipment: &Shipment) {
    rows.int(shipment.no.0);
    rows.int(shipment.shop_no.0);
    rows.opt_int(shipment.aftersale_no.map(|no| no.0));
    rows.int(shipment.status.code().into());
    rows.int(shipment.delivery.code().into());
    rows.text(&shipment.carrier);
    rows.opt_text(shipment.waybill.as_deref());
    rows.json(&shipment.items);
    rows.opt_bytes(shipment.secrets.as_deref());
    rows.json(&shipment.attributes);
    rows.int(shipment.created_at);
    rows.opt_int(shipment.shipped_at);
    rows.opt_int(shipment.delivered_at);
    rows.opt_int(shipment.delayed_at);
    rows.opt_int(shipment.told_at);
    rows.opt_int(shipment.taken_at);
    rows.text(&shipment.note);
}

pub(crate) fn move_shipment(rows: &mut Rows, shipment: &Shipment) {
    rows.int(shipment.no.0);
    rows.int(shipment.status.code().into());
    rows.int(shipment.delivery.code().into());
    rows.text(&shipment.carrier);
    rows.opt_text(shipment.waybill.as_deref());
    rows.json(&shipment.items);
    rows.opt_bytes(shipment.secrets.as_deref());
    rows.json(&shipment.attributes);
    rows.opt_int(shipment.shipped_at);
    rows.opt_int(shipment.delivered_at);
    rows.opt_int(shipment.delayed_at);
    rows.opt_int(shipment.told_at);
    rows.opt_int(shipment.taken_at);
    rows.text(&shipment.note);
}

pub(crate) fn take_shipment(row: &mut Reader<'_>) -> Result<Shipment, StoreError> {
    Ok(Shipment {
        no: ShipmentNo(row.int()?),
        shop_no: OrderNo(row.int()?),
        aftersale_no: row.opt_int()?.map(AftersaleNo),
        status: row.code(ShipmentStatus::from_code)?,
        delivery: row.code(Delivery::from_code)?,
        carrier: row.text()?,
        waybill: row.opt_text()?,
        items: row.json()?,
        secrets: row.opt_bytes()?,
        attributes: row.json()?,
        created_at: row.int()?,
        shipped_at: row.opt_int()?,
        delivered_at: row.opt_int()?,
        delayed_at: row.opt_int()?,
        told_at: row.opt_int()?,
        taken_at: row.opt_int()?,
        note: row.text()?,
    })
}

pub(crate) fn put_stock_move(rows: &mut Rows, step: &StockMove, at: Millis) {
    rows.int(step.shop_no.0);
    rows.text(step.key.as_str());
    rows.text(&step.reason);
    rows.text(step.business.as_str());
    rows.int(step.kind.code().into());
    rows.int(step.quantity);
    rows.int(at);
}

/// What a posting is to the buyer whose account it touches: its number there, and the account after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// 1, 2, 3 … without gap.
    pub number: i64,
    /// Can be spent after it.
    pub available: i64,
    /// Held after it.
    pub held: i64,
}

pub(crate) fn put_posting(rows: &mut Rows, transfer: &Transfer, entry: Option<Entry>, at: Millis) {
    rows.int(transfer.order_no.0);
    rows.text(&transfer.operation);
    rows.text(&account(&transfer.from));
    rows.text(&account(&transfer.to));
    rows.text(&String::from(transfer.unit));
    rows.int(transfer.amount);
    rows.int(at);
    rows.opt_text(transfer.from.buyer().or(transfer.to.buyer()).map(BuyerId::as_str));
    rows.opt_int(entry.map(|entry| entry.number));
    rows.opt_int(entry.map(|entry| entry.available));
    rows.opt_int(entry.map(|entry| entry.held));
}

/// How postings name an account: `available:<buyer>`, `held:<buyer>`, `house:<name>`.
pub(crate) fn account(account: &Account) -> String {
    match account {
        Account::Available(buyer) => format!("available:{buyer}"),
        Account::Held(buyer) => format!("held:{buyer}"),
        Account::House(name) => format!("house:{name}"),
    }
}
