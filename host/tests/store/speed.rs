//! Rough speed, run by hand: `cargo test --release --test store speed -- --ignored --nocapture`.

use std::time::Instant;

use hookline::domain::tree::OrderTree;
use hookline::store::Store;

use crate::harness::on_both;
use crate::make::*;

/// How many flows run at once.
const BUYERS: i64 = 64;
/// How many flows there are.
const FLOWS: i64 = 5_000;

/// Milliseconds of processor time this process has used.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after.split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

async fn flow(store: &Store, seed: i64) {
    let (a, b) = (format!("sku-{}", seed % 500), format!("sku-{}", 500 + seed % 500));
    let change = create(seed, &buyer(&format!("u{seed}")), &a, Some(&b));
    store.commit(change.clone()).await.unwrap();
    let mut tree = OrderTree::created(&change).unwrap();
    for step_of in [offer, paid, shipped] {
        let change = step_of(seed, &tree);
        tree = step(store, tree, change).await;
    }
    let change = received(&tree);
    step(store, tree, change).await;
}

async fn creates(store: &Store, seed: i64) {
    store.commit(create(seed, &buyer(&format!("u{seed}")), "hot", None)).await.unwrap();
}

async fn run(what: &str, store: &Store, from: i64, hot: bool) {
    let (began, cpu) = (Instant::now(), cpu_ms());
    let tasks = (0..BUYERS).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for seed in (from + task..from + FLOWS).step_by(usize::try_from(BUYERS).unwrap()) {
                if hot {
                    creates(&store, seed).await;
                } else {
                    flow(&store, seed).await;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let (ms, cpu) = (began.elapsed().as_millis(), cpu_ms() - cpu);
    let rate = u128::try_from(FLOWS).unwrap() * 1_000 / ms.max(1);
    let each = cpu * 1_000 / u64::try_from(FLOWS).unwrap();
    println!("{what}: {rate}/s, {each} µs of processor time each in this process");
}

on_both! {
    #[ignore = "takes a while"]
    async fn flows_and_hot_creates(db) {
        for n in 0..1_000 {
            add_stock(&db.store, &format!("sku-{n}"), 1_000_000).await;
        }
        add_stock(&db.store, "hot", 1_000_000).await;
        let name = if db.is_postgres() { "postgres" } else { "sqlite" };
        run(&format!("{name}: flows"), &db.store, 1, false).await;
        run(&format!("{name}: hot creates"), &db.store, 100_000, true).await;
    }
}
