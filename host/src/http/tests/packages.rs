//! Packages after they left: tracks, exceptions, dividing, delivery secrets, the buyer's extension, and what an outside
//! fulfilment service may say.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Host, NOW, owners, somebody};
use crate::app::catalogue::refresh;
use crate::domain::aftersale::AftersaleKind;
use crate::domain::catalogue::LineRules;
use crate::domain::change::{Change, Parked, ShipNotice, TimerKind, Unpark, Write};
use crate::domain::decide::aftersale::{self, Application};
use crate::domain::decide::refund::Wanted;
use crate::domain::decide::{pay, ship};
use crate::domain::draft::Draft;
use crate::domain::hook;
use crate::domain::ids::{AftersaleNo, MerchantAccount, OrderNo, PaymentNo, ShipmentNo, Slot};
use crate::domain::number::number;
use crate::domain::order::{Suspended, SuspendedHook};
use crate::domain::tree::OrderTree;
use crate::egress::webhook;
use crate::identity::{Principal, Role};
use crate::secrets::Place;

const CANARY: &str = "CANARY-5f1c-VOUCHER";
const SECRET: &str = "the secret of the fulfilment service";
const DAY_MS: i64 = 86_400_000;

/// An order of the lines goods and hotel, paid and packed: each has one shipment, the goods' with a secret in it.
struct Packed {
    host: Host,
    goods: OrderNo,
    hotel: OrderNo,
    shipment: ShipmentNo,
    buyer: String,
    shop: String,
    staff: String,
}

async fn decide(host: &Host, no: OrderNo, decide: impl FnOnce(&mut Draft, &OrderTree)) {
    let tree = host.app.store.order_tree(no).await.unwrap().unwrap();
    let mut draft = Draft::new(&tree, NOW, "test");
    decide(&mut draft, &tree);
    host.app.store.commit(draft.finish().0).await.unwrap();
}

impl Packed {
    async fn start(rules: Value) -> Self {
        let host = Host::start().await;
        let staff = host.token(somebody(Role::Admin));
        for (code, kind) in [("goods", 1001), ("hotel", 1002)] {
            let body = json!({"code": code, "name": code, "order_types": [kind], "rules": rules}).to_string();
            let made = host.send(Some(&staff), "POST", "/admin/v1/businesses", &body).await;
            assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        }
        refresh(&host.app).await.unwrap();
        let [no, goods, hotel] = owners::order(&host).await;
        let slot = Slot::of("some-buyer");
        let fresh = |sequence| number(NOW, sequence, slot);
        let shipments = [ShipmentNo(fresh(100)), ShipmentNo(fresh(101))];
        decide(&host, no, |draft, tree| {
            let way = ("sandbox".parse().unwrap(), MerchantAccount::own());
            let payment = pay::attempt(tree, PaymentNo(fresh(102)), way, 0, NOW);
            pay::succeed(draft, Write::Insert(payment), pay::Paid { trade_no: None, at: NOW }, &shipments, 20_000);
        })
        .await;
        let sealed = serde_json::to_vec(&[("code", CANARY)]).unwrap();
        let sealed = host.app.sealer.seal(Place(&["shipment", &goods.to_string()]), &sealed);
        decide(&host, no, |draft, _| {
            for shop in [goods, hotel] {
                ship::deducted(draft, shop, &hook::Deducted::default()).unwrap();
                ship::packed(draft, shop, &hook::Shipped::default(), &[]).unwrap();
            }
            let mut shipment = draft.tree().shipments[0].clone();
            shipment.secrets = Some(sealed);
            draft.shipment(Write::Update(shipment));
        })
        .await;
        let (buyer, shop) = (host.token(somebody(Role::Buyer)), host.token(somebody(Role::Shop)));
        Self { host, goods, hotel, shipment: shipments[0], buyer, shop, staff }
    }

