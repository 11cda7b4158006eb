//! Our accounts at payment providers.

use hookline::domain::catalogue::{AdminWrite, PaymentAccount};
use hookline::domain::change::{Change, Refusal, Write};
use hookline::domain::ids::{BusinessCode, MerchantAccount, Millis, PaymentMethod};
use hookline::store::{CommitError, Store};

use crate::harness::on_both;
use crate::make::*;

fn method() -> PaymentMethod {
    PaymentMethod::new("alipay").unwrap()
}

fn named(name: &str) -> MerchantAccount {
    MerchantAccount::new(name).unwrap()
}

fn account(name: &str, lines: &[&str]) -> PaymentAccount {
    PaymentAccount {
        method: method(),
        account: named(name),
        businesses: lines.iter().map(|code| BusinessCode::new(code).unwrap()).collect(),
        base_url: None,
        settings: serde_json::json!({"app_id": "2026"}),
        sealed: vec![1, 0, 255],
        enabled: true,
        updated_at: NOW,
    }
}

async fn put(store: &Store, row: PaymentAccount) -> Result<(), Refusal> {
    commit(store, NOW, AdminWrite::PutPaymentAccount(row)).await
}

async fn delete(store: &Store, at: Millis, name: &str) -> Result<(), Refusal> {
    commit(store, at, AdminWrite::DeletePaymentAccount { method: method(), account: named(name) }).await
}

async fn commit(store: &Store, at: Millis, write: AdminWrite) -> Result<(), Refusal> {
    match store.commit(Change { at, admin: vec![write], ..Change::default() }).await {
        Ok(_) => Ok(()),
        Err(CommitError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

on_both! {
    async fn an_account_is_kept_as_it_was_put(db) {
        let store = &db.store;
        let revision = store.catalogue_revision().await.unwrap();
        let first = account("main", &["goods", "hotel"]);
        put(store, first.clone()).await.unwrap();
        assert!(store.catalogue_revision().await.unwrap() > revision);
        let other = PaymentAccount {
            base_url: Some("https://pay.example".into()), enabled: false, ..account("b", &["goods"])
        };
        put(store, other.clone()).await.unwrap();
        assert_eq!(store.payment_accounts().await.unwrap(), [other, first.clone()]);
        let second = PaymentAccount { sealed: vec![7], updated_at: NOW + 1, ..account("main", &[]) };
        put(store, second.clone()).await.unwrap();
        assert_eq!(store.payment_account(&method(), &named("main")).await.unwrap(), Some(second));
        let revision = store.catalogue_revision().await.unwrap();
        delete(store, NOW, "main").await.unwrap();
        assert!(store.catalogue_revision().await.unwrap() > revision);
        assert_eq!(store.payment_account(&method(), &named("main")).await.unwrap(), None);
        assert!(matches!(delete(store, NOW, "main").await, Err(Refusal::Admin(_))));
    }

    async fn a_line_has_one_enabled_account_of_a_method(db) {
        let store = &db.store;
        put(store, account("main", &["goods", "hotel"])).await.unwrap();
        let taken = |row| async move { put(store, row).await };
        let refused = Refusal::AccountTaken {
            method: method(), account: named("main"), business: BusinessCode::new("hotel").unwrap(),
        };
        assert_eq!(taken(account("travel", &["flight", "hotel"])).await, Err(refused.clone()));
        assert_eq!(store.payment_accounts().await.unwrap().len(), 1, "a refused one is not kept");
        taken(PaymentAccount { enabled: false, ..account("travel", &["hotel"]) }).await.unwrap();
        assert_eq!(taken(account("travel", &["hotel"])).await, Err(refused));
        let wechat = PaymentAccount { method: PaymentMethod::new("wechat").unwrap(), ..account("x", &["hotel"]) };
        taken(wechat).await.unwrap();
        taken(account("main", &["goods", "hotel"])).await.unwrap();
        taken(account("main", &["goods"])).await.unwrap();
        taken(account("travel", &["hotel"])).await.unwrap();
    }

    async fn two_at_once_never_share_a_line(db) {
        let store = &db.store;
        let puts: Vec<_> = (0..8).map(|n| put(store, account(&format!("a{n}"), &["goods"]))).collect();
        let won = futures_util::future::join_all(puts).await.into_iter().flatten().count();
        assert_eq!((won, store.payment_accounts().await.unwrap().len()), (1, 1));
    }

    async fn an_account_stays_once_a_payment_was_opened_at_it(db) {
        let store = &db.store;
        stocked(store).await;
        put(store, account("main", &["goods"])).await.unwrap();
        let tree = created(store, 1, "lilei").await;
        let mut open = offer(1, &tree);
        let Write::Insert(payment) = &mut open.payments[0] else { panic!() };
        (payment.method, payment.account) = (method(), named("main"));
        let no = payment.no;
        let tree = step(store, tree, open).await;
        let used = |name: &'static str| async move { store.payment_of_account(&method(), &named(name)).await.unwrap() };
        assert_eq!((used("main").await, used("other").await), (Some(no), None));
        step(store, tree.clone(), paid(1, &tree)).await;
        assert!(matches!(delete(store, NOW, "main").await, Err(Refusal::Admin(_))));
    }
}
