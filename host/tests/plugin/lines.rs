//! The real business lines, both as built for the bare target and for WASI.

use hookline::domain::hook::{Delivery, Step};
use hookline::plugin::{Outcome, PluginSettings, Plugins};

use crate::support::{business, component, deduct, quote, room, settings, ship, upload};

#[tokio::test]
async fn every_line_passes_its_upload() {
    for name in ["goods", "goods-wasip2", "hotel", "flight", "topup"] {
        let bytes = component(name);
        let report = upload(&room(), name, &bytes).await;
        assert_eq!(report.contract, "1.0.0");
        assert_eq!(report.trials.len(), if report.has_aftersale { 6 } else { 4 });
        eprintln!("{name}: {report:?}");
    }
}

#[tokio::test]
async fn goods_are_priced_and_handed_over() {
    let bytes = component("goods");
    let room = room();
    let digest = upload(&room, "goods", &bytes).await.digest;
    let line = business("goods");
    let Outcome::Ok(quoted) = room.quote(&line, digest, quote(5, "{}")).await.unwrap().outcome else { panic!() };
    let [shop] = quoted.shops.as_slice() else { panic!("{quoted:?}") };
    assert_eq!((shop.items.len(), shop.delivery), (5, Delivery::Parcel));
    assert!(shop.items.iter().all(|item| item.original == 2_000 && item.tax == 520));
    let Outcome::Ok(Step::Done(_)) = room.deduct(&line, digest, deduct("{}")).await.unwrap().outcome else { panic!() };
    let Outcome::Ok(Step::Done(_)) = room.ship(&line, digest, ship("{}")).await.unwrap().outcome else { panic!() };
}

#[tokio::test]
async fn both_targets_price_alike_and_use_the_same_fuel_each_time() {
    let (bare, wasi) = (component("goods"), component("goods-wasip2"));
    let room = room();
    let line = business("goods");
    let mut answers = Vec::new();
    for bytes in [bare, wasi] {
        let report = upload(&room, "goods", &bytes).await;
        let first = room.quote(&line, report.digest, quote(5, "{}")).await.unwrap();
        let again = room.quote(&line, report.digest, quote(5, "{}")).await.unwrap();
        assert_eq!(first.fuel, again.fuel);
        eprintln!("{} fuel, imports {:?}", first.fuel, report.imports);
        answers.push(first.outcome);
    }
    assert_eq!(answers.first(), answers.last());
}

#[tokio::test]
async fn a_version_is_switched_and_forgotten_without_a_restart() {
    let (one, two) = (component("goods"), component("goods-wasip2"));
    let room = room();
    let line = business("goods");
    let one = upload(&room, "goods", &one).await.digest;
    let two = upload(&room, "goods", &two).await.digest;
    assert_eq!(room.active(&line), Some(two));
    // An order that the old version priced still finds it.
    assert!(room.quote(&line, one, quote(1, "{}")).await.is_ok());
    assert!(room.unload(&line, one) && !room.unload(&line, one));
    assert!(room.quote(&line, one, quote(1, "{}")).await.is_err());
    assert_eq!(room.loaded(), [(line.clone(), two)]);
    assert!(!room.has_aftersale(&line, two).unwrap());
}

#[tokio::test]
async fn without_address_space_for_the_pool_instances_are_mapped_one_by_one() {
    let bytes = component("goods");
    let pooled = room();
    let mapped = Plugins::start(&PluginSettings { slots: 1_000_000, ..settings() }).unwrap();
    assert!(pooled.is_pooled() && !mapped.is_pooled());
    let line = business("goods");
    let mut calls = Vec::new();
    for room in [pooled, mapped] {
        let digest = upload(&room, "goods", &bytes).await.digest;
        calls.push(room.quote(&line, digest, quote(5, "{}")).await.unwrap());
    }
    let [a, b] = calls.as_slice() else { panic!() };
    assert_eq!((&a.outcome, a.fuel), (&b.outcome, b.fuel));
}