    async fn ships(&self) {
        let (shipment_no, carrier, waybill) = (Some(self.shipment), "SF".into(), "SF1".into());
        decide(&self.host, self.goods, |draft, _| {
            ship::shipped(draft, self.goods, &ShipNotice { shipment_no, carrier, waybill, by_service: false }).unwrap();
        })
        .await;
    }

    async fn shop_posts(&self, path: &str, body: Value) -> Answer {
        self.host.send(Some(&self.shop), "POST", path, &body.to_string()).await
    }

    async fn tree(&self) -> OrderTree {
        (*self.host.app.store.order_tree(self.goods).await.unwrap().unwrap()).clone()
    }

    async fn shipment_status(&self) -> String {
        let path = format!("/api/v1/shipments/{}", self.shipment);
        self.host.send(Some(&self.buyer), "GET", &path, "").await.body["status"].as_str().unwrap().to_owned()
    }

    /// What the operate log says of the goods order, the newest first.
    async fn operate_log(&self) -> Vec<Value> {
        let path = format!("/api/v1/orders/{}/operate-log", self.goods);
        self.host.send(Some(&self.staff), "GET", &path, "").await.body["entries"].as_array().unwrap().clone()
    }

    async fn tells(&self, business: &str, headers: &[(String, String)], body: &str) -> Answer {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.host.send_with(None, "POST", &format!("/callbacks/fulfilment/{business}"), body, &headers).await
    }

    /// Signed with the secret of the line, now.
    async fn service_says(&self, body: &Value) -> Answer {
        let body = body.to_string();
        self.tells("goods", &webhook::sign(SECRET, "m1", NOW, body.as_bytes()), &body).await
    }
}

