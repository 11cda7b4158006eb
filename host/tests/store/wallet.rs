//! The wallet as a double-entry book.

use hookline::domain::change::{Change, Refusal};
use hookline::domain::ids::{OrderNo, SLOT_GROUPS, Slot};
use hookline::domain::resource::{Account, FUNDING, SALES, Transfer, Unit};
use hookline::store::{AccountSums, CommitError, Store, testing};

use crate::harness::on_both;
use crate::make::*;

fn cny() -> Unit {
    Unit::Money("CNY".parse().unwrap())
}

fn transfer(seed: i64, operation: &str, from: Account, to: Account, amount: i64) -> Transfer {
    let name = from.buyer().or(to.buyer()).map_or("lilei", |buyer| buyer.as_str()).to_owned();
    let order_no = OrderNo(no(seed, 0, &buyer(&name)));
    Transfer { order_no, operation: operation.to_owned(), from, to, unit: cny(), amount }
}

fn available(name: &str) -> Account {
    Account::Available(buyer(name))
}

fn held(name: &str) -> Account {
    Account::Held(buyer(name))
}

async fn post(store: &Store, transfers: Vec<Transfer>) -> Result<(), Refusal> {
    match store.commit(Change { at: NOW, transfers, ..Change::default() }).await {
        Ok(_) => Ok(()),
        Err(CommitError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// Every account that is wrong, over all slot groups, and what house and wallets sum to.
async fn book(store: &Store) -> (Vec<AccountSums>, i64) {
    let (mut wrong, mut total) = (vec![], 0);
    for group in 0..SLOT_GROUPS {
        for sums in store.wallet_book(group).await.unwrap() {
            match (sums.house(), sums.is_total()) {
                (Some(_), _) => total += sums.posted,
                (None, true) => total += sums.stored,
                (None, false) => wrong.push(sums),
            }
        }
    }
    (wrong, total)
}

/// Some moves of two buyers; the first ends with 60 and 15 held.
async fn moved(store: &Store) {
    post(store, vec![transfer(1, "top_up", FUNDING, available("lilei"), 100)]).await.unwrap();
    let hold = transfer(2, "hold", available("lilei"), held("lilei"), 40);
    let capture = transfer(2, "capture", held("lilei"), SALES, 25);
    post(store, vec![hold, capture, transfer(3, "top_up", FUNDING, available("hanmeimei"), 7)]).await.unwrap();
}

on_both! {
    async fn an_account_is_told_entry_by_entry(db) {
        moved(&db.store).await;
        let entries = db.store.wallet_entries(&buyer("lilei"), cny(), None, 10).await.unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|e| (e.number, e.posting.operation.as_str(), e.posting.amount, e.available, e.held))
            .collect();
        assert_eq!(told, [(3, "capture", 25, 60, 15), (2, "hold", 40, 60, 40), (1, "top_up", 100, 100, 0)]);
        let balance = db.store.balances(&buyer("lilei")).await.unwrap().remove(0);
        assert_eq!((balance.available, balance.held), (60, 15));
        assert_eq!(db.store.wallet_entries(&buyer("lilei"), Unit::Coins, None, 10).await.unwrap(), []);
        assert_eq!(db.store.wallet_entries(&buyer("hanmeimei"), cny(), None, 10).await.unwrap().len(), 1);
    }

    async fn pages_stay_while_entries_arrive(db) {
        let store = &db.store;
        let top_up = |seed| vec![transfer(seed, "top_up", FUNDING, available("lilei"), 1)];
        for seed in 1..=5 {
            post(store, top_up(seed)).await.unwrap();
        }
        let lilei = buyer("lilei");
        let numbers = |entries: Vec<hookline::store::WalletEntry>| entries.iter().map(|e| e.number).collect::<Vec<_>>();
        let first = numbers(store.wallet_entries(&lilei, cny(), None, 2).await.unwrap());
        post(store, top_up(6)).await.unwrap();
        let second = numbers(store.wallet_entries(&lilei, cny(), Some(4), 2).await.unwrap());
        let third = numbers(store.wallet_entries(&lilei, cny(), Some(2), 2).await.unwrap());
        assert_eq!((first, second, third), (vec![5, 4], vec![3, 2], vec![1]));
    }

    async fn many_at_once_are_numbered_without_gap_and_add_up(db) {
        let store = &db.store;
        let posts: Vec<_> = (1..=60)
            .map(|seed| {
                let (from, to) = if seed % 3 == 0 { (available("lilei"), FUNDING) } else { (FUNDING, available("lilei")) };
                post(store, vec![transfer(seed, "move", from, to, seed)])
            })
            .collect();
        futures_util::future::join_all(posts).await;
        let mut entries = store.wallet_entries(&buyer("lilei"), cny(), None, 200).await.unwrap();
        entries.reverse();
        let mut sum = 0;
        for (number, entry) in (1..).zip(&entries) {
            let into = entry.posting.to == "available:lilei";
            sum += if into { entry.posting.amount } else { -entry.posting.amount };
            assert_eq!((entry.number, entry.available, entry.held), (number, sum, 0));
        }
        assert!(entries.len() >= 40, "{}", entries.len());
        assert_eq!(book(store).await, (vec![], 0));
    }

    async fn a_refused_change_leaves_no_entry(db) {
        moved(&db.store).await;
        let short = vec![
            transfer(4, "release", held("lilei"), available("lilei"), 15),
            transfer(4, "pay", available("lilei"), SALES, 76),
        ];
        assert!(matches!(post(&db.store, short).await, Err(Refusal::BalanceShort { available: 75, .. })));
        let between = vec![transfer(5, "gift", available("lilei"), available("hanmeimei"), 1)];
        assert!(matches!(post(&db.store, between).await, Err(Refusal::Admin(_))));
        let again = vec![transfer(1, "top_up", FUNDING, available("lilei"), 100)];
        assert!(matches!(post(&db.store, again).await, Err(Refusal::OperationDone { .. })));
        assert_eq!(db.store.wallet_entries(&buyer("lilei"), cny(), None, 10).await.unwrap().len(), 3);
        assert_eq!(book(&db.store).await, (vec![], 0));
    }

    async fn the_house_is_the_other_side(db) {
        moved(&db.store).await;
        let house = db.store.house_sums().await.unwrap();
        let sums: Vec<_> = house.iter().map(|sums| (sums.house().unwrap(), sums.posted)).collect();
        assert_eq!(sums, [("funding", -107), ("sales", 25)]);
    }

    async fn a_row_that_its_postings_do_not_explain_is_found(db) {
        moved(&db.store).await;
        assert_eq!(book(&db.store).await, (vec![], 0));
        let mut side = db.side().await;
        side.run("UPDATE wallet_accounts SET available = available + 1 WHERE buyer = 'lilei'").await;
        let (wrong, total) = book(&db.store).await;
        let named = |wrong: &[AccountSums]| -> Vec<_> {
            wrong.iter().map(|w| (w.account.clone(), w.posted, w.stored)).collect()
        };
        assert_eq!((named(&wrong), total), (vec![("available:lilei".to_owned(), 60, 61)], 1));
        side.run("UPDATE wallet_accounts SET available = available - 1 WHERE buyer = 'lilei'").await;
        side.run("DELETE FROM postings WHERE operation = 'capture'").await;
        let (wrong, total) = book(&db.store).await;
        let expected = vec![("entries:lilei".to_owned(), 2, 3), ("held:lilei".to_owned(), 40, 15)];
        assert_eq!((named(&wrong), total), (expected, -25));
        side.run("DELETE FROM wallet_accounts WHERE buyer = 'hanmeimei'").await;
        let (wrong, _) = book(&db.store).await;
        assert!(named(&wrong).contains(&("available:hanmeimei".to_owned(), 7, 0)), "{wrong:?}");
        let group = Slot::of("hanmeimei").group();
        assert!(db.store.wallet_book(group).await.unwrap().iter().any(|sums| sums.account == "available:hanmeimei"));
    }

    async fn a_statement_is_read_from_its_index(db) {
        moved(&db.store).await;
        let plan = testing::plan(&db.store, "wallet statement", 3, &[1, 2]).await;
        assert!(plan.contains("postings_entry"), "{plan}");
        let all_four = if db.is_postgres() { "entry < '1'" } else { "(slot=? AND buyer=? AND unit=? AND entry<?)" };
        assert!(plan.contains(all_four), "{plan}");
        assert!(!plan.to_lowercase().contains("sort") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
