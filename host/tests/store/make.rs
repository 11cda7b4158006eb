//! Orders and changes with fixed numbers and times.

use std::collections::BTreeMap;

use hookline::domain::catalogue::AdminWrite;
use hookline::domain::change::{Change, Claim, Decision, Flow, Guarded, Timer, TimerKey, TimerKind, Write};
use hookline::domain::event::{Event, Topic, event};
use hookline::domain::fulfilment::{Packed, Shipment, ShipmentStatus};
use hookline::domain::hook::Hook;
use hookline::domain::ids::{BusinessCode, BuyerId, Digest, Millis, OrderNo, PaymentNo, ShipmentNo, Slot, StockKey};
use hookline::domain::number::number;
use hookline::domain::order::*;
use hookline::domain::payment::{PayOffer, Payment, PaymentStatus};
use hookline::domain::resource::{StockMove, StockMoveKind};
use hookline::domain::tree::OrderTree;
use hookline::store::Store;

/// The time of everything.
pub(crate) const NOW: Millis = 1_790_000_000_000;

pub(crate) fn buyer(name: &str) -> BuyerId {
    BuyerId::new(name).unwrap()
}

pub(crate) fn goods() -> BusinessCode {
    BusinessCode::new("goods").unwrap()
}

pub(crate) fn key(text: &str) -> StockKey {
    StockKey::new(text).unwrap()
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

/// The `k`-th number of an order made with a seed.
pub(crate) fn no(seed: i64, k: i64, buyer: &BuyerId) -> i64 {
    number(NOW + seed / 100_000, seed * 8 + k, Slot::of(buyer.as_str()))
}

fn share(due: i64) -> Share {
    Share { due, cash: due, ..Share::default() }
}

fn item(no: i64, line: u32, sku: &str, quantity: u32, original: i64) -> ItemOrder {
    let price = original * i64::from(quantity);
    ItemOrder {
        no: OrderNo(no),
        line,
        sku: hookline::domain::ids::SkuId::new(sku).unwrap(),
        quantity,
        original,
        price,
        tax: 0,
        share: share(price),
        refunded: Refunded::default(),
        ratings: 0,
        facts: ItemFacts {
            title: format!("A \"fine\" {sku} \\ 商品"),
            picture: String::new(),
            discount: 0,
            attributes: BTreeMap::new(),
            extra: Pairs::from([("note".to_owned(), "line\nbreak".to_owned())]),
            stock: vec![StockNeed { key: key(sku), quantity }],
        },
    }
}

fn move_stock(shop_no: OrderNo, sku: &str, kind: StockMoveKind, quantity: i64) -> StockMove {
    StockMove { shop_no, business: goods(), key: key(sku), kind, quantity, reason: kind.word().to_owned() }
}

fn pay_order(seed: i64, buyer: &BuyerId, price: i64) -> PayOrder {
    PayOrder {
        no: OrderNo(no(seed, 0, buyer)),
        buyer: buyer.clone(),
        status: Status::Created,
        sub_status: SubStatus::StockReserved,
        version: 1,
        mode: Mode::Wait,
        currency: "CNY".parse().unwrap(),
        amounts: PayAmounts { price, quantity: 3, to_pay: price, ..PayAmounts::default() },
        expire_time: Some(NOW + 1_800_000),
        reason: None,
        sequences: Sequences::default(),
        created_at: NOW,
        paid_at: None,
        paid_by: None,
        updated_at: NOW,
        facts: PayFacts {
            channel: Channel::Mobile,
            platform: 2,
            marketplace: 0,
            methods: vec!["sandbox".into(), "balance".into()],
            coin_value: 1,
            coupons: vec![],
            promotions: vec![],
            catalogue_revision: 7,
            out_id: None,
            source: Some(serde_json::json!({"page": "home"})),
            tags: vec![],
            extra: Pairs::new(),
        },
    }
}

fn shop_order(seed: i64, pay: &PayOrder, items: Vec<ItemOrder>) -> ShopOrder {
    let price = pay.amounts.price;
    ShopOrder {
        no: OrderNo(no(seed, 1, &pay.buyer)),
        pay_no: pay.no,
        buyer: pay.buyer.clone(),
        shop: hookline::domain::ids::ShopId::new("shop-1").unwrap(),
        business: goods(),
        kind: 1001,
        status: Status::Created,
        sub_status: SubStatus::StockReserved,
        version: 1,
        visible: Visible::Normal,
        attention: None,
        expire_time: pay.expire_time,
        reason: None,
        amounts: ShopAmounts { price, quantity: 3, ..ShopAmounts::default() },
        plugin: digest(7),
        suspended: None,
        packed_at: None,
        pending_signals: 0,
        decisions: 1,
        attributes: Pairs::new(),
        sequences: Sequences::default(),
        created_at: NOW,
        paid_at: None,
        shipped_at: None,
        received_at: None,
        ended_at: None,
        updated_at: NOW,
        out_id: None,
        facts: ShopFacts {
            delivery: Delivery::Parcel,
            auto_receive_ms: 1_000_000,
            aftersale_window_ms: 1_000_000,
            ship_within_ms: 1_000_000,
            coupons: vec![],
            promotions: vec![],
            address: Some(Address { name: "李雷".into(), detail: "1 Some Road".into(), ..Address::default() }),
            buyer_comment: String::new(),
            extra: Pairs::new(),
            stock: StockMode::Reserve,
            quoted_under: None,
            seller_comment: String::new(),
            tags: vec![],
            receive_extended_at: None,
        },
        items,
    }
}

fn decision(subject: OrderNo, seq: i64, hook: Hook) -> Decision {
    Decision {
        subject,
        seq,
        business: goods(),
        hook,
        plugin: digest(7),
        input: vec![0xAB; 300],
        output: vec![0xCD; 300],
        fuel: 6_852,
        micros: 140,
        outcome: "done".into(),
        at: NOW,
    }
}

pub(crate) fn flow(shop: &ShopOrder, event: &str, from: Option<(Status, SubStatus)>) -> Flow {
    Flow {
        shop_no: shop.no,
        version: shop.version,
        event: event.to_owned(),
        from,
        to: (shop.status, shop.sub_status),
        ignored: false,
        at: shop.updated_at,
        actor: format!("buyer:{}", shop.buyer),
        note: String::new(),
    }
}

fn timer(subject: OrderNo, kind: TimerKind, due: Millis) -> Timer {
    Timer { key: TimerKey { subject, kind }, due, attempt: 0 }
}

fn off(subject: OrderNo, kind: TimerKind) -> TimerKey {
    TimerKey { subject, kind }
}

fn order_event(shop: &mut ShopOrder, tag: &str) -> Event {
    let (no, at) = (shop.no, shop.updated_at);
    event(&mut shop.sequences, no, Topic::Order, tag, at, &serde_json::json!({"to_pay": shop.amounts.price}))
}

/// An order of 2 × `a` and, if there is one, 1 × `b`, with everything a create writes.
pub(crate) fn create(seed: i64, buyer: &BuyerId, a: &str, b: Option<&str>) -> Change {
    let mut pay = pay_order(seed, buyer, if b.is_some() { 4_960 } else { 3_980 });
    let mut items = vec![item(no(seed, 2, buyer), 0, a, 2, 1_990)];
    items.extend(b.map(|b| item(no(seed, 3, buyer), 1, b, 1, 980)));
    let mut shop = shop_order(seed, &pay, items);
    let event = order_event(&mut shop, "ORDER_CREATED");
    pay.updated_at = NOW;
    let mut stock = vec![move_stock(shop.no, a, StockMoveKind::Reserve, 2)];
    stock.extend(b.map(|b| move_stock(shop.no, b, StockMoveKind::Reserve, 1)));
    Change {
        at: NOW,
        claim: Some(claim(buyer, &format!("create-{seed}"))),
        flows: vec![flow(&shop, "create", None)],
        stock,
        arm: vec![timer(pay.no, TimerKind::PayTimeout, NOW + 1_800_000)],
        events: vec![event],
        decisions: vec![decision(pay.no, 0, Hook::Pricing)],
        new_pay_orders: vec![pay],
        new_shop_orders: vec![shop],
        ..Change::default()
    }
}

pub(crate) fn claim(buyer: &BuyerId, key: &str) -> Claim {
    Claim {
        principal: format!("buyer:{buyer}"),
        key: key.to_owned(),
        digest: digest(1),
        operation: "create_order".into(),
        outcome: r#"{"order_no":"1234567890123456789"}"#.into(),
    }
}

/// The pay order's next version.
pub(crate) fn next_pay(tree: &OrderTree, edit: impl FnOnce(&mut PayOrder)) -> Guarded<PayOrder> {
    let mut row = tree.pay.clone();
    row.version += 1;
    edit(&mut row);
    Guarded { version: tree.pay.version, status: tree.pay.status, row }
}

/// The first shop order's next version.
pub(crate) fn next_shop(tree: &OrderTree, edit: impl FnOnce(&mut ShopOrder)) -> Guarded<ShopOrder> {
    let shop = &tree.shops[0];
    let mut row = shop.clone();
    row.version += 1;
    row.updated_at += 1;
    edit(&mut row);
    Guarded { version: shop.version, status: shop.status, row }
}

/// The buyer asks to pay.
pub(crate) fn offer(seed: i64, tree: &OrderTree) -> Change {
    let payment = Payment {
        no: PaymentNo(no(seed, 4, &tree.pay.buyer)),
        pay_no: tree.pay.no,
        method: hookline::domain::ids::PaymentMethod::new("sandbox").unwrap(),
        amount: tree.pay.amounts.to_pay,
        balance: 0,
        currency: tree.pay.currency,
        status: PaymentStatus::Pending,
        handle: None,
        arrived: None,
        ended_at: None,
        account: hookline::domain::ids::MerchantAccount::own(),
        trade_no: None,
        created_at: NOW,
        paid_at: None,
        expires_at: Some(NOW + 1_800_000),
        offer: PayOffer { pay_url: Some("https://pay.example/1".into()), ..PayOffer::default() },
    };
    Change {
        at: NOW,
        pay_orders: vec![next_pay(tree, |_| {})],
        payments: vec![Write::Insert(payment)],
        ..Change::default()
    }
}

/// The money arrived.
pub(crate) fn paid(seed: i64, tree: &OrderTree) -> Change {
    let mut payment = tree.payments[0].clone();
    (payment.status, payment.paid_at) = (PaymentStatus::Succeeded, Some(NOW + 1));
    payment.trade_no = Some(format!("T{}", payment.no.0));
    let pay = next_pay(tree, |pay| (pay.status, pay.paid_at, pay.expire_time) = (Status::Paid, Some(NOW + 1), None));
    let mut shop = next_shop(tree, |shop| {
        (shop.status, shop.sub_status, shop.paid_at) = (Status::Paid, SubStatus::ToDeduct, Some(NOW + 1));
    });
    let event = order_event(&mut shop.row, "ORDER_PAID");
    let shipment = Shipment {
        no: ShipmentNo(no(seed, 5, &tree.pay.buyer)),
        shop_no: shop.row.no,
        aftersale_no: None,
        status: ShipmentStatus::Created,
        delivery: Delivery::Parcel,
        carrier: String::new(),
        waybill: None,
        items: vec![Packed { line: 0, quantity: 2 }],
        secrets: None,
        attributes: Pairs::new(),
        created_at: NOW + 1,
        shipped_at: None,
        delivered_at: None,
        delayed_at: None,
        told_at: None,
        taken_at: None,
        note: String::new(),
    };
    Change {
        at: NOW + 1,
        flows: vec![flow(&shop.row, "pay", Some((Status::Created, SubStatus::StockReserved)))],
        payments: vec![Write::Update(payment)],
        shipments: vec![Write::Insert(shipment)],
        disarm: vec![off(pay.row.no, TimerKind::PayTimeout)],
        arm: vec![
            timer(shop.row.no, TimerKind::Compensate, NOW + 20_000),
            timer(shop.row.no, TimerKind::ShipOverdue, NOW + 100_000_000),
        ],
        events: vec![event],
        pay_orders: vec![pay],
        shop_orders: vec![shop],
        ..Change::default()
    }
}

/// Deducted and shipped in one change.
pub(crate) fn shipped(seed: i64, tree: &OrderTree) -> Change {
    let mut shipment = tree.shipments[0].clone();
    (shipment.status, shipment.shipped_at, shipment.carrier) = (ShipmentStatus::Shipped, Some(NOW + 2), "SF".into());
    shipment.waybill = Some(format!("W{seed}-{}", shipment.no.0));
    let mut shop = next_shop(tree, |shop| {
        shop.version += 1;
        shop.decisions += 2;
        (shop.status, shop.sub_status, shop.shipped_at) = (Status::Shipped, SubStatus::None, Some(NOW + 2));
    });
    let event = order_event(&mut shop.row, "ORDER_SHIPPED");
    let no = shop.row.no;
    let mut deduct = flow(&shop.row, "deduct", Some((Status::Paid, SubStatus::ToDeduct)));
    deduct.version -= 1;
    deduct.to = (Status::Paid, SubStatus::ToShip);
    let stock = shop.row.items.iter().flat_map(|item| &item.facts.stock);
    Change {
        at: NOW + 2,
        stock: stock.map(|n| move_stock(no, n.key.as_str(), StockMoveKind::Confirm, n.quantity.into())).collect(),
        flows: vec![deduct, flow(&shop.row, "ship", Some((Status::Paid, SubStatus::ToShip)))],
        shipments: vec![Write::Update(shipment)],
        disarm: vec![off(no, TimerKind::Compensate), off(no, TimerKind::ShipOverdue)],
        arm: vec![timer(no, TimerKind::AutoReceive, NOW + 1_000_000)],
        events: vec![event],
        decisions: vec![decision(no, 0, Hook::Deduct), decision(no, 1, Hook::Ship)],
        shop_orders: vec![shop],
        ..Change::default()
    }
}

/// It arrived.
pub(crate) fn received(tree: &OrderTree) -> Change {
    let mut shipment = tree.shipments[0].clone();
    (shipment.status, shipment.delivered_at) = (ShipmentStatus::Delivered, Some(NOW + 3));
    let mut shop = next_shop(tree, |shop| {
        shop.decisions += 1;
        (shop.status, shop.received_at) = (Status::Received, Some(NOW + 3));
    });
    let event = order_event(&mut shop.row, "ORDER_RECEIVED");
    let no = shop.row.no;
    Change {
        at: NOW + 3,
        flows: vec![flow(&shop.row, "receive", Some((Status::Shipped, SubStatus::None)))],
        shipments: vec![Write::Update(shipment)],
        disarm: vec![off(no, TimerKind::AutoReceive)],
        arm: vec![timer(no, TimerKind::Settle, NOW + 2_000_000)],
        events: vec![event],
        decisions: vec![decision(no, 2, Hook::Receive)],
        shop_orders: vec![shop],
        ..Change::default()
    }
}

/// Stock for a line, made when it is not there.
pub(crate) async fn add_stock(store: &Store, sku: &str, quantity: i64) {
    let admin = vec![AdminWrite::AddStock { business: goods(), key: key(sku), quantity }];
    store.commit(Change { at: NOW, admin, ..Change::default() }).await.unwrap();
}

/// Makes an order and gives its tree.
pub(crate) async fn created(store: &Store, seed: i64, name: &str) -> OrderTree {
    let change = create(seed, &buyer(name), "sku-a", Some("sku-b"));
    store.commit(change.clone()).await.unwrap();
    OrderTree::created(&change).unwrap()
}

/// Commits a change on a tree and gives the tree after it.
pub(crate) async fn step(store: &Store, tree: OrderTree, change: Change) -> OrderTree {
    store.commit(change.clone()).await.unwrap();
    tree.after(&change)
}

/// Stock for [`created`].
pub(crate) async fn stocked(store: &Store) {
    add_stock(store, "sku-a", 1_000_000).await;
    add_stock(store, "sku-b", 1_000_000).await;
}