fn code(answer: &Answer) -> &str {
    answer.body["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default()
}

fn track(waybill: &str, time: &str, node: &str) -> Value {
    json!({"waybill": waybill, "node_time": time, "node_code": node, "content": format!("at {node}")})
}

#[tokio::test]
async fn tracks_come_in_any_order_any_number_of_times_and_are_read_in_order_by_whom_they_concern() {
    let order = Packed::start(json!({"delivered_codes": ["SIGNED"]})).await;
    let early = order.shop_posts("/api/v1/logistics/track", track("SF1", "2026-09-22T10:00:00Z", "HUB")).await;
    assert_eq!((early.status, code(&early)), (StatusCode::NOT_FOUND, "unknown-waybill"));
    order.ships().await;
    // The same moment in two time zones, two codes of one moment, and a repeat.
    let told = [
        ("2026-09-22T10:00:00Z", "HUB-B", "new"),
        ("2026-09-22T10:00:00Z", "HUB-A", "new"),
        ("2026-09-22T11:00:00+02:00", "PICKED", "new"),
        ("2026-09-22T09:00:00Z", "PICKED", "known"),
        ("2026-09-22T10:00:00Z", "HUB-B", "known"),
    ];
    for (time, node, effect) in told {
        let answer = order.shop_posts("/api/v1/logistics/track", track("SF1", time, node)).await;
        assert_eq!(answer.body, json!({"effect": effect}), "{node}: {answer:?}");
    }
    let batch = json!({"tracks": [
        track("SF1", "2026-09-22T12:00:00Z", "DOOR"), track("NOBODYS", "2026-09-22T12:00:00Z", "DOOR"),
        track("SF1", "2026-09-22T12:00:00Z", "DOOR"), track("SF1", "2026-09-22T10:00:00Z", "HUB-A"),
    ]});
    let answer = order.shop_posts("/api/v1/logistics/tracks/batch", batch).await;
    assert_eq!(answer.body, json!({"effects": ["new", "unknown-waybill", "known", "known"]}), "{answer:?}");

    let path = "/api/v1/waybills/SF1/tracks";
    let mut seen = vec![];
    let mut cursor = String::new();
    loop {
        let page = order.host.send(Some(&order.buyer), "GET", &format!("{path}?limit=3{cursor}"), "").await.body;
        seen.extend(page["tracks"].as_array().unwrap().iter().map(|t| t["node_code"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["PICKED", "HUB-A", "HUB-B", "DOOR"]);
    let strangers = [
        (Principal::buyer("somebody-else"), StatusCode::NOT_FOUND),
        (Principal { shops: vec!["shop-2".into()], ..somebody(Role::Shop) }, StatusCode::NOT_FOUND),
        (Principal { business: Some("hotel".into()), ..somebody(Role::Business) }, StatusCode::NOT_FOUND),
        (somebody(Role::Shop), StatusCode::OK),
        (somebody(Role::Operator), StatusCode::OK),
    ];
    for (who, status) in strangers {
        let (reads, token) = (who.role != Role::Buyer, order.host.token(who.clone()));
        assert_eq!(order.host.send(Some(&token), "GET", path, "").await.status, status, "{who:?}");
        if reads {
            let row = track("SF1", "2026-09-22T10:00:00Z", "HUB-A").to_string();
            let told = order.host.send(Some(&token), "POST", "/api/v1/logistics/track", &row).await;
            assert_eq!(told.status, status, "{who:?}");
        }
    }
    for bad in [json!({"node_time": "yesterday"}), json!({"node_code": ""}), json!({"node_code": "x".repeat(65)})] {
        let mut row = track("SF1", "2026-09-22T10:00:00Z", "HUB");
        row.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let answer = order.shop_posts("/api/v1/logistics/track", row).await;
        assert_eq!((answer.status, code(&answer)), (StatusCode::BAD_REQUEST, "bad-body"), "{bad}");
    }
    let many = vec![track("SF1", "2026-09-22T10:00:00Z", "HUB"); 501];
    let answer = order.shop_posts("/api/v1/logistics/tracks/batch", json!({"tracks": many})).await;
    assert_eq!((answer.status, code(&answer)), (StatusCode::BAD_REQUEST, "too-many-tracks"));

    // The code that the line names delivers, once.
    assert_eq!(order.shipment_status().await, "shipped");
    for effect in ["new", "known"] {
        let answer = order.shop_posts("/api/v1/logistics/track", track("SF1", "2026-09-23T10:00:00Z", "SIGNED")).await;
        assert_eq!(answer.body, json!({"effect": effect}));
        assert_eq!(order.shipment_status().await, "delivered");
    }
    let flows = order.host.app.store.flows(order.goods).await.unwrap();
    assert_eq!(flows.iter().filter(|f| f.event == "deliver").count(), 1, "a repeat leaves nothing");
}

#[tokio::test]
async fn delivery_secrets_are_for_the_buyer_alone_and_every_look_is_written_down() {
    let order = Packed::start(json!({})).await;
    let path = format!("/api/v1/orders/{}/secrets", order.goods);
    let reads = async |token: &str| order.host.send(Some(token), "GET", &path, "").await;
    let early = reads(&order.buyer).await;
    assert_eq!(early.body, json!({"order_no": order.goods, "shipments": []}), "nothing was handed over yet");
    order.ships().await;
    let answer = reads(&order.buyer).await;
    let secrets = json!([{"shipment_no": order.shipment, "secrets": [{"name": "code", "value": CANARY}]}]);
    assert_eq!(answer.body, json!({"order_no": order.goods, "shipments": secrets}), "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let other = order.host.token(Principal::buyer("somebody-else"));
    assert_eq!(reads(&other).await.status, StatusCode::NOT_FOUND);
    for role in [Role::Shop, Role::Business, Role::Operator, Role::Admin] {
        let answer = reads(&order.host.token(somebody(role))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role}");
        assert!(!answer.body.to_string().contains(CANARY));
    }
    let log = order.operate_log().await;
    let looks: Vec<_> = log.iter().map(|entry| (&entry["operator"], &entry["operation"])).collect();
    assert_eq!(looks, [(&json!("buyer:some-buyer"), &json!("read_secrets"))]);
    assert!(log[0]["before"].to_string().contains(&order.shipment.to_string()));
    assert!(!format!("{log:?}").contains(CANARY), "the log says who looked, not what was seen");

    // Once the money goes back there is nothing to read.
    let lost = json!({"shipment_no": order.shipment, "kind": "lost"});
    assert_eq!(order.shop_posts("/api/v1/shipments/exception", lost).await.body["effect"], "applied");
    assert_eq!(reads(&order.buyer).await.body["shipments"], json!([]));
}

#[tokio::test]
async fn the_buyer_puts_the_automatic_receipt_off_once() {
    let order = Packed::start(json!({"receive_extension_ms": 2 * DAY_MS})).await;
    let path = format!("/api/v1/orders/{}/extend-receive", order.goods);
    let asks = async |token: &str, key: &str| {
        order.host.send_with(Some(token), "POST", &path, "{}", &[("idempotency-key", key)]).await
    };
    let early = asks(&order.buyer, "k0").await;
    assert_eq!((early.status, code(&early)), (StatusCode::CONFLICT, "wrong-state"));
    order.ships().await;
    let other = order.host.token(Principal::buyer("somebody-else"));
    assert_eq!(asks(&other, "k1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(asks(&order.shop, "k1").await.status, StatusCode::FORBIDDEN);
    let before = order.tree().await.shop(order.goods).unwrap().expire_time.unwrap();
    for _ in 0..2 {
        let answer = asks(&order.buyer, "k1").await;
        assert_eq!((answer.status, &answer.body["effect"]), (StatusCode::OK, &json!("applied")), "{answer:?}");
    }
    let due = before + 2 * DAY_MS;
    assert_eq!(order.tree().await.shop(order.goods).unwrap().expire_time, Some(due));
    let timers = order.host.app.store.timers(order.goods).await.unwrap();
    let receive = timers.iter().find(|t| t.key.kind == TimerKind::AutoReceive).map(|t| t.due);
    assert_eq!(receive, Some(due), "the deadline and its timer move together");
    let again = asks(&order.buyer, "k2").await;
    assert_eq!((again.status, code(&again)), (StatusCode::CONFLICT, "already-extended"));
    assert_eq!(order.operate_log().await[0]["operation"], "extend_receive");

    let strict = Packed::start(json!({"receive_extension_ms": 0})).await;
    strict.ships().await;
    let path = format!("/api/v1/orders/{}/extend-receive", strict.goods);
    let answer = strict.host.send(Some(&strict.buyer), "POST", &path, "{}").await;
    assert_eq!((answer.status, code(&answer)), (StatusCode::CONFLICT, "not-extendable"));
}

#[tokio::test]
async fn an_exception_is_taken_in_its_turn_and_once() {
    let order = Packed::start(json!({})).await;
    let path = "/api/v1/shipments/exception";
    let lost = |kind: &str| json!({"shipment_no": order.shipment, "kind": kind, "note": "a truck burnt"});
    let buyers = order.host.send(Some(&order.buyer), "POST", path, &lost("lost").to_string()).await;
    assert_eq!(buyers.status, StatusCode::FORBIDDEN);
    let other = order.host.token(Principal { shops: vec!["shop-2".into()], ..somebody(Role::Shop) });
    assert_eq!(
        order.host.send(Some(&other), "POST", path, &lost("lost").to_string()).await.status,
        StatusCode::NOT_FOUND
    );
    for bad in [json!({"kind": "lost"}), json!({"shipment_no": order.shipment, "kind": "eaten"})] {
        assert_eq!(order.shop_posts(path, bad).await.status, StatusCode::BAD_REQUEST);
    }
    for _ in 0..2 {
        assert_eq!(order.shop_posts(path, lost("lost")).await.body["effect"], "parked", "it has not left yet");
    }
    order.ships().await;
    let late = async |effect: &str| {
        let by_waybill = json!({"waybill": "SF1", "kind": "delayed"});
        assert_eq!(order.shop_posts(path, by_waybill).await.body["effect"], effect);
    };
    late("applied").await;
    late("ignored").await;
    assert_eq!(order.tree().await.refunds.len(), 0);
    let answer = order.shop_posts(path, lost("lost")).await;
    assert_eq!(
        (&answer.body["effect"], &answer.body["sub_status"]),
        (&json!("applied"), &json!("closing")),
        "{answer:?}"
    );
    let tree = order.tree().await;
    assert_eq!(tree.shop(order.goods).unwrap().reason.as_ref().unwrap().code, "lost");
    let cash: i64 = tree.refunds.iter().map(|r| r.amount).sum();
    assert!(cash > 0 && cash < tree.pay.amounts.to_pay, "the hotel goes on: {cash}");
    for kind in ["lost", "refused", "delayed"] {
        assert_eq!(order.shop_posts(path, lost(kind)).await.body["effect"], "ignored");
    }
    assert_eq!(order.tree().await.refunds.len(), tree.refunds.len());
    assert_eq!(order.shipment_status().await, "lost");
    let flows = order.host.app.store.flows(order.goods).await.unwrap();
    let done: Vec<&str> = flows.iter().filter(|f| !f.ignored).map(|f| f.event.as_str()).collect();
    let times = |event: &str| done.iter().filter(|done| **done == event).count();
    assert_eq!((times("delayed"), times("lost"), times("refused"), times("undo")), (1, 1, 0, 1), "{done:?}");
    assert_eq!(flows.iter().filter(|f| f.ignored).count(), 4);
}

#[tokio::test]
async fn a_seller_divides_a_waiting_shipment_and_ships_its_packages_one_by_one() {
    let order = Packed::start(json!({})).await;
    let path = "/api/v1/shipments/split";
    let item = order.tree().await.shop(order.goods).unwrap().items[0].no;
    let one = json!([{"item_no": item, "quantity": 1}]);
    let split = json!({"shipment_no": order.shipment, "packages": [one, [{"line": 0, "quantity": 1}]]});
    let secret = order.shop_posts(path, split.clone()).await;
    assert_eq!((secret.status, code(&secret)), (StatusCode::CONFLICT, "cannot-divide"), "its secret is of the whole");
    decide(&order.host, order.goods, |draft, tree| {
        let mut shipment = tree.shipments.iter().find(|s| s.no == order.shipment).unwrap().clone();
        shipment.secrets = None;
        draft.stay(order.goods, "test", "");
        draft.shipment(Write::Update(shipment));
    })
    .await;
    let uneven = json!({"shipment_no": order.shipment, "packages": [one, one, one]});
    assert_eq!(code(&order.shop_posts(path, uneven).await), "cannot-divide");
    let both = json!({"shipment_no": order.shipment, "packages": [[{"item_no": item, "line": 0, "quantity": 1}], one]});
    assert_eq!(order.shop_posts(path, both).await.status, StatusCode::BAD_REQUEST);
    let answer = order.shop_posts(path, split.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let numbers: Vec<String> =
        answer.body["shipments"].as_array().unwrap().iter().map(|no| no.as_str().unwrap().to_owned()).collect();
    assert_eq!((numbers.len(), numbers[0].clone()), (2, order.shipment.to_string()));
    let unnamed = json!({"order_no": order.goods, "carrier": "SF", "waybill": "SF0"});
    assert_eq!(order.shop_posts("/api/v1/shipments/ship", unnamed).await.status, StatusCode::CONFLICT, "which one?");
    // The second arrives before it left: that waits for its turn and does not touch the first.
    let named = |no: &str, n: usize| json!({"shipment_no": no, "carrier": "SF", "waybill": format!("SF{n}")});
    let answer = order.shop_posts("/api/v1/shipments/ship", named(&numbers[0], 1)).await;
    assert_eq!(answer.body["sub_status"], "part_shipped", "{answer:?}");
    let arrived = json!({"shipment_no": numbers[1]});
    assert_eq!(order.shop_posts("/api/v1/shipments/deliver", arrived).await.body["effect"], "parked");
    let answer = order.shop_posts("/api/v1/shipments/ship", named(&numbers[1], 2)).await;
    assert_eq!(answer.body["status"], "shipped", "{answer:?}");
    let again = order.shop_posts(path, split).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "it left: {again:?}");
}

#[tokio::test]
async fn the_fulfilment_service_is_believed_by_its_signature_alone() {
    let order = Packed::start(json!({})).await;
    let message =
        json!({"id": "m1", "type": "shipped", "shipment_no": order.shipment, "carrier": "SF", "waybill": "SF9"});
    let body = message.to_string();
    let signed = webhook::sign(SECRET, "m1", NOW, body.as_bytes());
    assert_eq!(order.tells("nothing", &signed, &body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(order.tells("goods", &signed, &body).await.status, StatusCode::UNAUTHORIZED, "no secret is set");
    for line in ["goods", "hotel"] {
        let path = format!("/admin/v1/businesses/{line}/secrets/fulfilment");
        let put = order.host.send(Some(&order.staff), "PUT", &path, &json!({"value": SECRET}).to_string()).await;
        assert!(put.status.is_success(), "{put:?}");
    }
    let forged = webhook::sign("the secret of somebody else", "m1", NOW, body.as_bytes());
    let old = webhook::sign(SECRET, "m1", NOW - webhook::TOLERANCE_MS - 1_000, body.as_bytes());
    let early = webhook::sign(SECRET, "m1", NOW + webhook::TOLERANCE_MS + 1_000, body.as_bytes());
    for headers in [&forged, &old, &early, &signed[1..].to_vec(), &vec![]] {
        let answer = order.tells("goods", headers, &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
    let changed = body.replace("SF9", "SF8");
    assert_eq!(order.tells("goods", &signed, &changed).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(order.shipment_status().await, "created", "nothing of it was heard");
    // Another line's service knows the secret of its own line, and nothing of this one's packages.
    assert_eq!(order.tells("hotel", &signed, &body).await.status, StatusCode::NOT_FOUND);

    let first = order.service_says(&message).await;
    assert_eq!((first.status, &first.body["effect"]), (StatusCode::OK, &json!("applied")), "{first:?}");
    let flows = async || order.host.app.store.flows(order.goods).await.unwrap();
    let before = flows().await;
    assert_eq!(before.iter().rev().find(|f| f.event == "ship").unwrap().actor, "callback:fulfilment:goods");
    let replayed = order.service_says(&message).await;
    assert_eq!((replayed.status, &replayed.body), (StatusCode::OK, &first.body));
    assert_eq!(flows().await, before, "a replay changes nothing");

    let seen = json!({"id": "m2", "type": "track", "shipment_no": order.shipment,
        "node_time": "2026-09-22T10:00:00Z", "node_code": "HUB", "content": "in the hub"});
    for effect in ["applied", "ignored"] {
        assert_eq!(order.service_says(&seen).await.body["effect"], effect);
    }
    let lost = |id: &str, kind: &str| json!({"id": id, "type": kind, "shipment_no": order.shipment, "note": "wet"});
    assert_eq!(order.service_says(&lost("m3", "delayed")).await.body["effect"], "applied");
    assert_eq!(order.service_says(&lost("m4", "refused")).await.body["sub_status"], "closing");
    assert_eq!(order.service_says(&lost("m5", "refused")).await.body["effect"], "ignored");
    let wrong = [
        json!({"type": "eaten"}),
        json!({"id": ""}),
        json!({"type": "shipped", "carrier": ""}),
        json!({"note": "\u{7}"}),
    ];
    for wrong in wrong {
        let mut message = lost("m6", "lost");
        message.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(order.service_says(&message).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert!(order.tree().await.shop(order.hotel).unwrap().reason.is_none());
}

#[tokio::test]
async fn all_names_of_a_package_mean_one_and_others_packages_are_not_there() {
    let order = Packed::start(json!({})).await;
    let path = "/api/v1/shipments/exception";
    let early = json!({"order_no": order.goods, "waybill": "SF1"});
    let answer = order.shop_posts("/api/v1/shipments/deliver", early).await;
    assert_eq!(answer.body["effect"], "parked", "no package carries a waybill yet: {answer:?}");
    order.ships().await;
    let both = order.host.token(Principal { shops: vec!["shop-1".into(), "shop-2".into()], ..somebody(Role::Shop) });
    let other = order.host.token(Principal { shops: vec!["shop-2".into()], ..somebody(Role::Shop) });
    let (conflict, missing) = (StatusCode::CONFLICT, StatusCode::NOT_FOUND);
    let named = [
        (&both, json!({"order_no": order.goods, "waybill": "SF2"}), missing),
        (&both, json!({"waybill": "SF2"}), missing),
        (&both, json!({"shipment_no": order.shipment, "waybill": "SF2"}), conflict),
        (&both, json!({"order_no": order.hotel, "waybill": "SF1"}), conflict),
        (&both, json!({"order_no": order.hotel, "shipment_no": order.shipment}), conflict),
        (&other, json!({"waybill": "SF1"}), missing),
        (&other, json!({"shipment_no": order.shipment}), missing),
    ];
    for (token, mut body, status) in named {
        body["kind"] = json!("lost");
        let answer = order.host.send(Some(token), "POST", path, &body.to_string()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(token == &both || !answer.body.to_string().contains(&order.goods.to_string()), "{answer:?}");
    }
    assert_eq!(order.shipment_status().await, "shipped");
    let all = json!({"order_no": order.goods, "shipment_no": order.shipment, "waybill": "SF1", "kind": "delayed"});
    assert_eq!(order.shop_posts(path, all).await.body["effect"], "applied");
}

#[tokio::test]
async fn early_events_of_an_order_wait_up_to_a_limit() {
    let host = Host::start().await;
    let [_, goods, _] = owners::order(&host).await;
    let shop = host.token(somebody(Role::Shop));
    let ships = async |n: usize| {
        let body = json!({"order_no": goods, "carrier": "SF", "waybill": format!("SF{n}")}).to_string();
        host.send(Some(&shop), "POST", "/api/v1/shipments/ship", &body).await
    };
    for n in 0..64 {
        assert_eq!(ships(n).await.body["effect"], "parked", "{n}");
    }
    let more = ships(64).await;
    assert_eq!((more.status, code(&more)), (StatusCode::CONFLICT, "too-many-parked"), "{more:?}");
    assert_eq!(ships(0).await.body["effect"], "parked", "a repeat waits already");
}

#[tokio::test]
async fn events_given_up_in_one_moment_are_listed_page_by_page_and_revived_by_their_key() {
    let host = Host::start().await;
    let [_, goods, _] = owners::order(&host).await;
    let (event, ids) = (|| "ship".to_owned(), ["SF1", "SF~2", "SF3"]);
    let park = ids.map(|id| Parked {
        shop_no: goods,
        event: event(),
        id: id.into(),
        payload: "{}".into(),
        at: NOW,
        expires_at: NOW,
    });
    let unpark = ids.map(|id| Unpark { shop_no: goods, event: event(), id: id.into(), dead: Some("expired".into()) });
    host.app.store.commit(Change { at: NOW, park: park.into(), ..Change::default() }).await.unwrap();
    host.app.store.commit(Change { at: NOW, unpark: unpark.into(), ..Change::default() }).await.unwrap();
    let staff = host.token(somebody(Role::Admin));
    let (mut listed, mut cursor) = (vec![], String::new());
    loop {
        let page = host.send(Some(&staff), "GET", &format!("/admin/v1/dead-letters?limit=1{cursor}"), "").await.body;
        listed.extend(page["letters"].as_array().unwrap().iter().map(|letter| letter["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    listed.sort_unstable_by_key(Value::to_string);
    assert_eq!(listed, ["SF1", "SF3", "SF~2"]);
    let path = format!("/admin/v1/dead-letters/{goods}/redrive");
    let revive =
        async |id| host.send(Some(&staff), "POST", &path, &json!({"event": "ship", "id": id}).to_string()).await;
    assert_eq!(revive("SF~2").await.status, StatusCode::OK);
    assert_eq!(host.app.store.parked(goods).await.unwrap()[0].id, "SF~2");
    assert_eq!(revive("SF4").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sellers_refund_tells_of_its_own_shop_order_and_is_repeated_under_its_key() {
    let order = Packed::start(json!({})).await;
    let path = format!("/api/v1/orders/{}/refund", order.goods);
    let asks = async || {
        let body = json!({"reason": "out of stock", "items": []}).to_string();
        order.host.send_with(Some(&order.shop), "POST", &path, &body, &[("idempotency-key", "r1")]).await
    };
    let first = asks().await;
    assert!(first.status.is_success(), "{first:?}");
    let numbers: Vec<_> =
        first.body["order"]["shop_orders"].as_array().unwrap().iter().map(|s| &s["order_no"]).collect();
    assert_eq!(numbers, [&json!(order.goods)]);
    let own: i64 = order.tree().await.shop(order.goods).unwrap().shares().map(|share| share.cash).sum();
    assert_eq!(first.body["order"]["to_pay"], json!(own), "{first:?}");
    assert!(!first.body.to_string().contains(&order.hotel.to_string()), "{first:?}");
    assert_eq!(asks().await.body, first.body, "the order is closing, the key is answered as before");
}

#[tokio::test]
async fn a_word_of_receipt_is_not_taken_while_a_hook_waits() {
    let order = Packed::start(json!({})).await;
    order.ships().await;
    decide(&order.host, order.goods, |draft, _| {
        let hook = SuspendedHook::Receive;
        let suspended = Suspended { hook, now: NOW, base: 0, journal: 0, wait: None, input: String::new() };
        draft.stay(order.goods, "test", "").suspended = Some(suspended);
    })
    .await;
    let path = format!("/api/v1/orders/{}/receive", order.goods);
    let answer = order.host.send(Some(&order.buyer), "POST", &path, "{}").await;
    assert_eq!((answer.status, code(&answer)), (StatusCode::CONFLICT, "hook-in-flight"), "{answer:?}");
}

#[tokio::test]
async fn what_an_open_after_sale_is_about_is_not_sent() {
    let order = Packed::start(json!({})).await;
    let item = order.tree().await.shop(order.goods).unwrap().items[0].no;
    decide(&order.host, order.goods, |draft, _| {
        let application = Application {
            no: AftersaleNo(number(NOW, 200, Slot::of("some-buyer"))),
            kind: AftersaleKind::Refund,
            wanted: vec![Wanted { item_no: item, quantity: 1, amount: None }],
            priced: vec![],
            reason: "too late".into(),
            evidence: None,
        };
        aftersale::apply(draft, order.goods, application, &LineRules::default()).unwrap();
    })
    .await;
    let notice = json!({"shipment_no": order.shipment, "carrier": "SF", "waybill": "SF1"});
    let answer = order.shop_posts("/api/v1/shipments/ship", notice).await;
    assert_eq!((answer.status, code(&answer)), (StatusCode::CONFLICT, "aftersale-open"), "{answer:?}");
    assert_eq!(order.shipment_status().await, "created");
}
