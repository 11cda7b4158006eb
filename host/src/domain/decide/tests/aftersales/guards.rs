//! What an open after-sale keeps from happening, and what it may not ask for.

use super::life::Life;
use super::*;
use crate::domain::decide::refund::CannotRefund;

#[test]
fn the_settlement_waits_for_the_last_open_after_sale() {
    let mut life = Life::received(&[1_000, 333]);
    let first = life.apply(Kind::Refund, life.item(0, 1), vec![]).unwrap();
    let second = life.apply(Kind::Refund, life.item(1, 1), vec![]).unwrap();
    life.approve(first).unwrap();
    let settle_after = |life: &mut Life| {
        let owed = life.tree.refunds.iter().find(|r| r.status == RefundStatus::Pending).unwrap().clone();
        let mut draft = Draft::new(&life.tree, life.at, "test");
        undo::refunded(&mut draft, owed, &rules());
        let (change, _) = draft.finish();
        life.refunds_succeed();
        change.arm.iter().any(|timer| timer.key.kind == TimerKind::Settle)
    };
    assert!(!settle_after(&mut life), "the second is open");
    life.approve(second).unwrap();
    assert!(settle_after(&mut life));
}

#[test]
fn units_bring_back_no_more_than_they_cost() {
    let mut life = Life::received(&[1_000]);
    let unit = life.shop().items[0].share.cash / 2;
    let asks = |life: &Life, amount: i64| vec![Wanted { amount: Some(amount), ..life.item(0, 1)[0] }];
    let refused = life.apply(Kind::Refund, asks(&life, unit + 1), vec![]);
    assert!(matches!(refused, Err(Cannot::Refund(CannotRefund::AboveLeft { .. }))), "{refused:?}");
    life.apply(Kind::Refund, asks(&life, unit), vec![]).unwrap();
}

#[test]
fn an_after_sale_is_about_something() {
    let mut life = Life::received(&[1_000]);
    let refused = life.apply(Kind::Refund, vec![], vec![]);
    assert!(matches!(refused, Err(Cannot::Refund(CannotRefund::NothingLeft))), "{refused:?}");
}
