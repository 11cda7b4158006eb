//! Refunds, returns and exchanges, alone and in any order with everything else.

mod exchanges;
mod guards;
mod life;
mod sequences;

use super::super::aftersale::{
    self, Application, Cannot, Priced, RESUBMITS_MAX, approve, arbitrate, confirm, item_status, of_shop, reject,
    resubmit, sent_back, withdraw,
};
use super::super::refund::Wanted;
use super::*;
use crate::domain::aftersale::{AftersaleKind as Kind, AftersaleStatus as State};
use crate::domain::order::ReverseStatus;

use self::life::{Life, numbers_from, rules};

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
    let notice =
        ShipNotice { shipment_no: Some(package.no), carrier: "SF".into(), waybill: "NEW".into(), by_service: false };
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
    let notice = ShipNotice { shipment_no: None, carrier: "SF".into(), waybill: "SF1".into(), by_service: false };
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
