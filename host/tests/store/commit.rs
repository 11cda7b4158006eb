//! What a commit does and what it refuses.

use hookline::domain::catalogue::{AdminWrite, Coupon};
use hookline::domain::change::{
    Change, Flow, JournalRow, JournalWrite, Parked, Refusal, Settlement, SignalKey, SignalRow, Unpark, Write,
};
use hookline::domain::hook::Hook;
use hookline::domain::ids::{CouponCode, SignalName};
use hookline::domain::order::{Address, Status, SubStatus, Visible};
use hookline::domain::resource::{Account, CouponMove, CouponState, FUNDING, SALES, Transfer, Unit};
use hookline::store::{Carried, CommitError, FLOWS_MAX, LetterKey};

use crate::harness::on_both;
use crate::make::*;

fn refusal<T: std::fmt::Debug>(result: Result<T, CommitError>) -> Refusal {
    match result {
        Err(CommitError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn cny() -> Unit {
    Unit::Money("CNY".parse().unwrap())
}

fn transfer(order: i64, operation: &str, from: Account, to: Account, amount: i64) -> Transfer {
    let order_no = hookline::domain::ids::OrderNo(order);
    Transfer { order_no, operation: operation.into(), from, to, unit: cny(), amount }
}

fn moved(transfers: Vec<Transfer>) -> Change {
    Change { at: NOW, transfers, ..Change::default() }
}

on_both! {
    async fn a_flow_reads_back_as_it_was_decided(db) {
        stocked(&db.store).await;
        let mut tree = created(&db.store, 1, "lilei").await;
        for change in [offer(1, &tree), ] { tree = step(&db.store, tree, change).await; }
        let change = paid(1, &tree);
        tree = step(&db.store, tree, change).await;
        let change = shipped(1, &tree);
        tree = step(&db.store, tree, change).await;
        let change = received(&tree);
        tree = step(&db.store, tree, change).await;
        for number in [tree.pay.no, tree.shops[0].no, tree.shops[0].items[1].no] {
            assert_eq!(*db.store.order_tree(number).await.unwrap().unwrap(), tree);
            assert_eq!(*db.store.cached_tree(number).await.unwrap().unwrap(), tree);
        }
        assert_eq!(*db.store.tree_of_payment(tree.payments[0].no).await.unwrap().unwrap(), tree);
        let (shipment, by_waybill) =
            db.store.tree_of_waybill(tree.shipments[0].waybill.as_ref().unwrap()).await.unwrap().unwrap();
        assert_eq!((shipment, &*by_waybill), (Carried::Shipment(tree.shipments[0].no), &tree));
        let flows = db.store.flows(tree.shops[0].no).await.unwrap();
        assert_eq!(flows.iter().map(|f| (f.event.as_str(), f.version)).collect::<Vec<_>>(),
            [("create", 1), ("pay", 2), ("deduct", 3), ("ship", 4), ("receive", 5)]);
        assert_eq!(db.store.decisions(tree.shops[0].no).await.unwrap().len(), 3);
        let level = db.store.stock_level(&goods(), &key("sku-a")).await.unwrap().unwrap();
        assert_eq!((level.available, level.reserved, level.sold), (999_998, 0, 2));
        assert_eq!(db.store.timers(tree.shops[0].no).await.unwrap().len(), 1);
    }

    async fn an_unknown_number_is_no_order(db) {
        assert_eq!(db.store.order_tree(hookline::domain::ids::OrderNo(5)).await.unwrap(), None);
    }

    async fn facts_and_items_are_written_when_they_change(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let mut shop = next_shop(&tree, |shop| {
            shop.facts.address = Some(Address { name: "Han Meimei".into(), ..Address::default() });
        });
        shop.row.items[0].refunded.quantity = 1;
        shop.row.items[0].refunded.cash = 1_990;
        let items = vec![shop.row.items[0].clone()];
        let change = Change { at: NOW, shop_orders: vec![shop], items, ..Change::default() };
        let tree = step(&db.store, tree, change).await;
        assert_eq!(*db.store.order_tree(tree.pay.no).await.unwrap().unwrap(), tree);
    }

    async fn a_moved_version_is_refused_and_evicts_the_cached_tree(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let first = offer(1, &tree);
        db.store.commit(first.clone()).await.unwrap();
        let no = tree.pay.no;
        assert_eq!(refusal(db.store.commit(first).await), Refusal::VersionMoved { no });
        let mut wrong = Change { pay_orders: vec![next_pay(&tree, |_| {})], ..Change::default() };
        wrong.pay_orders[0].version = 2;
        wrong.pay_orders[0].status = Status::Paid;
        assert_eq!(refusal(db.store.commit(wrong).await), Refusal::VersionMoved { no });
        let mut unknown = Change { shop_orders: vec![next_shop(&tree, |_| {})], ..Change::default() };
        unknown.shop_orders[0].row.no.0 += 1 << 40;
        let no = unknown.shop_orders[0].row.no;
        assert_eq!(refusal(db.store.commit(unknown).await), Refusal::VersionMoved { no });
    }

    async fn a_number_is_taken_once(db) {
        stocked(&db.store).await;
        created(&db.store, 1, "lilei").await;
        let mut again = create(1, &buyer("lilei"), "sku-a", None);
        again.claim = None;
        let no = again.new_pay_orders[0].no;
        assert_eq!(refusal(db.store.commit(again).await), Refusal::NumberTaken { no });
        assert_eq!(db.number("SELECT CAST(SUM(reserved) AS BIGINT) FROM stock").await, 3);
    }

    async fn a_used_key_answers_with_what_it_stands_for(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let mut other = create(2, &buyer("lilei"), "sku-a", None);
        other.claim = Some(claim(&buyer("lilei"), "create-1"));
        other.claim.as_mut().unwrap().outcome = "another".into();
        let Refusal::KeyUsed(stored) = refusal(db.store.commit(other).await) else { panic!() };
        assert_eq!(stored.outcome, r#"{"order_no":"1234567890123456789"}"#);
        assert_eq!(db.store.claim("buyer:lilei", "create-1").await.unwrap(), Some(stored));
        // A repeat of an update finds the version moved; its key still says why.
        let mut repeat = offer(1, &tree);
        repeat.claim = Some(claim(&buyer("lilei"), "pay-1"));
        db.store.commit(repeat.clone()).await.unwrap();
        assert!(matches!(refusal(db.store.commit(repeat).await), Refusal::KeyUsed(_)));
    }

    async fn a_hundred_with_one_key_make_one_order(db) {
        stocked(&db.store).await;
        let commits = (0..100).map(|seed| {
            let mut change = create(seed, &buyer("lilei"), "sku-a", None);
            change.claim = Some(claim(&buyer("lilei"), "the key"));
            let store = db.store.clone();
            tokio::spawn(async move { store.commit(change).await })
        });
        let (mut committed, mut answered) = (0, 0);
        for commit in commits.collect::<Vec<_>>() {
            match commit.await.unwrap() {
                Ok(_) => committed += 1,
                Err(CommitError::Refused(Refusal::KeyUsed(_))) => answered += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!((committed, answered), (1, 99));
        assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 1);
        assert_eq!(db.number("SELECT CAST(SUM(reserved) AS BIGINT) FROM stock").await, 2);
    }

    async fn forty_buyers_of_ten_get_exactly_ten(db) {
        add_stock(&db.store, "hot", 20).await;
        let commits = (0..40).map(|seed| {
            let change = create(seed, &buyer(&format!("buyer-{seed}")), "hot", None);
            let store = db.store.clone();
            tokio::spawn(async move { store.commit(change).await })
        });
        let mut sold = 0;
        for commit in commits.collect::<Vec<_>>() {
            match commit.await.unwrap() {
                Ok(_) => sold += 1,
                Err(CommitError::Refused(Refusal::StockShort { wanted: 2, available: 0, .. })) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(sold, 10);
        let level = db.store.stock_level(&goods(), &key("hot")).await.unwrap().unwrap();
        assert_eq!((level.available, level.reserved), (0, 20));
        assert_eq!(db.number("SELECT count(*) FROM stock_moves").await, 10);
    }

    async fn short_and_unknown_stock_say_so(db) {
        add_stock(&db.store, "sku-a", 1).await;
        let short = refusal(db.store.commit(create(1, &buyer("lilei"), "sku-a", None)).await);
        assert_eq!(short, Refusal::StockShort { business: goods(), key: key("sku-a"), wanted: 2, available: 1 });
        let unknown = refusal(db.store.commit(create(1, &buyer("lilei"), "nothing", None)).await);
        assert_eq!(unknown, Refusal::UnknownStock { business: goods(), key: key("nothing") });
        assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 0);
        assert_eq!(db.number("SELECT count(*) FROM idempotency").await, 0);
    }

    async fn a_stock_move_is_done_once(db) {
        stocked(&db.store).await;
        let first = create(1, &buyer("lilei"), "sku-a", None);
        db.store.commit(first.clone()).await.unwrap();
        let again = Change { at: NOW, stock: first.stock.clone(), ..Change::default() };
        let (no, operation) = (first.new_shop_orders[0].no, "reserve".to_owned());
        assert_eq!(refusal(db.store.commit(again).await), Refusal::OperationDone { no, operation });
    }

    async fn the_wallet_holds_captures_and_sums_to_zero(db) {
        let (lilei, order) = (buyer("lilei"), no(1, 0, &buyer("lilei")));
        let available = || Account::Available(lilei.clone());
        let held = || Account::Held(lilei.clone());
        let reserve = transfer(order, "hold", available(), held(), 400);
        let short = refusal(db.store.commit(moved(vec![reserve.clone()])).await);
        assert_eq!(short, Refusal::BalanceShort { unit: "CNY".into(), needed: 400, available: 0 });
        db.store.commit(moved(vec![transfer(order, "top_up", FUNDING, available(), 500)])).await.unwrap();
        db.store.commit(moved(vec![reserve.clone()])).await.unwrap();
        let done = Refusal::OperationDone { no: reserve.order_no, operation: "hold".into() };
        assert_eq!(refusal(db.store.commit(moved(vec![reserve])).await), done);
        let more = refusal(db.store.commit(moved(vec![transfer(order, "hold:2", available(), held(), 101)])).await);
        assert_eq!(more, Refusal::BalanceShort { unit: "CNY".into(), needed: 101, available: 100 });
        db.store.commit(moved(vec![transfer(order, "capture", held(), SALES, 400)])).await.unwrap();
        let balance = &db.store.balances(&lilei).await.unwrap()[0];
        assert_eq!((balance.available, balance.held, balance.unit), (100, 0, cny()));
        let posted = db.store.posted().await.unwrap();
        assert_eq!(posted.iter().map(|(_, _, sum)| sum).sum::<i64>(), 0);
        assert!(posted.contains(&("available:lilei".into(), cny(), 100)));
        assert!(posted.contains(&("house:sales".into(), cny(), 400)));
    }

    async fn one_batch_of_first_credits_opens_accounts(db) {
        let credits = (0..50).map(|seed| {
            let buyer = buyer(&format!("buyer-{}", seed % 5));
            let change = moved(vec![transfer(no(seed, 0, &buyer), "top_up", FUNDING, Account::Available(buyer), 10)]);
            let store = db.store.clone();
            tokio::spawn(async move { store.commit(change).await })
        });
        for credit in credits.collect::<Vec<_>>() {
            credit.await.unwrap().unwrap();
        }
        for name in 0..5 {
            assert_eq!(db.store.balances(&buyer(&format!("buyer-{name}"))).await.unwrap()[0].available, 100);
        }
    }

    async fn a_coupon_goes_from_free_to_locked_to_used_by_one_order(db) {
        let code = CouponCode::new("HAPPY").unwrap();
        let coupon = Coupon {
            code: code.clone(), business: None, buyer: buyer("lilei"), kind: "off".into(), terms: "{}".into(),
        };
        let admin = vec![AdminWrite::PutCoupon(coupon)];
        db.store.commit(Change { at: NOW, admin, ..Change::default() }).await.unwrap();
        let go = |who: &str, order: i64, from, to| {
            let order_no = hookline::domain::ids::OrderNo(order);
            let coupons = vec![CouponMove { code: code.clone(), buyer: buyer(who), order_no, from, to }];
            Change { at: NOW, coupons, ..Change::default() }
        };
        let unusable = Refusal::CouponUnusable { code: code.clone() };
        let (free, locked, used) = (CouponState::Free, CouponState::Locked, CouponState::Used);
        assert_eq!(refusal(db.store.commit(go("other", 8, free, locked)).await), unusable);
        db.store.commit(go("lilei", 8, free, locked)).await.unwrap();
        assert_eq!(refusal(db.store.commit(go("lilei", 9, free, locked)).await), unusable);
        assert_eq!(refusal(db.store.commit(go("lilei", 9, locked, used)).await), unusable);
        db.store.commit(go("lilei", 8, locked, used)).await.unwrap();
        let stored = &db.store.coupons(std::slice::from_ref(&code)).await.unwrap()[0];
        assert_eq!((stored.state, stored.order_no.unwrap().0), (used, 8));
        db.store.commit(go("lilei", 8, used, free)).await.unwrap();
        assert_eq!(db.store.coupons_of(&buyer("lilei")).await.unwrap()[0].order_no, None);
    }

    async fn a_waybill_and_a_trade_belong_to_one(db) {
        stocked(&db.store).await;
        let mut trees = vec![];
        for seed in [1, 2] {
            let tree = created(&db.store, seed, "lilei").await;
            let change = offer(seed, &tree);
            trees.push(step(&db.store, tree, change).await);
        }
        let first = paid(1, &trees[0]);
        let mut second = paid(2, &trees[1]);
        if let (Write::Update(a), Write::Update(b)) = (&first.payments[0], &mut second.payments[0]) {
            b.trade_no.clone_from(&a.trade_no);
        }
        let first_tree = step(&db.store, trees.remove(0), first).await;
        let trade_no = first_tree.payments[0].trade_no.clone().unwrap();
        assert_eq!(refusal(db.store.commit(second).await), Refusal::TradeTaken { trade_no });
        let change = paid(2, &trees[0]);
        let second_tree = step(&db.store, trees.remove(0), change).await;
        let mut ship_second = shipped(2, &second_tree);
        let ship_first = shipped(1, &first_tree);
        if let (Write::Update(a), Write::Update(b)) = (&ship_first.shipments[0], &mut ship_second.shipments[0]) {
            b.waybill.clone_from(&a.waybill);
        }
        let waybill = ship_first.shipments[0].row().waybill.clone().unwrap();
        db.store.commit(ship_first).await.unwrap();
        assert_eq!(refusal(db.store.commit(ship_second).await), Refusal::WaybillTaken { waybill });
    }

    async fn a_journal_goes_on_entry_by_entry(db) {
        let shop_no = hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei")));
        let row = |index, answer: &str| {
            JournalRow { shop_no, hook: Hook::Ship, index, digest: digest(3), answer: answer.into(), at: NOW }
        };
        let write = |journal: Vec<JournalWrite>| Change { at: NOW, journal, ..Change::default() };
        let moved = Refusal::JournalMoved { no: shop_no };
        db.store.commit(write(vec![JournalWrite::Append(row(0, "a"))])).await.unwrap();
        assert_eq!(refusal(db.store.commit(write(vec![JournalWrite::Append(row(0, "b"))])).await), moved);
        db.store.commit(write(vec![JournalWrite::Intent(row(1, ""))])).await.unwrap();
        db.store.commit(write(vec![JournalWrite::Answer(row(1, "late"))])).await.unwrap();
        assert_eq!(refusal(db.store.commit(write(vec![JournalWrite::Answer(row(1, "twice"))])).await), moved);
        let drop_last = |index| JournalWrite::DropLast { shop_no, hook: Hook::Ship, index };
        assert_eq!(refusal(db.store.commit(write(vec![drop_last(0)])).await), moved);
        db.store.commit(write(vec![drop_last(1), JournalWrite::Append(row(1, "again"))])).await.unwrap();
        assert_eq!(db.store.journal(shop_no, Hook::Ship).await.unwrap(), [row(0, "a"), row(1, "again")]);
        db.store.commit(write(vec![drop_last(1)])).await.unwrap();
        assert_eq!(db.store.journal(shop_no, Hook::Ship).await.unwrap(), [row(0, "a")]);
        assert_eq!(db.store.journal(shop_no, Hook::Deduct).await.unwrap(), []);
    }

    async fn a_signal_is_seen_once_and_consumed_oldest_first(db) {
        let shop_no = hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei")));
        let name = SignalName::new("supplier.ready").unwrap();
        let signal = |id: &str, at| {
            SignalRow { key: SignalKey { shop_no, name: name.clone(), id: id.into() }, payload: "{}".into(), at }
        };
        let arrive = |row: SignalRow| Change { at: NOW, signals: vec![row], ..Change::default() };
        db.store.commit(arrive(signal("2", NOW + 5))).await.unwrap();
        db.store.commit(arrive(signal("1", NOW))).await.unwrap();
        let seen = Refusal::SignalSeen { id: "1".into() };
        assert_eq!(refusal(db.store.commit(arrive(signal("1", NOW + 9))).await), seen);
        let oldest = db.store.oldest_signal(shop_no, Some(&name)).await.unwrap().unwrap();
        assert_eq!(oldest, signal("1", NOW));
        db.store.commit(Change { at: NOW, consumed: vec![oldest.key], ..Change::default() }).await.unwrap();
        assert_eq!(db.store.oldest_signal(shop_no, Some(&name)).await.unwrap().unwrap().key.id, "2");
        let at_once = signal("3", NOW - 1);
        let consumed = vec![at_once.key.clone()];
        db.store.commit(Change { at: NOW, signals: vec![at_once], consumed, ..Change::default() }).await.unwrap();
        assert_eq!(db.store.oldest_signal(shop_no, Some(&name)).await.unwrap().unwrap().key.id, "2");
    }

    async fn an_early_event_waits_and_may_die(db) {
        let shop_no = hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei")));
        let parked = |id: &str| Parked {
            shop_no, event: "ship".into(), id: id.into(), payload: "{\"a\":1}".into(), at: NOW, expires_at: NOW + 9,
        };
        let park = |id: &str| Change { at: NOW, park: vec![parked(id)], ..Change::default() };
        db.store.commit(park("S1")).await.unwrap();
        assert_eq!(refusal(db.store.commit(park("S1")).await), Refusal::ParkedBefore { id: "S1".into() });
        db.store.commit(park("S2")).await.unwrap();
        assert_eq!(db.store.parked(shop_no).await.unwrap(), [parked("S1"), parked("S2")]);
        let unpark = |id: &str, dead: Option<&str>| Unpark {
            shop_no, event: "ship".into(), id: id.into(), dead: dead.map(Into::into),
        };
        let both = vec![unpark("S1", None), unpark("S2", Some("expired"))];
        db.store.commit(Change { at: NOW + 9, unpark: both, ..Change::default() }).await.unwrap();
        assert_eq!(db.store.parked(shop_no).await.unwrap(), []);
        let dead = db.store.dead_letters(None, 10).await.unwrap();
        assert_eq!((dead.len(), dead[0].id.as_str(), dead[0].reason.as_str()), (1, "S2", "expired"));
        assert_eq!((dead[0].payload.as_str(), dead[0].at, dead[0].dead_at), ("{\"a\":1}", NOW, NOW + 9));
        assert_eq!(db.store.dead_letter(shop_no, "ship", "S2").await.unwrap().as_ref(), dead.first());
        assert_eq!(db.store.dead_letter(shop_no, "ship", "S1").await.unwrap(), None);
    }

    async fn letters_of_one_moment_are_all_listed(db) {
        let shop_no = hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei")));
        let ids = ["a", "b~c", "d"];
        for id in ids {
            let (event, payload) = ("ship".to_owned(), "{}".to_owned());
            let parked = Parked { shop_no, event: event.clone(), id: id.into(), payload, at: NOW, expires_at: NOW };
            db.store.commit(Change { at: NOW, park: vec![parked], ..Change::default() }).await.unwrap();
            let dead = Unpark { shop_no, event, id: id.into(), dead: Some("expired".into()) };
            db.store.commit(Change { at: NOW, unpark: vec![dead], ..Change::default() }).await.unwrap();
        }
        let (mut seen, mut below) = (vec![], None);
        while let Some(letter) = db.store.dead_letters(below.as_ref(), 1).await.unwrap().pop() {
            below = Some(LetterKey { dead_at: letter.dead_at, shop_no, event: letter.event, id: letter.id.clone() });
            seen.push(letter.id);
        }
        assert_eq!(seen, ["d", "b~c", "a"]);
    }

    async fn of_a_long_history_the_end_is_read(db) {
        let (most, shop_no) = (i64::try_from(FLOWS_MAX).unwrap(), hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei"))));
        let late = |n: i64| Flow {
            shop_no, version: 1, event: "receive".into(), from: None, to: (Status::Received, SubStatus::None),
            ignored: true, at: NOW + n, actor: "buyer:lilei".into(), note: String::new(),
        };
        db.store.commit(Change { flows: (0..most + 5).map(late).collect(), ..Change::default() }).await.unwrap();
        let read = db.store.flows(shop_no).await.unwrap();
        assert_eq!((read.len(), read[0].at, read[FLOWS_MAX - 1].at), (FLOWS_MAX, NOW + 5, NOW + most + 4));
    }

    async fn a_settlement_is_made_once(db) {
        let shop_no = hookline::domain::ids::OrderNo(no(1, 1, &buyer("lilei")));
        let settlement = Settlement {
            shop_no, shop: "shop-1".parse().unwrap(), business: goods(), currency: "CNY".parse().unwrap(),
            gross: 100, technical_fee: 1, promotion_fee: 2, net: 97, at: NOW,
        };
        let change = Change { at: NOW, settlements: vec![settlement.clone()], ..Change::default() };
        db.store.commit(change.clone()).await.unwrap();
        assert_eq!(db.store.settlement(shop_no).await.unwrap(), Some(settlement));
        let done = Refusal::OperationDone { no: shop_no, operation: "settle".into() };
        assert_eq!(refusal(db.store.commit(change).await), done);
    }

    async fn ignored_events_leave_rows_that_change_nothing(db) {
        stocked(&db.store).await;
        let tree = created(&db.store, 1, "lilei").await;
        let late = |note: &str| Flow {
            ignored: true, note: note.into(), ..flow(&tree.shops[0], "pay", Some((Status::Paid, SubStatus::None)))
        };
        let change = Change { at: NOW, flows: vec![late("first"), late("second")], ..Change::default() };
        db.store.commit(change.clone()).await.unwrap();
        db.store.commit(change).await.unwrap();
        let flows = db.store.flows(tree.shops[0].no).await.unwrap();
        assert_eq!(flows.iter().filter(|f| f.ignored && f.version == 1).count(), 4);
        assert_eq!((flows.len(), flows[0].event.as_str()), (5, "create"));
    }

    async fn a_refused_change_does_not_hurt_its_neighbours(db) {
        stocked(&db.store).await;
        add_stock(&db.store, "rare", 0).await;
        let commits = (0..60).map(|seed| {
            let sku = if seed % 3 == 0 { "rare" } else { "sku-a" };
            let change = create(seed, &buyer(&format!("b{seed}")), sku, None);
            let store = db.store.clone();
            tokio::spawn(async move { (seed % 3 == 0, store.commit(change).await.is_err()) })
        });
        for commit in commits.collect::<Vec<_>>() {
            let (expected, refused) = commit.await.unwrap();
            assert_eq!(expected, refused);
        }
        assert_eq!(db.number("SELECT count(*) FROM shop_orders").await, 40);
    }

    async fn only_the_culprit_of_a_database_error_fails(db) {
        stocked(&db.store).await;
        let commits = (0..30).map(|seed| {
            let mut change = create(seed, &buyer(&format!("b{seed}")), "sku-a", None);
            if seed == 7 {
                change.new_shop_orders[0].facts.buyer_comment = "fine".into();
                change.new_shop_orders[0].attention = Some("a NUL \0 inside".into());
            }
            if seed == 8 {
                // An item number that another order of the batch has.
                change.new_shop_orders[0].items[0].no.0 = no(9, 2, &buyer("b9"));
            }
            let store = db.store.clone();
            tokio::spawn(async move { (seed, store.commit(change).await) })
        });
        let mut failed = vec![];
        for commit in commits.collect::<Vec<_>>() {
            let (seed, result) = commit.await.unwrap();
            match result {
                Ok(_) => {}
                Err(CommitError::Failed(_)) => failed.push(seed),
                Err(error) => panic!("{error:?}"),
            }
        }
        assert!(failed.contains(&7) && failed.iter().all(|seed| [7, 8, 9].contains(seed)), "{failed:?}");
        assert_eq!(db.number("SELECT count(*) FROM pay_orders").await, 30 - i64::try_from(failed.len()).unwrap());
    }

    async fn a_hidden_order_stays_hidden(db) {
        stocked(&db.store).await;
        let mut change = create(1, &buyer("lilei"), "sku-a", None);
        change.new_shop_orders[0].visible = Visible::NotYet;
        db.store.commit(change.clone()).await.unwrap();
        let tree = db.store.order_tree(change.new_pay_orders[0].no).await.unwrap().unwrap();
        assert_eq!(tree.shops[0].visible, Visible::NotYet);
    }
}
