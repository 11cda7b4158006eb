//! Random operations on both databases at once: they answer alike, and a tree in memory is the tree in the database.

use hookline::domain::change::{Change, Refusal};
use hookline::domain::ids::OrderNo;
use hookline::domain::order::{Status, SubStatus};
use hookline::domain::resource::{Account, FUNDING, SALES, Transfer, Unit};
use hookline::domain::tree::OrderTree;
use hookline::store::{CommitError, Store};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::Db;
use crate::make::*;

/// One random decision on what the orders are by now; often a stale or repeated one.
fn decide(random: &mut StdRng, step: i64, trees: &[OrderTree], past: &[Change]) -> Change {
    let name = buyer(&format!("buyer-{}", random.random_range(0..4)));
    let roll = random.random_range(0..100);
    if roll < 10 && !past.is_empty() {
        return past[random.random_range(0..past.len())].clone();
    }
    if roll < 35 || trees.is_empty() {
        let (seed, sku) = (random.random_range(0..400), ["sku-a", "sku-b", "rare"][random.random_range(0..3)]);
        return create(seed, &name, sku, (sku != "sku-b" && random.random_bool(0.5)).then_some("sku-b"));
    }
    if roll < 50 {
        return wallet(random, &name);
    }
    let tree = &trees[random.random_range(0..trees.len())];
    let (seed, shop) = (1_000 + step, &tree.shops[0]);
    match (tree.pay.status, shop.status) {
        (Status::Created, _) if tree.payments.is_empty() => offer(seed, tree),
        (Status::Created, _) if random.random_bool(0.2) => cancel(tree),
        (Status::Created, _) => paid(seed, tree),
        (_, Status::Paid) => shipped(seed, tree),
        (_, Status::Shipped) => received(tree),
        _ => {
            let shop = next_shop(tree, |shop| {
                shop.attributes.insert("n".into(), random.random_range(0..9).to_string());
                shop.items[0].refunded.cash += 1;
            });
            let items = vec![shop.row.items[0].clone()];
            Change { at: NOW, shop_orders: vec![shop], items, ..Change::default() }
        }
    }
}

fn wallet(random: &mut StdRng, name: &hookline::domain::ids::BuyerId) -> Change {
    let (available, held) = (Account::Available(name.clone()), Account::Held(name.clone()));
    let (operation, from, to) = match random.random_range(0..4) {
        0 => ("top_up", FUNDING, available),
        1 => ("hold", available, held),
        2 => ("capture", held, SALES),
        _ => ("release", held, available),
    };
    let order_no = OrderNo(no(random.random_range(0..60), 0, name));
    let unit = if random.random_bool(0.3) { Unit::Coins } else { Unit::Money("CNY".parse().unwrap()) };
    let amount = random.random_range(1..100);
    let transfers = vec![Transfer { order_no, operation: operation.into(), from, to, unit, amount }];
    Change { at: NOW, transfers, ..Change::default() }
}

fn cancel(tree: &OrderTree) -> Change {
    let end = |status: &mut Status, sub: &mut SubStatus| (*status, *sub) = (Status::Cancelled, SubStatus::None);
    Change {
        at: NOW,
        pay_orders: vec![next_pay(tree, |pay| end(&mut pay.status, &mut pay.sub_status))],
        shop_orders: vec![next_shop(tree, |shop| {
            end(&mut shop.status, &mut shop.sub_status);
            shop.ended_at = Some(NOW);
        })],
        ..Change::default()
    }
}

async fn answer(store: &Store, change: &Change) -> Result<(), Refusal> {
    match store.commit(change.clone()).await {
        Ok(_) => Ok(()),
        Err(CommitError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error:?} for {change:#?}"),
    }
}

async fn compare(seed: u64, steps: usize) {
    let (sqlite, postgres) = (Db::sqlite().await, Db::postgres().await);
    for db in [&sqlite, &postgres] {
        stocked(&db.store).await;
        add_stock(&db.store, "rare", 6).await;
    }
    let mut random = StdRng::seed_from_u64(seed);
    let (mut trees, mut past, mut accepted): (Vec<OrderTree>, Vec<Change>, usize) = (vec![], vec![], 0);
    for step in 0..steps {
        let change = decide(&mut random, i64::try_from(step).unwrap(), &trees, &past);
        let answers = (answer(&sqlite.store, &change).await, answer(&postgres.store, &change).await);
        assert_eq!(answers.0, answers.1, "seed {seed}: {change:#?}");
        if answers.0.is_ok() {
            accepted += 1;
            trees.extend(OrderTree::created(&change));
            if change.new_pay_orders.is_empty() {
                for tree in &mut trees {
                    if change.pay_orders.iter().any(|g| g.row.no == tree.pay.no)
                        || change.shop_orders.iter().any(|g| g.row.pay_no == tree.pay.no)
                    {
                        *tree = tree.clone().after(&change);
                    }
                }
            }
        }
        past.push(change);
    }
    assert!(accepted > steps / 4, "seed {seed}: only {accepted} of {steps} were accepted");
    for tree in &trees {
        for db in [&sqlite, &postgres] {
            assert_eq!(*db.store.cached_tree(tree.pay.no).await.unwrap().unwrap(), *tree, "seed {seed}");
            assert_eq!(*db.store.order_tree(tree.pay.no).await.unwrap().unwrap(), *tree, "seed {seed}");
        }
        let flows = (sqlite.store.flows(tree.shops[0].no).await, postgres.store.flows(tree.shops[0].no).await);
        assert_eq!(flows.0.unwrap(), flows.1.unwrap());
    }
    let posted = (sqlite.store.posted().await.unwrap(), postgres.store.posted().await.unwrap());
    assert_eq!(posted.0, posted.1);
    assert_eq!(posted.0.iter().map(|(_, _, sum)| sum).sum::<i64>(), 0);
    for name in (0..4).map(|n| buyer(&format!("buyer-{n}"))) {
        for balance in sqlite.store.balances(&name).await.unwrap() {
            let of = |side: &str| {
                let account = format!("{side}:{name}");
                posted.0.iter().find(|(a, u, _)| *a == account && *u == balance.unit).map_or(0, |(_, _, sum)| *sum)
            };
            assert_eq!((balance.available, balance.held), (of("available"), of("held")), "seed {seed}");
        }
    }
    let stock =
        (sqlite.store.stock(&goods(), None, 9).await.unwrap(), postgres.store.stock(&goods(), None, 9).await.unwrap());
    assert_eq!(stock.0, stock.1);
    sqlite.end().await;
    postgres.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_answer_alike_and_keep_the_tree_that_was_decided() {
    for seed in 0..6 {
        compare(seed, 250).await;
    }
}
