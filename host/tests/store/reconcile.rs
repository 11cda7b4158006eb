//! What is compared with providers' books, and what differed.

use hookline::domain::catalogue::AdminWrite;
use hookline::domain::change::{Change, Refusal, Write};
use hookline::domain::ids::{MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, RefundNo, Slot};
use hookline::domain::number::number;
use hookline::domain::payment::{Arrived, PayOffer, Payment, PaymentStatus, Refund, RefundStatus, Way};
use hookline::domain::reconcile::{BookDay, BookOutcome, Discrepancy, DiscrepancyKind, Settled};
use hookline::store::{CommitError, OfAccount, Span, Store, testing};

use crate::harness::on_both;
use crate::make::NOW;

const HOUR: Millis = 3_600_000;

fn method() -> PaymentMethod {
    PaymentMethod::new("alipay").unwrap()
}

fn account(name: &str) -> MerchantAccount {
    MerchantAccount::new(name).unwrap()
}

fn payment(n: i64, made: Millis, paid: Option<Millis>) -> Payment {
    let slot = Slot::of("lilei");
    Payment {
        no: PaymentNo(number(made, n, slot)),
        pay_no: OrderNo(number(made, n + 1_000, slot)),
        method: method(),
        account: account("main"),
        amount: 100,
        balance: 0,
        currency: "CNY".parse().unwrap(),
        status: if paid.is_some() { PaymentStatus::Succeeded } else { PaymentStatus::Pending },
        handle: None,
        trade_no: None,
        arrived: None,
        created_at: made,
        paid_at: paid,
        ended_at: None,
        expires_at: None,
        offer: PayOffer::default(),
    }
}

fn refund(n: i64, of: &Payment, done: Option<Millis>) -> Refund {
    Refund {
        no: RefundNo(number(NOW, n, of.no.slot())),
        pay_no: of.pay_no,
        shop_no: None,
        aftersale_no: None,
        payment_no: Some(of.no),
        way: Way::Provider,
        amount: 5,
        status: if done.is_some() { RefundStatus::Succeeded } else { RefundStatus::Pending },
        reason: String::new(),
        lines: vec![],
        attempts: 0,
        replaced_by: None,
        created_at: NOW,
        succeeded_at: done,
    }
}

fn difference(n: i64, found_at: Millis) -> Discrepancy {
    Discrepancy {
        method: method(),
        account: account("main"),
        kind: DiscrepancyKind::MissingHere,
        reference: format!("T{n}"),
        payment_no: None,
        refund_no: Some(RefundNo(7)),
        trade_no: Some(format!("T{n}")),
        ours: None,
        theirs: Some(n),
        currency: "CNY".into(),
        day: Some("2026-09-20".into()),
        note: "a note".into(),
        found_at,
    }
}

async fn payments(store: &Store, rows: Vec<Payment>) {
    let payments = rows.into_iter().map(Write::Insert).collect();
    store.commit(Change { payments, ..Change::default() }).await.unwrap();
}

