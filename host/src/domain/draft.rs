//! A decision in the making: a working copy of a tree and the [`Change`] that leads to it.
//!
//! Invariants it keeps: every version of a shop order has exactly one flow row; a move between states is one that
//! [`lifecycle::allowed`] knows; event sequences have no gaps; a timer is armed or disarmed once.

use serde_json::{Value, json};

use super::aftersale::Aftersale;
use super::change::{Change, Flow, Guarded, Timer, TimerKey, TimerKind, Write};
use super::event::{self, Topic};
use super::fulfilment::Shipment;
use super::ids::{Millis, OrderNo, PaymentNo};
use super::lifecycle;
use super::operation::Operation;
use super::order::{PayOrder, ShopOrder, Status, SubStatus};
use super::payment::{Payment, PaymentLog, Refund};
use super::tree::OrderTree;

/// See the module.
#[derive(Debug)]
pub struct Draft {
    /// The working copy.
    tree: OrderTree,
    /// What is written besides the orders themselves.
    pub change: Change,
    /// Where touched orders came from: number, version, status.
    touched: Vec<(OrderNo, i64, Status)>,
    /// Items whose shares or refunds changed.
    items: Vec<OrderNo>,
    actor: String,
}

impl Draft {
    /// Begins a decision at a time by somebody.
    pub fn new(tree: &OrderTree, at: Millis, actor: &str) -> Self {
        let change = Change { at, ..Change::default() };
        Self { tree: tree.clone(), change, touched: vec![], items: vec![], actor: actor.to_owned() }
    }

    /// The orders as they would be.
    pub fn tree(&self) -> &OrderTree {
        &self.tree
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty() && self.change == Change { at: self.change.at, ..Change::default() }
    }

    /// The decision's time.
    pub fn at(&self) -> Millis {
        self.change.at
    }

    /// The pay order, to be changed; its version moves once.
    pub fn pay(&mut self) -> &mut PayOrder {
        let pay = &mut self.tree.pay;
        if !self.touched.iter().any(|(no, ..)| *no == pay.no) {
            self.touched.push((pay.no, pay.version, pay.status));
            pay.version += 1;
            pay.updated_at = self.change.at;
        }
        pay
    }

    /// Moves a shop order to a state (or stays) and writes its flow row. The order is then open to further changes.
    ///
    /// # Panics
    /// If the order is not in the tree or the move is not in the table: a bug in the caller, never input.
    pub fn step(
        &mut self,
        no: OrderNo,
        event: &str,
        to: (Status, SubStatus),
        note: impl Into<String>,
    ) -> &mut ShopOrder {
        let from = self.tree.shop(no).map_or(Status::Created, |shop| shop.status);
        assert!(lifecycle::allowed(from, to.0), "{event} may not move {from} to {}", to.0);
        let at = self.change.at;
        let shop = self.turn(no, event, to, note);
        if to.0.is_final() {
            shop.ended_at = Some(at);
            shop.expire_time = None;
        }
        shop
    }

    /// A step that touches only what is beside the state, in any state.
    ///
    /// # Panics
    /// If the event is not one of [`lifecycle::ANNOTATIONS`], or the order is not in the tree: a bug in the caller.
    pub fn annotate(&mut self, no: OrderNo, event: &str, note: impl Into<String>) -> &mut ShopOrder {
        assert!(lifecycle::ANNOTATIONS.contains(&event), "{event} may not touch an order that has ended");
        let state = self.state(no);
        self.turn(no, event, state, note)
    }

    fn turn(&mut self, no: OrderNo, event: &str, to: (Status, SubStatus), note: impl Into<String>) -> &mut ShopOrder {
        let (at, actor) = (self.change.at, self.actor.clone());
        let shop = self.tree.shops.iter_mut().find(|s| s.no == no).expect("a step concerns an order of the tree");
        if !self.touched.iter().any(|(touched, ..)| *touched == no) {
            self.touched.push((no, shop.version, shop.status));
        }
        let from = Some((shop.status, shop.sub_status));
        shop.version += 1;
        (shop.status, shop.sub_status) = to;
        shop.updated_at = at;
        let flow = Flow {
            shop_no: no,
            version: shop.version,
            event: event.into(),
            from,
            to,
            ignored: false,
            at,
            actor,
            note: note.into(),
        };
        self.change.flows.push(flow);
        shop
    }

