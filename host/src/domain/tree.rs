//! A pay order with everything below it: what a use case reads, decides on and shows.

use super::aftersale::Aftersale;
use super::change::{Change, Write};
use super::fulfilment::Shipment;
use super::ids::OrderNo;
use super::order::{PayOrder, ShopOrder, Status, Visible};
use super::payment::{Payment, Refund};

/// A pay order, its shop orders with their items, its payments, refunds, shipments and after-sales; each list sorted by number.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTree {
    /// L1
    pub pay: PayOrder,
    /// L2, with L3 inside
    pub shops: Vec<ShopOrder>,
    /// Attempts to pay.
    pub payments: Vec<Payment>,
    /// Refunds.
    pub refunds: Vec<Refund>,
    /// Shipments of all shop orders.
    pub shipments: Vec<Shipment>,
    /// After-sales of all shop orders.
    pub aftersales: Vec<Aftersale>,
}

impl OrderTree {
    /// The shop order of a number.
    pub fn shop(&self, no: OrderNo) -> Option<&ShopOrder> {
        self.shops.iter().find(|s| s.no == no)
    }

    /// The shipments that deliver a shop order: without those of exchanges, which never move its state.
    pub fn shipments_of(&self, shop_no: OrderNo) -> impl Iterator<Item = &Shipment> {
        self.shipments.iter().filter(move |s| s.shop_no == shop_no && s.aftersale_no.is_none())
    }

    /// The after-sales of a shop order.
    pub fn aftersales_of(&self, shop_no: OrderNo) -> impl Iterator<Item = &Aftersale> {
        self.aftersales.iter().filter(move |a| a.shop_no == shop_no)
    }

    /// The payment that paid the order, if one did.
    pub fn paid_by(&self) -> Option<&Payment> {
        self.payments.iter().find(|p| Some(p.no) == self.pay.paid_by)
    }

    /// Whether nobody may see it yet (or ever, when it was voided): what it needs was not all held.
    pub fn is_hidden(&self) -> bool {
        self.shops.iter().any(|s| s.visible == Visible::NotYet)
    }

    /// Whether it waits for the stock of some shop order.
    pub fn stock_pending(&self) -> bool {
        self.shops.iter().any(ShopOrder::stock_pending)
    }

    /// What a pay order shows after it was paid: closed when all its shop orders are closed, completed when all have
    /// ended and one completed, else paid.
    pub fn status(&self) -> Status {
        if self.pay.status != Status::Paid {
            self.pay.status
        } else if self.shops.iter().all(|s| s.status == Status::Closed) {
            Status::Closed
        } else if self.shops.iter().all(|s| s.status.is_final()) {
            Status::Completed
        } else {
            Status::Paid
        }
    }

    /// The tree of a new pay order, from the change that makes it.
    pub fn created(change: &Change) -> Option<Self> {
        let pay = change.new_pay_orders.first()?.clone();
        let tree =
            Self { pay, shops: vec![], payments: vec![], refunds: vec![], shipments: vec![], aftersales: vec![] };
        Some(tree.after(change))
    }

    /// The tree after a change was committed. Equal to what a read of the store then gives.
    #[must_use]
    pub fn after(mut self, change: &Change) -> Self {
        let no = self.pay.no;
        for guarded in change.pay_orders.iter().filter(|g| g.row.no == no) {
            self.pay = guarded.row.clone();
        }
        let shops = change.new_shop_orders.iter().chain(change.shop_orders.iter().map(|g| &g.row));
        merge(&mut self.shops, shops.filter(|s| s.pay_no == no), |s| s.no.0);
        merge(&mut self.payments, change.payments.iter().map(Write::row).filter(|p| p.pay_no == no), |p| p.no.0);
        merge(&mut self.refunds, change.refunds.iter().map(Write::row).filter(|r| r.pay_no == no), |r| r.no.0);
        let mine: Vec<OrderNo> = self.shops.iter().map(|s| s.no).collect();
        let shipments = change.shipments.iter().map(Write::row).filter(|s| mine.contains(&s.shop_no));
        merge(&mut self.shipments, shipments, |s| s.no.0);
        let aftersales = change.aftersales.iter().map(Write::row).filter(|a| mine.contains(&a.shop_no));
        merge(&mut self.aftersales, aftersales, |a| a.no.0);
        self
    }
}

fn merge<'a, T: Clone + 'a>(into: &mut Vec<T>, rows: impl Iterator<Item = &'a T>, number: impl Fn(&T) -> i64) {
    for row in rows {
        match into.binary_search_by_key(&number(row), &number) {
            Ok(at) => into[at] = row.clone(),
            Err(at) => into.insert(at, row.clone()),
        }
    }
}