on_both! {
    async fn payments_are_found_by_when_their_money_arrived(db) {
        let store = &db.store;
        let span = Span { from: NOW, to: NOW + HOUR };
        let slow = payment(1, NOW - 29 * 24 * HOUR, Some(NOW));
        let last = payment(2, NOW + HOUR - 1_000, Some(NOW + HOUR - 1));
        let disputed = Payment {
            status: PaymentStatus::Disputed, ended_at: Some(NOW + 1), paid_at: None,
            arrived: Some(Arrived { amount: 1, currency: "USD".into() }), ..payment(3, NOW, None)
        };
        // Taken later as it arrived: it counts on the day it came.
        let accepted = Payment {
            status: PaymentStatus::Succeeded, ended_at: Some(NOW - 1), paid_at: Some(NOW + 5),
            arrived: Some(Arrived { amount: 1, currency: "CNY".into() }), ..payment(4, NOW - 10, None)
        };
        let others = vec![
            payment(5, NOW, None),
            payment(6, NOW - HOUR, Some(NOW - 1)),
            payment(7, NOW, Some(NOW + HOUR)),
            Payment { account: account("other"), ..payment(8, NOW, Some(NOW)) },
            Payment { amount: 0, balance: 100, ..payment(9, NOW, Some(NOW)) },
            accepted,
        ];
        payments(store, [vec![slow.clone(), last.clone(), disputed.clone()], others].concat()).await;
        let found = |after, limit| async move {
            store.payments_arrived(&method(), &account("main"), span, after, limit).await.unwrap()
        };
        assert_eq!(found(PaymentNo(0), 10).await, [slow.clone(), disputed.clone(), last.clone()]);
        assert_eq!(found(PaymentNo(0), 1).await, std::slice::from_ref(&slow));
        assert_eq!(found(slow.no, 10).await, [disputed, last]);
        assert_eq!(store.payment(slow.no).await.unwrap(), Some(slow));
        assert_eq!(store.payment(PaymentNo(5)).await.unwrap(), None);
    }

    async fn refunds_are_found_by_when_they_were_done(db) {
        let store = &db.store;
        let (mine, other) = (payment(1, NOW, Some(NOW)), Payment { account: account("b"), ..payment(2, NOW, Some(NOW)) });
        payments(store, vec![mine.clone(), other.clone()]).await;
        let done = [refund(1, &mine, Some(NOW)), refund(2, &mine, Some(NOW + HOUR - 1))];
        let others = [
            refund(3, &mine, Some(NOW + HOUR)), refund(4, &mine, None), refund(5, &other, Some(NOW)),
            Refund { way: Way::Balance, ..refund(6, &mine, Some(NOW)) },
        ];
        let refunds = done.iter().chain(&others).cloned().map(Write::Insert).collect();
        store.commit(Change { refunds, ..Change::default() }).await.unwrap();
        let span = Span { from: NOW, to: NOW + HOUR };
        let found = |after| async move {
            store.refunds_done(&method(), &account("main"), span, after, 10).await.unwrap()
        };
        assert_eq!(found(RefundNo(0)).await, done);
        assert_eq!(found(done[0].no).await, done[1..]);
        assert_eq!(store.refund(done[0].no).await.unwrap().as_ref(), Some(&done[0]));
    }

    async fn a_difference_is_listed_once_and_settled_once(db) {
        let store = &db.store;
        let found = |rows: Vec<Discrepancy>| Change { at: NOW, discrepancies: rows, ..Change::default() };
        store.commit(found(vec![difference(1, NOW), difference(2, NOW), difference(3, NOW + 1)])).await.unwrap();
        store.commit(found(vec![Discrepancy { note: "again".into(), ..difference(1, NOW + 9) }])).await.unwrap();
        let all = OfAccount::default();
        let list = |settled, below: Option<(Millis, String)>, limit| {
            let all = &all;
            async move {
                let rows = store.discrepancies(settled, all, below.as_ref(), limit).await.unwrap();
                rows.into_iter().map(|row| row.found).collect::<Vec<_>>()
            }
        };
        assert_eq!(list(false, None, 10).await, [difference(3, NOW + 1), difference(2, NOW), difference(1, NOW)]);
        let below = |n| Some((NOW, difference(n, NOW).id()));
        assert_eq!(list(false, Some((NOW + 1, difference(3, NOW).id())), 1).await, [difference(2, NOW)]);
        assert_eq!(list(false, below(2), 9).await, [difference(1, NOW)]);
        let none = OfAccount { account: Some(account("other")), ..OfAccount::default() };
        assert_eq!(store.discrepancies(false, &none, None, 9).await.unwrap(), []);
        let counts = store.open_discrepancies().await.unwrap();
        assert_eq!(counts, [(DiscrepancyKind::MissingHere, 3)]);

        let settle = || {
            let end = Settled { id: difference(2, NOW).id(), by: "operator:x".into(), resolution: "written_off".into() };
            Change { at: NOW + 7, admin: vec![AdminWrite::SettleDiscrepancy(end)], ..Change::default() }
        };
        store.commit(settle()).await.unwrap();
        assert!(matches!(store.commit(settle()).await, Err(CommitError::Refused(Refusal::Admin(_)))));
        store.commit(found(vec![difference(2, NOW + 20)])).await.unwrap();
        assert_eq!(list(false, None, 10).await.len(), 2, "a settled one stays settled");
        assert_eq!(list(true, None, 10).await, [difference(2, NOW)]);
        let end = store.discrepancy(&difference(2, NOW).id()).await.unwrap().unwrap().end.unwrap();
        assert_eq!((end.at, end.by.as_str(), end.text.as_str()), (NOW + 7, "operator:x", "written_off"));
    }

    async fn the_later_word_on_a_day_counts(db) {
        if db.is_postgres() {
            // Marks come before digits there, other than byte by byte.
            db.side().await.run("ALTER TABLE book_days ALTER COLUMN day TYPE text COLLATE \"en-x-icu\"").await;
        }
        let store = &db.store;
        let day = |day: &str, entries, outcome| BookDay {
            method: method(), account: account("main"), day: day.into(), compared_at: NOW, entries, differences: 0, outcome,
        };
        let put = |days: Vec<BookDay>| Change { book_days: days, ..Change::default() };
        let asking = day("2026-09-20", 1, BookOutcome::Querying("P7".into()));
        let done = day("2026-09-20", 2, BookOutcome::Queried);
        store.commit(put(vec![asking.clone()])).await.unwrap();
        assert_eq!(store.book_days(&OfAccount::default(), None, 9).await.unwrap(), std::slice::from_ref(&asking));
        store.commit(put(vec![asking, done.clone()])).await.unwrap();
        let next = day("2026-09-21", 3, BookOutcome::Later("503: x".into()));
        store.commit(put(vec![next.clone()])).await.unwrap();
        assert_eq!(store.book_days(&OfAccount::default(), None, 9).await.unwrap(), [next.clone(), done.clone()]);
        let below = ("2026-09-21".to_owned(), "alipay".to_owned(), "main".to_owned());
        assert_eq!(store.book_days(&OfAccount::default(), Some(&below), 9).await.unwrap(), [done]);
        let since = store.book_days_since(&method(), &account("main"), "2026-09-21").await.unwrap();
        assert_eq!(since, [next]);
    }

    async fn a_days_payments_and_refunds_are_read_from_their_indexes(db) {
        let plan = testing::plan(&db.store, "payments of an account and time", 5, &[0, 1]).await;
        assert!(plan.contains("payments_account"), "{plan}");
        let plan = testing::plan(&db.store, "refunds of an account and time", 4, &[0, 1]).await;
        assert!(plan.contains("refunds_succeeded") && !plan.contains("payments_account"), "{plan}");
        let plan = testing::plan(&db.store, "open discrepancies", 2, &[0, 1, 3]).await;
        assert!(plan.contains("discrepancies_open"), "{plan}");
    }
}
