//! Refunds, returns and exchanges, alone and in any order with everything else.

use std::collections::{BTreeMap, BTreeSet};

use super::super::aftersale::{
    self, Application, Cannot, Priced, RESUBMITS_MAX, apply, approve, arbitrate, confirm, item_status, of_shop,
    proceed, ready, reject, resubmit, sent_back, withdraw,
};
use super::super::refund::{REFUNDS, Wanted, left};
use super::*;
use crate::domain::aftersale::{Aftersale, AftersaleKind as Kind, AftersaleStatus as State};
use crate::domain::fulfilment::{ExceptionKind, ShipmentStatus};
use crate::domain::ids::AftersaleNo;
use crate::domain::order::ReverseStatus;

const A: AftersaleNo = AftersaleNo(500);

fn rules() -> LineRules {
    LineRules::default()
}

/// As many numbers as one step may need.
fn numbers_from(first: i64) -> Vec<RefundNo> {
    (first..).take(REFUNDS).map(RefundNo).collect()
}

/// An order with a clock, fresh numbers, and a stock row that must never fall below zero.
struct Life {
    tree: OrderTree,
    at: i64,
    next: i64,
    stock: [i64; 3],
    moves: BTreeSet<(String, String)>,
    settled: Option<i64>,
}

impl Life {
    fn paid(prices: &[i64], balance: i64) -> Self {
        let (change, tree) = made(prices);
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

    fn shipped(prices: &[i64]) -> Self {
        let mut life = Self::paid(prices, 0);
        life.forward();
        life.ship();
        life
    }

    fn received(prices: &[i64]) -> Self {
        let mut life = Self::shipped(prices);
        life.receive();
        life
    }

    fn shop(&self) -> &crate::domain::order::ShopOrder {
        &self.tree.shops[0]
    }

    fn numbers(&mut self) -> i64 {
        self.next += 10;
        self.next
    }

    fn step(&mut self, decide: impl FnOnce(&mut Draft, i64)) {
        self.attempt(|d, n| {
            decide(d, n);
            Ok(())
        })
        .unwrap();
    }

    /// Decides, and checks what must hold after every change; what is refused leaves nothing.
    fn attempt(&mut self, decide: impl FnOnce(&mut Draft, i64) -> Result<(), Cannot>) -> Result<(), Cannot> {
        let (number, before) = (self.numbers(), self.tree.clone());
        let mut draft = Draft::new(&before, self.at, "test");
        decide(&mut draft, number)?;
        let (change, after) = draft.finish();
        assert_eq!(before.clone().after(&change), after, "a change leads to the tree the draft shows");
        let versions: Vec<i64> = change.flows.iter().filter(|f| !f.ignored).map(|f| f.version).collect();
        let wanted: Vec<i64> = (before.shops[0].version + 1..=after.shops[0].version).collect();
        assert_eq!(versions, wanted, "each version has one flow row");
        self.keep(&change);
        self.tree = after;
        self.check();
        Ok(())
    }

    fn keep(&mut self, change: &Change) {
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

    fn back(&self) -> i64 {
        self.tree.refunds.iter().filter(|r| r.way != Way::Coins && r.counts()).map(|r| r.amount).sum()
    }

    fn check(&self) {
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
    fn forward(&mut self) {
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

    fn ship(&mut self) {
        let held = self.tree.aftersales.iter().any(Aftersale::keeps_from_shipping);
        if self.shop().status == Status::Paid
            && self.shop().packed_at.is_some()
            && !held
            && self.shop().sub_status != SubStatus::Closing
        {
            let waybill = format!("SF{}", self.next);
            let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill };
            self.step(|d, _| ship::shipped(d, SHOP, &notice).unwrap());
        }
    }

    fn receive(&mut self) {
        if self.shop().status == Status::Shipped && self.shop().sub_status == SubStatus::None {
            let verdict = hook::Verdict::Confirmed;
            let confirmed = hook::Received { verdict, attributes: vec![], events: vec![], extra: vec![] };
            self.step(|d, _| receive::received(d, SHOP, &confirmed, "buyer").unwrap());
        }
    }

    fn apply(&mut self, kind: Kind, wanted: Vec<Wanted>, priced: Vec<Priced>) -> Result<AftersaleNo, Cannot> {
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
    fn deadlines(&mut self) {
        for no in aftersale::overdue(&self.tree, SHOP, self.at) {
            if aftersale::overdue(&self.tree, SHOP, self.at).contains(&no) {
                self.step(|d, n| aftersale::deadline(d, no, &rules(), ShipmentNo(n)).unwrap());
            }
        }
    }

    fn approve(&mut self, no: AftersaleNo) -> Result<(), Cannot> {
        self.attempt(|d, n| approve(d, no, &rules(), ShipmentNo(n), ""))?;
        self.forward();
        Ok(())
    }

    fn all(&self) -> Vec<Wanted> {
        let units = left(&self.tree, self.shop()).into_iter().filter(|line| line.quantity > 0);
        units.map(|line| Wanted { item_no: line.item_no.unwrap(), quantity: line.quantity, amount: None }).collect()
    }

    fn item(&self, index: usize, quantity: u32) -> Vec<Wanted> {
        vec![Wanted { item_no: self.shop().items[index].no, quantity, amount: None }]
    }

    /// The provider does every refund that is pending.
    fn refunds_succeed(&mut self) {
        while let Some(owed) = self.tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).cloned() {
            self.step(|d, _| undo::refunded(d, owed, &rules()));
        }
    }

    fn state(&self, no: AftersaleNo) -> State {
        self.tree.aftersales.iter().find(|a| a.no == no).unwrap().status
    }
}

#[test]
fn what_nothing_was_done_for_is_refunded_at_once_with_its_freight_and_stock() {
    let mut life = Life::paid(&[1_000, 333], 500);
    let no = life.apply(Kind::Refund, life.all(), vec![]).unwrap();
    assert_eq!(life.state(no), State::Approved, "nobody needs to agree");
    life.forward();
    assert_eq!(life.shop().sub_status, SubStatus::Closing);
    life.refunds_succeed();
    assert_eq!((life.shop().status, life.state(no)), (Status::Closed, State::Refunded));
    assert_eq!(life.back(), life.tree.pay.amounts.to_pay);
    assert_eq!(life.stock, [1_000, 0, 0]);
    assert_eq!(life.settled, None, "nothing was retained");
}

#[test]
fn a_part_refunded_before_shipping_leaves_the_package_and_the_rest_goes_on() {
    let mut life = Life::paid(&[1_000, 333], 0);
    life.forward();
    let no = life.apply(Kind::Refund, life.item(0, 2), vec![]).unwrap();
    assert_eq!(life.state(no), State::Applied);
    life.ship();
    assert_eq!(life.shop().status, Status::Paid, "what may be refunded is not sent");
    life.approve(no).unwrap();
    assert_eq!(life.tree.shipments[0].items.iter().map(|p| p.line).collect::<Vec<_>>(), [1]);
    assert_eq!(life.stock, [998, 0, 2], "its stock is free again");
    life.refunds_succeed();
    life.ship();
    life.receive();
    assert_eq!(life.shop().status, Status::Received);
    assert_eq!(life.back(), life.shop().items[0].share.cash);
}

#[test]
fn goods_come_back_before_their_money_and_can_be_sold_again() {
    let mut life = Life::received(&[1_000, 333]);
    let no = life.apply(Kind::Return, life.item(0, 1), vec![]).unwrap();
    life.approve(no).unwrap();
    assert_eq!((life.state(no), life.back()), (State::Approved, 0), "the goods first");
    life.step(|d, _| sent_back(d, no, "SF".into(), "BACK".into(), &rules()).unwrap());
    life.step(|d, _| aftersale::parcel_arrived(d, no).unwrap());
    assert_eq!(life.state(no), State::Returned);
    life.step(|d, n| confirm(d, no, ShipmentNo(n), "").unwrap());
    life.forward();
    assert_eq!((life.state(no), life.stock), (State::Refunding, [997, 0, 3]));
    life.refunds_succeed();
    assert_eq!(life.state(no), State::Refunded);
    assert_eq!(life.back(), life.shop().items[0].share.cash / 2, "one of two units");
    assert_eq!(life.shop().status, Status::Received);
    let item = |i: usize| item_status(&life.tree, life.shop(), &life.shop().items[i], life.at);
    assert_eq!((item(0), item(1)), (ReverseStatus::Succeeded, ReverseStatus::None));
    assert_eq!(of_shop(&life.tree, life.shop(), life.at), ReverseStatus::Succeeded);
}

#[test]
fn everything_returned_closes_the_order_and_its_freight_is_the_shops() {
    let mut life = Life::received(&[1_000, 333]);
    for index in 0..2 {
        let no = life.apply(Kind::Refund, life.item(index, 2), vec![]).unwrap();
        life.approve(no).unwrap();
        life.refunds_succeed();
        assert_eq!(life.state(no), State::Refunded);
    }
    assert_eq!(life.shop().status, Status::Closed);
    let freight = life.shop().amounts.freight_share;
    assert_eq!(life.back(), life.tree.pay.amounts.to_pay - freight.cash);
    assert_eq!(life.settled, Some(freight.cash + freight.coins_value), "retained freight is settled");
    assert_eq!(of_shop(&life.tree, life.shop(), life.at), ReverseStatus::Final);
}

#[test]
fn a_fee_is_kept_and_refund_and_fee_make_up_the_line() {
    let mut life = Life::shipped(&[1_000]);
    let item = life.shop().items[0].clone();
    let priced = vec![Priced { item_no: item.no, amount: item.share.due - 600 }];
    let no = life.apply(Kind::Refund, life.all(), priced).unwrap();
    let claim = life.tree.aftersales[0].items[0];
    assert_eq!((claim.cash, claim.fee, claim.coins), (item.share.cash - 600, 600, item.share.coins));
    life.approve(no).unwrap();
    life.refunds_succeed();
    assert_eq!(life.shop().status, Status::Closed);
    assert_eq!((life.shop().items[0].refunded.cash, life.shop().items[0].refunded.retained), (claim.cash, 600));
    let freight = life.shop().amounts.freight_share;
    assert_eq!(life.settled, Some(600 + freight.cash + freight.coins_value));
}

#[test]
fn a_fee_above_the_money_is_taken_from_the_coins() {
    let mut life = Life::shipped(&[1_000]);
    let item = life.shop().items[0].clone();
    let no = life.apply(Kind::Refund, life.all(), vec![Priced { item_no: item.no, amount: 0 }]).unwrap();
    life.approve(no).unwrap();
    assert_eq!((life.back(), life.state(no)), (0, State::Refunded), "nothing goes back, and that is known at once");
    let gone = life.shop().items[0].refunded;
    assert_eq!((gone.retained, gone.retained_coins, gone.quantity), (item.share.cash, item.share.coins, 2));
    assert_eq!(life.shop().status, Status::Closed);
}

#[test]
fn an_exchange_holds_the_new_goods_and_moves_no_money_and_no_state() {
    let mut life = Life::received(&[1_000]);
    let before = life.stock;
    let no = life.apply(Kind::Exchange, life.item(0, 1), vec![]).unwrap();
    life.approve(no).unwrap();
    assert_eq!(life.stock, [997, 1, 2], "the new unit is held");
    life.step(|d, _| sent_back(d, no, "SF".into(), "BACK".into(), &rules()).unwrap());
    life.step(|d, n| confirm(d, no, ShipmentNo(n), "").unwrap());
    assert_eq!((life.state(no), life.stock), (State::Reshipping, before));
    let package = life.tree.shipments.iter().find(|s| s.aftersale_no == Some(no)).unwrap().clone();
    let notice = ShipNotice { shipment_no: Some(package.no), carrier: "SF".into(), waybill: "NEW".into() };
    life.step(|d, _| assert_eq!(aftersale::shipped(d, &package, &notice).unwrap(), aftersale::Moved::Yes));
    let package = life.tree.shipments.iter().find(|s| s.no == package.no).unwrap().clone();
    life.step(|d, _| assert_eq!(aftersale::delivered(d, &package).unwrap(), aftersale::Moved::Yes));
    assert_eq!((life.state(no), life.shop().status, life.back()), (State::Exchanged, Status::Received, 0));
    let refused = life.apply(Kind::Exchange, vec![Wanted { amount: Some(5), ..life.item(0, 1)[0] }], vec![]);
    assert_eq!(refused, Err(Cannot::Units), "a dearer or cheaper change is a refund and a new order");
}

#[test]
fn an_exchange_that_is_withdrawn_frees_the_new_goods() {
    let mut life = Life::received(&[1_000]);
    let before = life.stock;
    let no = life.apply(Kind::Exchange, life.item(0, 2), vec![]).unwrap();
    life.approve(no).unwrap();
    life.step(|d, _| withdraw(d, no).unwrap());
    assert_eq!((life.state(no), life.stock), (State::Cancelled, before));
}

#[test]
fn a_silent_merchant_agrees_and_a_silent_buyer_gives_up() {
    let mut life = Life::received(&[1_000]);
    life.tree.shops[0].facts.aftersale_window_ms = 100 * 86_400_000;
    let pass = |life: &mut Life, ms: i64| {
        life.at += ms;
        life.deadlines();
        life.forward();
    };
    let no = life.apply(Kind::Return, life.item(0, 1), vec![]).unwrap();
    pass(&mut life, rules().aftersale_decide_ms - 1);
    assert_eq!(life.state(no), State::Applied);
    pass(&mut life, 1);
    assert_eq!(life.state(no), State::Approved);
    life.step(|d, _| sent_back(d, no, "SF".into(), "BACK".into(), &rules()).unwrap());
    pass(&mut life, rules().aftersale_confirm_ms);
    assert_eq!(life.state(no), State::Refunding, "goods that nobody looked at count as taken back");
    life.refunds_succeed();
    let no = life.apply(Kind::Return, life.item(0, 1), vec![]).unwrap();
    life.approve(no).unwrap();
    pass(&mut life, rules().aftersale_buyer_ms);
    assert_eq!(life.state(no), State::Cancelled, "no parcel came");
    let no = life.apply(Kind::Refund, life.item(0, 1), vec![]).unwrap();
    life.step(|d, _| reject(d, no, &rules(), "worn").unwrap());
    pass(&mut life, rules().aftersale_buyer_ms);
    assert_eq!(life.state(no), State::Cancelled, "the buyer left it");
}

#[test]
fn a_rejected_one_is_changed_at_most_twice_or_asked_of_an_operator() {
    let mut life = Life::received(&[1_000]);
    let no = life.apply(Kind::Refund, life.item(0, 2), vec![]).unwrap();
    let again = |life: &mut Life| {
        let wanted = life.item(0, 1);
        life.attempt(|d, _| {
            let (kind, reason) = (Kind::Return, "one only".into());
            resubmit(d, Application { no, kind, wanted, priced: vec![], reason, evidence: None }, &rules())
        })
    };
    for _ in 0..RESUBMITS_MAX {
        life.step(|d, _| reject(d, no, &rules(), "worn").unwrap());
        again(&mut life).unwrap();
        assert_eq!(life.tree.aftersales[0].items[0].quantity, 1);
    }
    life.step(|d, _| reject(d, no, &rules(), "worn").unwrap());
    assert!(matches!(again(&mut life), Err(Cannot::Limit { .. })));
    life.step(|d, _| arbitrate(d, no).unwrap());
    life.step(|d, _| reject(d, no, &rules(), "the merchant is right").unwrap());
    assert!(!life.tree.aftersales[0].is_open(), "an operator's no is the last");
    assert_eq!(of_shop(&life.tree, life.shop(), life.at), ReverseStatus::Failed);
    assert!(matches!(life.attempt(|d, _| arbitrate(d, no)), Err(Cannot::State { .. })));
}

#[test]
fn what_is_asked_for_is_never_above_what_is_left() {
    let mut life = Life::received(&[1_000, 333]);
    let price = life.shop().items[0].share.cash;
    life.apply(Kind::Refund, life.item(0, 1), vec![]).unwrap();
    assert!(matches!(life.apply(Kind::Refund, life.item(0, 2), vec![]), Err(Cannot::Refund(_))), "one is asked for");
    let dear = vec![Wanted { amount: Some(price), ..life.item(0, 1)[0] }];
    assert!(matches!(life.apply(Kind::Refund, dear, vec![]), Err(Cannot::Refund(_))), "more than the unit cost");
    let foreign = vec![Wanted { item_no: OrderNo(4_711), quantity: 1, amount: None }];
    assert!(life.apply(Kind::Refund, foreign, vec![]).is_err());
    life.at += life.shop().facts.aftersale_window_ms;
    assert_eq!(life.apply(Kind::Refund, life.item(1, 1), vec![]), Err(Cannot::TooLate));
}

#[test]
fn goods_that_left_while_their_refund_waited_must_come_back() {
    let mut life = Life::paid(&[1_000], 0);
    life.forward();
    let no = life.apply(Kind::Refund, life.all(), vec![]).unwrap();
    life.step(|d, n| approve(d, no, &rules(), ShipmentNo(n), "").unwrap());
    // The ship hook's answer was on its way.
    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into() };
    life.step(|d, _| ship::shipped(d, SHOP, &notice).unwrap());
    life.forward();
    let row = &life.tree.aftersales[0];
    assert_eq!((row.kind, row.status, life.back()), (Kind::Return, State::Approved, 0));
}

#[test]
fn an_undone_order_takes_its_after_sales_with_it() {
    let mut life = Life::received(&[1_000, 333]);
    let exchange = life.apply(Kind::Exchange, life.item(0, 1), vec![]).unwrap();
    life.approve(exchange).unwrap();
    let refund = life.apply(Kind::Refund, life.item(1, 1), vec![]).unwrap();
    life.step(|d, n| {
        let numbers = numbers_from(n);
        undo::undo(d, SHOP, &Reason::new("refused", ""), &rules(), &numbers);
    });
    life.refunds_succeed();
    assert_eq!((life.state(exchange), life.state(refund)), (State::Refunded, State::Refunded));
    assert_eq!((life.shop().status, life.back()), (Status::Closed, life.tree.pay.amounts.to_pay));
}

#[test]
fn a_refund_that_failed_for_good_goes_back_to_approved_until_it_is_tried_again() {
    let mut life = Life::received(&[1_000]);
    let no = life.apply(Kind::Refund, life.item(0, 1), vec![]).unwrap();
    life.approve(no).unwrap();
    let owed = life.tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).unwrap().clone();
    life.step(|d, _| refund::failed(d, owed, "account closed"));
    assert_eq!(life.state(no), State::Approved);
    assert!(life.shop().attention.is_some(), "a person must look");
    assert!(life.attempt(|d, _| withdraw(d, no)).is_err(), "what is owed is not withdrawn");
    let failed = life.tree.refunds.iter().find(|r| r.status == RefundStatus::Failed).unwrap().clone();
    life.step(|d, n| refund::replace(d, &failed, RefundNo(n)));
    assert_eq!(life.state(no), State::Refunding);
    life.refunds_succeed();
    assert_eq!(life.state(no), State::Refunded);
}

/// What a buyer, a merchant, a provider, a carrier and a clock may do next.
fn act(life: &mut Life, op: u8, pick: usize, quantity: u32, amount: Option<i64>) {
    let numbers: BTreeMap<usize, AftersaleNo> = life.tree.aftersales.iter().map(|a| a.no).enumerate().collect();
    let no = numbers.get(&(pick % numbers.len().max(1))).copied().unwrap_or(A);
    let items = life.shop().items.len();
    let wanted = vec![Wanted { item_no: life.shop().items[pick % items].no, quantity, amount }];
    let priced =
        |life: &Life| vec![Priced { item_no: life.shop().items[pick % items].no, amount: amount.unwrap_or(0) }];
    let pending = life.tree.refunds.iter().filter(|r| r.status == RefundStatus::Pending).nth(pick % 3).cloned();
    match op {
        0 | 1 => life.forward(),
        2 => life.ship(),
        3 => life.receive(),
        4 => drop(life.apply(Kind::Refund, wanted, vec![])),
        5 => {
            let priced = priced(life);
            drop(life.apply(Kind::Refund, vec![Wanted { amount: None, ..wanted[0] }], priced));
        }
        6 => drop(life.apply(Kind::Return, vec![Wanted { amount: None, ..wanted[0] }], vec![])),
        7 => drop(life.apply(Kind::Exchange, vec![Wanted { amount: None, ..wanted[0] }], vec![])),
        8 => drop(life.approve(no)),
        9 => drop(life.attempt(|d, _| reject(d, no, &rules(), "no"))),
        10 => drop(life.attempt(|d, _| withdraw(d, no))),
        11 => drop(life.attempt(|d, _| arbitrate(d, no))),
        12 => drop(life.attempt(|d, _| {
            let application =
                Application { no, kind: Kind::Refund, wanted, priced: vec![], reason: "x".into(), evidence: None };
            resubmit(d, application, &rules())
        })),
        13 => drop(life.attempt(|d, n| sent_back(d, no, "SF".into(), format!("B{n}"), &rules()))),
        14 => {
            drop(life.attempt(|d, n| confirm(d, no, ShipmentNo(n), "")));
            life.forward();
        }
        15 => {
            if let Some(owed) = pending {
                life.step(|d, _| undo::refunded(d, owed, &rules()));
            }
        }
        16 => {
            if let Some(owed) = pending.filter(|r| r.way == Way::Provider) {
                life.step(|d, _| refund::failed(d, owed, "no"));
            }
        }
        17 => {
            let failed = life.tree.refunds.iter().find(|r| r.status == RefundStatus::Failed && r.replaced_by.is_none());
            match failed.cloned() {
                Some(failed) if pick == 0 => life.step(|d, _| undo::refunded_by_hand(d, failed, &rules(), "in cash")),
                Some(failed) => life.step(|d, n| refund::replace(d, &failed, RefundNo(n))),
                None => {}
            }
        }
        18 => {
            life.at += 86_400_000 * i64::from(quantity + 1);
            life.deadlines();
        }
        19 if judge(Event::Undo, life.shop().status, life.shop().sub_status) == Judgement::Apply && pick == 0 => {
            life.step(|d, n| {
                let numbers = numbers_from(n);
                undo::undo(d, SHOP, &Reason::new("refused", ""), &rules(), &numbers);
            });
        }
        22 => {
            let on_its_way = life.tree.shipments_of(SHOP).find(|s| s.status == ShipmentStatus::Shipped).cloned();
            let takes = judge(Event::Exception, life.shop().status, life.shop().sub_status) == Judgement::Apply;
            if let Some(shipment) = on_its_way.filter(|_| takes) {
                let kind = [ExceptionKind::Delayed, ExceptionKind::Lost, ExceptionKind::Refused][pick % 3];
                life.step(|d, n| {
                    let numbers = numbers_from(n);
                    exception::happened(d, &shipment, kind, "", &rules(), &numbers);
                });
            }
        }
        20 => {
            let waits =
                life.tree.refunds.iter().any(Refund::is_owed) || life.tree.aftersales.iter().any(Aftersale::is_open);
            if life.shop().status == Status::Received && life.shop().sub_status == SubStatus::None && !waits {
                life.step(|d, _| settle::complete(d, SHOP, &rules()));
            }
        }
        _ => {
            let package = life.tree.shipments.iter().find(|s| s.aftersale_no.is_some()).cloned();
            if let Some(package) = package {
                let waybill = format!("N{}", life.next);
                let notice = ShipNotice { shipment_no: Some(package.no), carrier: "SF".into(), waybill };
                drop(life.attempt(|d, _| aftersale::shipped(d, &package, &notice).map(drop)));
                let package = life.tree.shipments.iter().find(|s| s.no == package.no).unwrap().clone();
                let kind = [ExceptionKind::Lost, ExceptionKind::Refused, ExceptionKind::Delayed][pick % 3];
                if quantity == 0 {
                    drop(life.attempt(|d, _| aftersale::went_wrong(d, &package, kind, "").map(drop)));
                }
                drop(life.attempt(|d, _| aftersale::delivered(d, &package).map(drop)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: nothing is refunded twice or above what was paid, stock is conserved, and an
    /// order ends with its after-sales.
    #[test]
    fn any_sequence_of_after_sales_keeps_every_invariant(
        prices in prop::collection::vec(1_i64..5_000, 1..4), wallet in 0_i64..100,
        acts in prop::collection::vec((0_u8..24, 0_usize..6, 0_u32..3, prop::option::of(0_i64..3_000)), 1..60),
    ) {
        let (_, tree) = made(&prices);
        let mut life = Life::paid(&prices, (tree.pay.amounts.to_pay - 1) * wallet / 100);
        for (op, pick, quantity, amount) in acts {
            act(&mut life, op, pick, quantity, amount);
        }
    }

    /// Everything goes back, piece by piece, at any time before shipping: exactly what was paid, to the minor unit.
    #[test]
    fn pieces_refunded_before_shipping_add_up_to_what_was_paid(
        prices in prop::collection::vec(1_i64..5_000, 1..4), wallet in 0_i64..100, begun: bool,
        pieces in prop::collection::vec((0_usize..4, 1_u32..3), 0..10),
    ) {
        let (_, tree) = made(&prices);
        let balance = (tree.pay.amounts.to_pay - 1) * wallet / 100;
        let mut life = Life::paid(&prices, balance);
        if begun {
            life.forward();
        }
        let mut asked = pieces.into_iter().map(|(index, quantity)| life.item(index % prices.len(), quantity)).collect::<Vec<_>>();
        asked.push(vec![]);
        for wanted in asked {
            let wanted = if wanted.is_empty() { life.all() } else { wanted };
            if wanted.is_empty() || life.shop().sub_status == SubStatus::Closing || life.shop().status == Status::Closed {
                continue;
            }
            if let Ok(no) = life.apply(Kind::Refund, wanted, vec![]) {
                if life.state(no) == State::Applied {
                    life.approve(no).unwrap();
                }
                life.forward();
                life.refunds_succeed();
            }
        }
        prop_assert_eq!(life.shop().status, Status::Closed);
        prop_assert_eq!(life.back(), life.tree.pay.amounts.to_pay);
        let to_wallet: i64 = life.tree.refunds.iter().filter(|r| r.way == Way::Balance).map(|r| r.amount).sum();
        let coins: i64 = life.tree.refunds.iter().filter(|r| r.way == Way::Coins).map(|r| r.amount).sum();
        prop_assert_eq!((to_wallet, coins), (balance, 7));
        prop_assert_eq!(life.stock, [1_000, 0, 0]);
    }
}
