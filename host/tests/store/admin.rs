//! What operators set up.

use hookline::domain::catalogue::{
    AdminWrite, ApiKey, Audit, Business, Grant, LineRules, PluginState, PluginVersion, Sku,
};
use hookline::domain::change::{Change, Refusal};
use hookline::domain::ids::SkuId;
use hookline::store::CommitError;

use crate::harness::on_both;
use crate::make::*;

fn admin(writes: Vec<AdminWrite>) -> Change {
    Change { at: NOW, admin: writes, ..Change::default() }
}

fn line() -> Business {
    Business {
        code: goods(),
        name: "Goods".into(),
        kinds: vec![1001],
        rules: LineRules::default(),
        settings: serde_json::json!({"freight": 10}),
        grant: Grant { origins: vec!["https://supplier.example".into()], ..Grant::default() },
        active: None,
        enabled: true,
    }
}

fn plugin(byte: u8) -> AdminWrite {
    AdminWrite::PutPlugin {
        version: PluginVersion {
            business: goods(),
            digest: digest(byte),
            size: 3,
            contract: "v1".into(),
            state: PluginState::Ready,
            uploaded_by: "admin".into(),
            uploaded_at: NOW + i64::from(byte),
            report: serde_json::json!({"checks": []}),
        },
        component: vec![byte, 0, 1],
    }
}

on_both! {
    async fn a_line_with_its_skus_secrets_and_plugins(db) {
        let store = &db.store;
        let before = store.catalogue_revision().await.unwrap();
        store.commit(admin(vec![AdminWrite::PutBusiness(line()), plugin(1), plugin(2)])).await.unwrap();
        assert_eq!(store.business(&goods()).await.unwrap(), Some(line()));
        assert!(store.catalogue_revision().await.unwrap() > before);
        let activate = |byte| AdminWrite::ActivatePlugin { business: goods(), digest: digest(byte) };
        store.commit(admin(vec![activate(1)])).await.unwrap();
        store.commit(admin(vec![activate(2)])).await.unwrap();
        let states: Vec<_> = store.plugins(&goods()).await.unwrap().iter().map(|v| v.state).collect();
        assert_eq!(states, [PluginState::Draining, PluginState::Active]);
        assert_eq!(store.component(&digest(2)).await.unwrap(), Some(vec![2, 0, 1]));
        assert!(matches!(store.commit(admin(vec![activate(9)])).await,
            Err(CommitError::Refused(Refusal::Admin(_)))));
        assert_eq!(store.business(&goods()).await.unwrap().unwrap().active, Some(digest(2)));
        // Replacing a line's settings leaves its active version as it is.
        store.commit(admin(vec![AdminWrite::PutBusiness(Business { enabled: false, ..line() })])).await.unwrap();
        let stored = store.businesses().await.unwrap();
        assert_eq!((stored.len(), stored[0].active, stored[0].enabled), (1, Some(digest(2)), false));

        let sku = Sku {
            business: goods(), sku: SkuId::new("sku-a").unwrap(), shop: None, on_sale: true, facts: "{}".into(),
        };
        store.commit(admin(vec![AdminWrite::PutSku(sku.clone())])).await.unwrap();
        assert_eq!(store.sku(&goods(), &sku.sku).await.unwrap(), Some(sku.clone()));
        assert_eq!(store.skus(&goods(), Some(&sku.sku), 10).await.unwrap(), []);

        let secret = AdminWrite::PutSecret { business: goods(), name: "token".into(), sealed: vec![0, 255] };
        store.commit(admin(vec![secret])).await.unwrap();
        assert_eq!(store.secret(&goods(), "token").await.unwrap(), Some(vec![0, 255]));
        assert_eq!(store.secret_names(&goods()).await.unwrap(), ["token"]);
        let gone = AdminWrite::DeleteSecret { business: goods(), name: "token".into() };
        store.commit(admin(vec![gone.clone()])).await.unwrap();
        assert!(store.commit(admin(vec![gone])).await.is_err());
    }

    async fn a_line_with_orders_stays(db) {
        stocked(&db.store).await;
        let other = Business { code: "cinema".parse().unwrap(), ..line() };
        db.store.commit(admin(vec![AdminWrite::PutBusiness(line()), AdminWrite::PutBusiness(other.clone())])).await.unwrap();
        let tree = created(&db.store, 1, "lilei").await;
        let delete = |code| admin(vec![AdminWrite::DeleteBusiness(code)]);
        let end = Change { shop_orders: vec![next_shop(&tree, |shop| shop.ended_at = Some(NOW))], ..Change::default() };
        db.store.commit(end).await.unwrap();
        let refused = db.store.commit(delete(goods())).await;
        assert!(matches!(refused, Err(CommitError::Refused(Refusal::Admin(_)))), "also of orders that are over");
        db.store.commit(delete(other.code)).await.unwrap();
        assert_eq!(db.store.businesses().await.unwrap().len(), 1);
    }

    async fn stock_never_falls_below_zero(db) {
        add_stock(&db.store, "sku-a", 5).await;
        let take = |quantity| admin(vec![AdminWrite::AddStock { business: goods(), key: key("sku-a"), quantity }]);
        assert!(matches!(db.store.commit(take(-6)).await, Err(CommitError::Refused(Refusal::Admin(_)))));
        db.store.commit(take(-5)).await.unwrap();
        assert_eq!(db.store.stock(&goods(), None, 10).await.unwrap()[0].available, 0);
    }

    async fn a_refused_administrative_write_leaves_nothing(db) {
        let nothing = AdminWrite::DeleteSecret { business: goods(), name: "none".into() };
        assert!(db.store.commit(admin(vec![AdminWrite::PutBusiness(line()), nothing])).await.is_err());
        assert_eq!(db.store.businesses().await.unwrap(), []);
    }

    async fn keys_and_audit(db) {
        let api_key = ApiKey {
            id: "k1".into(), hash: vec![1, 2, 3], principal: "{}".into(), expires_at: NOW + 1, created_at: NOW,
        };
        let audit = |action: &str| AdminWrite::Audit(Audit {
            actor: "admin".into(), action: action.into(), target: "k1".into(), detail: "{}".into(), at: NOW,
        });
        db.store.commit(admin(vec![AdminWrite::PutApiKey(api_key.clone()), audit("key.put")])).await.unwrap();
        assert_eq!(db.store.api_key("k1").await.unwrap(), Some(api_key));
        let revoke = AdminWrite::RevokeApiKey { id: "k1".into() };
        db.store.commit(admin(vec![revoke.clone(), audit("key.revoke")])).await.unwrap();
        assert!(db.store.commit(admin(vec![revoke])).await.is_err());
        assert_eq!((db.store.api_key("k1").await.unwrap(), db.store.api_keys().await.unwrap()), (None, vec![]));
        let actions: Vec<_> =
            db.store.audit(i64::MAX, 10).await.unwrap().into_iter().map(|audit| audit.action).collect();
        assert_eq!(actions, ["key.revoke", "key.put"]);
    }
}
