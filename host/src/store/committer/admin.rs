//! What operators set up, row by row: it is rare.

use super::write::next;
use super::{Attempting, accounts};
use crate::domain::catalogue::{AdminWrite, Audit, Business, PluginState, PluginVersion};
use crate::domain::change::{Change, Refusal};
use crate::domain::ids::{BusinessCode, Digest, ShopId, StockKey};
use crate::domain::resource::CouponState;
use crate::store::error::StoreError;
use crate::store::sql::{Conn, Sql, Value, sql};

sql! {
    /// The active version is changed by activation only.
    PUT_BUSINESS = Sql::both("put business",
        "INSERT INTO businesses (code, name, kinds, rules, settings, permit, active, enabled) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO UPDATE SET name = excluded.name, \
         kinds = excluded.kinds, rules = excluded.rules, settings = excluded.settings, permit = excluded.permit, \
         enabled = excluded.enabled");
    BUSINESS = Sql::both("see business", "SELECT active FROM businesses WHERE code = $1");
    DELETE_BUSINESS = Sql::both("delete business", "DELETE FROM businesses WHERE code = $1");
    ORDER_OF_BUSINESS = Sql::both("see order of business", "SELECT no FROM shop_orders WHERE business = $1 LIMIT 1");
    PUT_SKU = Sql::both("put sku",
        "INSERT INTO skus (business, sku, shop, on_sale, facts) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (business, sku) DO UPDATE SET shop = excluded.shop, on_sale = excluded.on_sale, \
         facts = excluded.facts");
    ADD_STOCK = Sql::both("add stock",
        "UPDATE stock SET available = available + $3 WHERE business = $1 AND stock_key = $2 AND available + $3 >= 0");
    NEW_STOCK = Sql::both("insert stock",
        "INSERT INTO stock (business, stock_key, available, reserved, sold) VALUES ($1, $2, 0, 0, 0) \
         ON CONFLICT DO NOTHING");
    PUT_SECRET = Sql::both("put secret",
        "INSERT INTO secrets (business, name, sealed) VALUES ($1, $2, $3) \
         ON CONFLICT (business, name) DO UPDATE SET sealed = excluded.sealed");
    DELETE_SECRET = Sql::both("delete secret", "DELETE FROM secrets WHERE business = $1 AND name = $2");
    PUT_PLUGIN = Sql::both("put plugin",
        "INSERT INTO plugins (business, digest, size, contract, state, uploaded_by, uploaded_at, report, component) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING");
    DRAIN = Sql::both("drain plugins", "UPDATE plugins SET state = $2 WHERE business = $1 AND state = $3");
    ACTIVATE = Sql::both("activate plugin", "UPDATE plugins SET state = $3 WHERE business = $1 AND digest = $2");
    SET_ACTIVE = Sql::both("set active plugin", "UPDATE businesses SET active = $2 WHERE code = $1");
    PUT_COUPON = Sql::both("put coupon",
        "INSERT INTO coupons (code, business, buyer, kind, terms, state, order_no) \
         VALUES ($1, $2, $3, $4, $5, $6, NULL) ON CONFLICT DO NOTHING");
    PUT_API_KEY = Sql::both("put api key",
        "INSERT INTO api_keys (id, hash, principal, expires_at, created_at, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, NULL) ON CONFLICT DO NOTHING");
    REVOKE_API_KEY = Sql::both("revoke api key",
        "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    SETTLE_DISCREPANCY = Sql::both("settle discrepancy",
        "UPDATE discrepancies SET settled_at = $2, settled_by = $3, resolution = $4 \
         WHERE id = $1 AND settled_at IS NULL");
    PUT_AUDIT = Sql::both("put audit",
        "INSERT INTO audit (at, n, actor, action, target, detail) VALUES ($1, $2, $3, $4, $5, $6)");
    pub(super) BUMP = Sql::both("bump catalogue_revision", "UPDATE catalogue_revision SET revision = revision + 1 WHERE id = 1");
}

