//! An order on its way, and what must hold after every change of it.

use std::collections::BTreeSet;

use super::super::super::aftersale::{self, Application, Cannot, Priced, apply, approve, proceed, ready};
use super::super::super::refund::{REFUNDS, Wanted, left};
use super::super::*;
use crate::domain::aftersale::{Aftersale, AftersaleKind as Kind, AftersaleStatus as State};
use crate::domain::fulfilment::ShipmentStatus;
use crate::domain::ids::AftersaleNo;

pub(super) fn rules() -> LineRules {
    LineRules::default()
}

/// As many numbers as one step may need.
pub(super) fn numbers_from(first: i64) -> Vec<RefundNo> {
    (first..).take(REFUNDS).map(RefundNo).collect()
}

/// An order with a clock, fresh numbers, and a stock row that must never fall below zero.
pub(super) struct Life {
    pub(super) tree: OrderTree,
    pub(super) at: i64,
    pub(super) next: i64,
    pub(super) stock: [i64; 3],
    pub(super) moves: BTreeSet<(String, String)>,
    pub(super) settled: Option<i64>,
}

impl Life {
    pub(super) fn paid(prices: &[i64], balance: i64) -> Self {
        Self::paid_for(made(prices), balance)
    }

    pub(super) fn paid_for((change, tree): (Change, OrderTree), balance: i64) -> Self {
        let mut life = Self { tree, at: AT, next: 10_000, stock: [1_000, 0, 0], moves: BTreeSet::new(), settled: None };
        life.keep(&change);
        life.step(|d, _| {
            pay::open(
                d,
                pay::attempt(
                    d.tree(),
                    PaymentNo(60),
                    ("sandbox".parse().unwrap(), MerchantAccount::own()),
                    balance,
                    AT,
                ),
                1_000,
            );
        });
        life.step(|d, n| {
            let payment = d.tree().payments[0].clone();
            pay::succeed(d, Write::Update(payment), paid(), &[ShipmentNo(n)], 20_000);
        });
        life
    }

    pub(super) fn shipped(prices: &[i64]) -> Self {
        let mut life = Self::paid(prices, 0);
        life.forward();
        life.ship();
        life
    }

    pub(super) fn received(prices: &[i64]) -> Self {
        let mut life = Self::shipped(prices);
        life.receive();
        life
    }

    pub(super) fn shop(&self) -> &crate::domain::order::ShopOrder {
        &self.tree.shops[0]
    }

    pub(super) fn numbers(&mut self) -> i64 {
        self.next += 10;
        self.next
    }

    pub(super) fn step(&mut self, decide: impl FnOnce(&mut Draft, i64)) {
        self.attempt(|d, n| {
            decide(d, n);
            Ok(())
        })
        .unwrap();
    }

    /// Decides, and checks what must hold after every change; what is refused leaves nothing.
    pub(super) fn attempt(&mut self, decide: impl FnOnce(&mut Draft, i64) -> Result<(), Cannot>) -> Result<(), Cannot> {
        let (number, before) = (self.numbers(), self.tree.clone());
        let mut draft = Draft::new(&before, self.at, "test");
        decide(&mut draft, number)?;
        let (change, after) = draft.finish();
        assert_eq!(before.clone().after(&change), after, "a change leads to the tree the draft shows");
        let versions: Vec<i64> = change.flows.iter().filter(|f| !f.ignored).map(|f| f.version).collect();
        let wanted: Vec<i64> = (before.shops[0].version + 1..=after.shops[0].version).collect();
        assert_eq!(versions, wanted, "each version has one flow row");
        moves_hold(&change, &after);
        self.keep(&change);
        self.tree = after;
        self.check();
        Ok(())
    }

    pub(super) fn keep(&mut self, change: &Change) {
        for step in &change.stock {
            assert!(self.moves.insert((step.key.to_string(), step.reason.clone())), "{} twice", step.reason);
            let (from, to) = match step.kind {
                StockMoveKind::Reserve => (0, 1),
                StockMoveKind::Confirm => (1, 2),
                StockMoveKind::Release => (1, 0),
                StockMoveKind::Sell => (0, 2),
                StockMoveKind::Restock => (2, 0),
            };
            self.stock[from] -= step.quantity;
            self.stock[to] += step.quantity;
            assert!(self.stock[from] >= 0, "{}: {:?}", step.reason, self.stock);
        }
        if let Some(settlement) = change.settlements.first() {
            assert!(self.settled.replace(settlement.gross).is_none(), "settled twice");
        }
    }

    pub(super) fn back(&self) -> i64 {
        self.tree.refunds.iter().filter(|r| r.way != Way::Coins && r.counts()).map(|r| r.amount).sum()
    }