    /// A step that stays in the state.
    pub fn stay(&mut self, no: OrderNo, event: &str, note: impl Into<String>) -> &mut ShopOrder {
        let state = self.state(no);
        self.step(no, event, state, note)
    }

    fn state(&self, no: OrderNo) -> (Status, SubStatus) {
        self.tree.shop(no).map_or((Status::Created, SubStatus::None), |s| (s.status, s.sub_status))
    }

    /// A shop order that this draft has stepped already.
    ///
    /// # Panics
    /// If it was not stepped: its version would not move.
    pub fn stepped(&mut self, no: OrderNo) -> &mut ShopOrder {
        assert!(self.touched.iter().any(|(touched, ..)| *touched == no), "only a stepped order may be changed");
        self.tree.shops.iter_mut().find(|s| s.no == no).expect("a stepped order is in the tree")
    }

    /// Marks an item of a stepped order as changed and opens it.
    pub fn item(&mut self, shop_no: OrderNo, item_no: OrderNo) -> Option<&mut super::order::ItemOrder> {
        if !self.items.contains(&item_no) {
            self.items.push(item_no);
        }
        self.stepped(shop_no).items.iter_mut().find(|i| i.no == item_no)
    }

    /// Writes an IGNORED row: the event was late or a repeat, nothing else changes.
    pub fn ignore(&mut self, no: OrderNo, event: &str, note: impl Into<String>) {
        if let Some(shop) = self.tree.shop(no) {
            let state = (shop.status, shop.sub_status);
            self.change.flows.push(Flow {
                shop_no: no,
                version: shop.version,
                event: event.into(),
                from: Some(state),
                to: state,
                ignored: true,
                at: self.change.at,
                actor: self.actor.clone(),
                note: note.into(),
            });
        }
    }

    /// An event about a stepped shop order. Who it belongs to is added to the data.
    pub fn emit(&mut self, no: OrderNo, topic: Topic, tag: &str, mut data: Value) {
        let at = self.change.at;
        let shop = self.stepped(no);
        if let Some(data) = data.as_object_mut() {
            data.insert("order_no".into(), json!(no));
            data.insert("pay_order_no".into(), json!(shop.pay_no));
            data.insert("buyer".into(), json!(shop.buyer));
            data.insert("shop_id".into(), json!(shop.shop));
            data.insert("business".into(), json!(shop.business));
            data.insert("status".into(), json!(shop.status));
        }
        let event = event::event(&mut shop.sequences, no, topic, tag, at, &data);
        self.change.events.push(event);
    }

    /// An event about the pay order; its shop orders are listed in the data.
    pub fn emit_pay(&mut self, tag: &str, mut data: Value) {
        let (at, shops) = (self.change.at, self.tree.shops.iter().map(|s| s.no).collect::<Vec<_>>());
        let pay = self.pay();
        if let Some(data) = data.as_object_mut() {
            data.insert("order_no".into(), json!(pay.no));
            data.insert("buyer".into(), json!(pay.buyer));
            data.insert("currency".into(), json!(pay.currency));
            data.insert("shop_orders".into(), json!(shops));
        }
        let (no, sequences) = (pay.no, &mut pay.sequences);
        let event = event::event(sequences, no, Topic::Payment, tag, at, &data);
        self.change.events.push(event);
    }

    /// Arms a timer, moving it if it is armed.
    pub fn arm(&mut self, subject: OrderNo, kind: TimerKind, due: Millis, attempt: i64) {
        let key = TimerKey { subject, kind };
        self.change.disarm.retain(|k| *k != key);
        self.change.arm.retain(|t| t.key != key);
        self.change.arm.push(Timer { key, due, attempt });
    }

    /// The deadline of a stepped order's state, with the timer that keeps it: `expire_time` is always the timer's. The
    /// one of an unpaid order is its pay order's, and set where both are made.
    ///
    /// Afterwards they differ in three cases only: a timer whose work is repeated (its `attempt` is not 0) moved on
    /// alone, in `cancelling` it repeats the closing of payments, and a missed shipping deadline stays without a timer.
    pub fn deadline(&mut self, no: OrderNo, kind: TimerKind, due: Millis) {
        self.stepped(no).expire_time = Some(due);
        self.arm(no, kind, due, 0);
    }