/// Writes the administrative part of a change, or says why it cannot be.
pub(super) async fn write(conn: &mut Conn, change: &Change, unique: &mut i64) -> Attempting<Result<(), Refusal>> {
    let mut catalogue = false;
    for write in &change.admin {
        catalogue |= !matches!(
            write,
            AdminWrite::AddStock { .. }
                | AdminWrite::PutCoupon(_)
                | AdminWrite::PutApiKey(_)
                | AdminWrite::RevokeApiKey { .. }
                | AdminWrite::SettleDiscrepancy(_)
                | AdminWrite::Audit(_)
        );
        if let Err(refusal) = one(conn, change, write, unique).await? {
            return Ok(Err(refusal));
        }
    }
    if catalogue {
        conn.execute(&BUMP, &[]).await?;
    }
    Ok(Ok(()))
}

async fn one(
    conn: &mut Conn,
    change: &Change,
    write: &AdminWrite,
    unique: &mut i64,
) -> Attempting<Result<(), Refusal>> {
    match write {
        AdminWrite::PutBusiness(business) => put_business(conn, business).await,
        AdminWrite::DeleteBusiness(code) => delete_business(conn, code).await,
        AdminWrite::PutSku(sku) => {
            let on_sale = i64::from(sku.on_sale).into();
            let shop = Value::OptText(sku.shop.as_ref().map(ShopId::as_str));
            let (business, code) = (sku.business.as_str().into(), sku.sku.as_str().into());
            conn.execute(&PUT_SKU, &[business, code, shop, on_sale, sku.facts.as_str().into()]).await?;
            Ok(Ok(()))
        }
        AdminWrite::AddStock { business, key, quantity } => add_stock(conn, business, key, *quantity).await,
        AdminWrite::PutSecret { business, name, sealed } => {
            let values = [business.as_str().into(), name.as_str().into(), sealed.as_slice().into()];
            conn.execute(&PUT_SECRET, &values).await?;
            Ok(Ok(()))
        }
        AdminWrite::DeleteSecret { business, name } => {
            let gone = conn.execute(&DELETE_SECRET, &[business.as_str().into(), name.as_str().into()]).await?;
            Ok(found(gone, || format!("business {business} has no secret {name}")))
        }
        AdminWrite::PutPlugin { version, component } => put_plugin(conn, version, component).await,
        AdminWrite::ActivatePlugin { business, digest } => activate(conn, business, digest).await,
        AdminWrite::PutCoupon(coupon) => {
            let business = Value::OptText(coupon.business.as_ref().map(BusinessCode::as_str));
            let free = i64::from(CouponState::Free.code()).into();
            let (code, buyer) = (coupon.code.as_str().into(), coupon.buyer.as_str().into());
            let values = [code, business, buyer, coupon.kind.as_str().into(), coupon.terms.as_str().into(), free];
            let written = conn.execute(&PUT_COUPON, &values).await?;
            Ok(found(written, || format!("coupon {} exists", coupon.code)))
        }
        AdminWrite::PutApiKey(key) => {
            let (id, principal) = (key.id.as_str().into(), key.principal.as_str().into());
            let values = [id, key.hash.as_slice().into(), principal, key.expires_at.into(), key.created_at.into()];
            let written = conn.execute(&PUT_API_KEY, &values).await?;
            Ok(found(written, || format!("API key {} exists", key.id)))
        }
        AdminWrite::RevokeApiKey { id } => {
            let revoked = conn.execute(&REVOKE_API_KEY, &[id.as_str().into(), change.at.into()]).await?;
            Ok(found(revoked, || format!("there is no API key {id}")))
        }
        AdminWrite::SettleDiscrepancy(settled) => {
            let (id, by) = (settled.id.as_str().into(), settled.by.as_str().into());
            let values = [id, change.at.into(), by, settled.resolution.as_str().into()];
            let updated = conn.execute(&SETTLE_DISCREPANCY, &values).await?;
            Ok(found(updated, || format!("there is no open difference {}", settled.id)))
        }
        AdminWrite::PutPaymentAccount(account) => accounts::put(conn, account).await,
        AdminWrite::DeletePaymentAccount { method, account } => accounts::delete(conn, method, account).await,
        AdminWrite::Audit(audit) => put_audit(conn, audit, unique).await,
    }
}