    pub(super) fn check(&self) {
        let shop = self.shop();
        for item in &shop.items {
            let (gone, share) = (&item.refunded, &item.share);
            assert!(gone.cash + gone.retained <= share.cash, "{gone:?} of {share:?}");
            assert!(gone.coins + gone.retained_coins <= share.coins, "{gone:?} of {share:?}");
            assert!(gone.quantity <= item.quantity && gone.restocked <= item.quantity, "{gone:?}");
        }
        for line in left(&self.tree, shop) {
            assert!(line.provider >= 0 && line.balance >= 0 && line.coins >= 0, "{line:?}");
        }
        assert!(self.back() <= self.tree.pay.amounts.to_pay);
        let open = self.tree.aftersales.iter().filter(|a| a.is_open()).count();
        if shop.status.is_final() {
            assert_eq!(open, 0, "an order ends with its after-sales");
            assert!(!self.tree.refunds.iter().any(Refund::is_owed), "an ended order owes nothing");
        }
        if shop.status == Status::Closed {
            let lines = shop.items.iter().map(|i| (&i.share, &i.refunded));
            for (share, gone) in lines.chain([(&shop.amounts.freight_share, &shop.amounts.freight_refunded)]) {
                assert_eq!(gone.cash + gone.retained, share.cash, "refunded and retained add up");
                assert_eq!(gone.coins + gone.retained_coins, share.coins);
            }
        }
        assert_eq!(self.stock.iter().sum::<i64>(), 1_000);
    }

    /// As `app::forward` does, for a line without a supplier.
    pub(super) fn forward(&mut self) {
        while let Some(no) = ready(&self.tree, self.shop()).map(|a| a.no) {
            self.step(|d, n| {
                let numbers = numbers_from(n);
                proceed(d, no, &rules(), &numbers).unwrap();
            });
        }
        let held = self.tree.aftersales.iter().any(Aftersale::keeps_from_shipping);
        let (status, sub) = (self.shop().status, self.shop().sub_status);
        if (status, sub) == (Status::Paid, SubStatus::ToDeduct) {
            self.step(|d, _| ship::deducted(d, SHOP, &hook::Deducted::default()).unwrap());
            self.forward();
        } else if (status, sub) == (Status::Paid, SubStatus::ToShip) && self.shop().packed_at.is_none() && !held {
            self.step(|d, _| ship::packed(d, SHOP, &hook::Shipped::default(), &[]).unwrap());
        }
    }

    pub(super) fn ship(&mut self) {
        let held = self.tree.aftersales.iter().any(Aftersale::keeps_from_shipping);
        if self.shop().status == Status::Paid
            && self.shop().packed_at.is_some()
            && !held
            && self.shop().sub_status != SubStatus::Closing
        {
            let waiting = self.tree.shipments_of(SHOP).find(|s| s.status == ShipmentStatus::Created).map(|s| s.no);
            let (shipment_no, waybill) = (Some(waiting.unwrap()), format!("SF{}", self.next));
            let notice = ShipNotice { shipment_no, carrier: "SF".into(), waybill, by_service: false };
            self.step(|d, _| ship::shipped(d, SHOP, &notice).unwrap());
        }
    }

    pub(super) fn receive(&mut self) {
        if self.shop().status == Status::Shipped && self.shop().sub_status == SubStatus::None {
            let verdict = hook::Verdict::Confirmed;
            let confirmed = hook::Received { verdict, attributes: vec![], events: vec![], extra: vec![] };
            self.step(|d, _| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
        }
    }

    pub(super) fn apply(
        &mut self,
        kind: Kind,
        wanted: Vec<Wanted>,
        priced: Vec<Priced>,
    ) -> Result<AftersaleNo, Cannot> {
        let mut made = None;
        self.attempt(|d, n| {
            let no = *made.insert(AftersaleNo(n));
            apply(
                d,
                SHOP,
                Application { no, kind, wanted, priced, reason: "too small".into(), evidence: None },
                &rules(),
            )
        })?;
        Ok(made.unwrap())
    }

    /// Every passed deadline does its part, one change each.
    pub(super) fn deadlines(&mut self) {
        for no in aftersale::overdue(&self.tree, SHOP, self.at) {
            if aftersale::overdue(&self.tree, SHOP, self.at).contains(&no) {
                self.step(|d, n| aftersale::deadline(d, no, &rules(), ShipmentNo(n)).unwrap());
            }
        }
    }

    pub(super) fn approve(&mut self, no: AftersaleNo) -> Result<(), Cannot> {
        self.attempt(|d, n| approve(d, no, &rules(), ShipmentNo(n), ""))?;
        self.forward();
        Ok(())
    }

    pub(super) fn all(&self) -> Vec<Wanted> {
        let units = left(&self.tree, self.shop()).into_iter().filter(|line| line.quantity > 0);
        units.map(|line| Wanted { item_no: line.item_no.unwrap(), quantity: line.quantity, amount: None }).collect()
    }

    pub(super) fn item(&self, index: usize, quantity: u32) -> Vec<Wanted> {
        vec![Wanted { item_no: self.shop().items[index].no, quantity, amount: None }]
    }

    /// The provider does every refund that is pending.
    pub(super) fn refunds_succeed(&mut self) {
        while let Some(owed) = self.tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
            self.step(|d, _| undo::refunded(d, owed, &rules()));
        }
    }

    pub(super) fn state(&self, no: AftersaleNo) -> State {
        self.tree.aftersales.iter().find(|a| a.no == no).unwrap().status
    }
}