    /// Disarms a timer if it is armed.
    pub fn disarm(&mut self, subject: OrderNo, kind: TimerKind) {
        let key = TimerKey { subject, kind };
        self.change.arm.retain(|t| t.key != key);
        if !self.change.disarm.contains(&key) {
            self.change.disarm.push(key);
        }
    }

    /// Writes a payment under the pay order's version, with the step that its log tells.
    pub fn payment(&mut self, write: Write<Payment>, step: &str, note: impl Into<String>) {
        self.pay();
        self.log(write.row().no, step, note);
        put(&mut self.tree.payments, &write, |p| p.no.0);
        put_write(&mut self.change.payments, write, |p| p.no.0);
    }

    /// Writes a refund under the pay order's version, with the step that the log of its payment tells. Coins that go
    /// back are told by the payment that paid the order.
    pub fn refund(&mut self, write: Write<Refund>, step: &str, note: impl Into<String>) {
        self.pay();
        let (row, note) = (write.row(), note.into());
        let told = if note.is_empty() { row.no.to_string() } else { format!("{}: {note}", row.no) };
        if let Some(payment_no) = row.payment_no.or(self.tree.pay.paid_by) {
            self.log(payment_no, step, told);
        }
        put(&mut self.tree.refunds, &write, |r| r.no.0);
        put_write(&mut self.change.refunds, write, |r| r.no.0);
    }

    /// Adds a step to the log of a payment.
    pub fn log(&mut self, payment_no: PaymentNo, step: &str, note: impl Into<String>) {
        self.change.payment_logs.push(PaymentLog {
            pay_no: self.tree.pay.no,
            payment_no,
            step: step.to_owned(),
            actor: self.actor.clone(),
            note: note.into(),
            at: self.change.at,
        });
    }

    /// Writes a shipment of a stepped shop order.
    pub fn shipment(&mut self, write: Write<Shipment>) {
        put(&mut self.tree.shipments, &write, |s| s.no.0);
        put_write(&mut self.change.shipments, write, |s| s.no.0);
    }

    /// Writes an after-sale of a stepped shop order.
    pub fn aftersale(&mut self, write: Write<Aftersale>) {
        put(&mut self.tree.aftersales, &write, |a| a.no.0);
        put_write(&mut self.change.aftersales, write, |a| a.no.0);
    }

    /// Writes what somebody changed into the operate log. `before` and `after` are equal where something was only seen.
    pub fn operated(&mut self, order_no: OrderNo, operation: &str, remark: &str, (before, after): (Value, Value)) {
        let level = match self.tree.shop(order_no) {
            Some(_) => 2,
            None if order_no == self.tree.pay.no => 1,
            None => 3,
        };
        self.change.operations.push(Operation {
            order_no,
            level,
            operator: self.actor.clone(),
            operation: operation.to_owned(),
            remark: remark.to_owned(),
            before,
            after,
            at: self.change.at,
        });
    }

    /// The change, with every touched order guarded by where it came from, and the tree it leads to.
    pub fn finish(mut self) -> (Change, OrderTree) {
        for (no, version, status) in self.touched {
            if no == self.tree.pay.no {
                self.change.pay_orders.push(Guarded { version, status, row: self.tree.pay.clone() });
            } else if let Some(shop) = self.tree.shop(no) {
                let row = shop.clone();
                self.change.items.extend(row.items.iter().filter(|i| self.items.contains(&i.no)).cloned());
                self.change.shop_orders.push(Guarded { version, status, row });
            }
        }
        (self.change, self.tree)
    }
}

fn put<T: Clone>(rows: &mut Vec<T>, write: &Write<T>, number: impl Fn(&T) -> i64) {
    match rows.binary_search_by_key(&number(write.row()), &number) {
        Ok(at) => rows[at] = write.row().clone(),
        Err(at) => rows.insert(at, write.row().clone()),
    }
}

/// A row written twice in one change is one write: an insert stays an insert.
fn put_write<T>(writes: &mut Vec<Write<T>>, write: Write<T>, number: impl Fn(&T) -> i64) {
    let before = writes.iter().position(|w| number(w.row()) == number(write.row()));
    match (before, write) {
        (None, write) => writes.push(write),
        (Some(at), Write::Insert(row) | Write::Update(row)) => {
            writes[at] = match writes[at] {
                Write::Insert(_) => Write::Insert(row),
                Write::Update(_) => Write::Update(row),
            }
        }
    }
}