pub(super) fn found(rows: u64, otherwise: impl FnOnce() -> String) -> Result<(), Refusal> {
    if rows > 0 { Ok(()) } else { Err(Refusal::Admin(otherwise())) }
}

pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

async fn put_business(conn: &mut Conn, business: &Business) -> Attempting<Result<(), Refusal>> {
    let (kinds, rules) = (json(&business.kinds), json(&business.rules));
    let (settings, grant) = (json(&business.settings), json(&business.grant));
    let active = Value::OptBytes(business.active.as_ref().map(|digest| digest.0.as_slice()));
    let (code, name) = (business.code.as_str().into(), business.name.as_str().into());
    let (kinds, rules, settings) = (kinds.as_str().into(), rules.as_str().into(), settings.as_str().into());
    let enabled = i64::from(business.enabled).into();
    let values = [code, name, kinds, rules, settings, grant.as_str().into(), active, enabled];
    conn.execute(&PUT_BUSINESS, &values).await?;
    Ok(Ok(()))
}

async fn delete_business(conn: &mut Conn, code: &BusinessCode) -> Attempting<Result<(), Refusal>> {
    if let Some(row) = conn.fetch(&ORDER_OF_BUSINESS, &[code.as_str().into()]).await?.first() {
        let no = row.int(0)?;
        return Ok(Err(Refusal::Admin(format!("business {code} has orders, such as {no}: disable it instead"))));
    }
    let gone = conn.execute(&DELETE_BUSINESS, &[code.as_str().into()]).await?;
    Ok(found(gone, || format!("there is no business {code}")))
}

async fn add_stock(
    conn: &mut Conn,
    business: &BusinessCode,
    key: &StockKey,
    quantity: i64,
) -> Attempting<Result<(), Refusal>> {
    let row: [Value<'_>; 2] = [business.as_str().into(), key.as_str().into()];
    if quantity >= 0 {
        conn.execute(&NEW_STOCK, &row).await?;
    }
    let written = conn.execute(&ADD_STOCK, &[row[0], row[1], quantity.into()]).await?;
    Ok(found(written, || format!("business {business} has not {} of stock {key}", quantity.saturating_neg())))
}

async fn put_plugin(conn: &mut Conn, version: &PluginVersion, component: &[u8]) -> Attempting<Result<(), Refusal>> {
    let report = json(&version.report);
    let state = i64::from(version.state.code()).into();
    let values = [
        version.business.as_str().into(),
        version.digest.0.as_slice().into(),
        version.size.into(),
        version.contract.as_str().into(),
        state,
        version.uploaded_by.as_str().into(),
        version.uploaded_at.into(),
        report.as_str().into(),
        component.into(),
    ];
    conn.execute(&PUT_PLUGIN, &values).await?;
    Ok(Ok(()))
}

async fn activate(conn: &mut Conn, business: &BusinessCode, digest: &Digest) -> Attempting<Result<(), Refusal>> {
    if conn.fetch(&BUSINESS, &[business.as_str().into()]).await?.is_empty() {
        return Ok(Err(Refusal::Admin(format!("there is no business {business}"))));
    }
    let state = |state: PluginState| Value::Int(state.code().into());
    let code = business.as_str().into();
    conn.execute(&DRAIN, &[code, state(PluginState::Draining), state(PluginState::Active)]).await?;
    let active = conn.execute(&ACTIVATE, &[code, digest.0.as_slice().into(), state(PluginState::Active)]).await?;
    if active == 0 {
        return Ok(Err(Refusal::Admin(format!("business {business} has no plugin {digest}"))));
    }
    conn.execute(&SET_ACTIVE, &[code, digest.0.as_slice().into()]).await?;
    Ok(Ok(()))
}

async fn put_audit(conn: &mut Conn, audit: &Audit, unique: &mut i64) -> Result<Result<(), Refusal>, StoreError> {
    let (actor, action) = (audit.actor.as_str().into(), audit.action.as_str().into());
    let (target, detail) = (audit.target.as_str().into(), audit.detail.as_str().into());
    conn.execute(&PUT_AUDIT, &[audit.at.into(), next(unique).into(), actor, action, target, detail]).await?;
    Ok(Ok(()))
}
