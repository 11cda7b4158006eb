//! Business lines, SKUs, plugin versions, secrets, API keys, coupons.

use crate::domain::catalogue::{ApiKey, Audit, Business, Coupon, PaymentAccount, PluginState, PluginVersion, Sku};
use crate::domain::ids::Digest;
use crate::domain::ids::OrderNo;
use crate::domain::resource::CouponState;
use crate::store::error::StoreError;
use crate::store::sql::{Reader, table};

table! {
    /// Business lines.
    pub(crate) BUSINESSES = "businesses" {
        code: Text, name: Text, kinds: Text, rules: Text, settings: Text, permit: Text, active: Bytes, enabled: Int,
    }
    /// What they sell.
    pub(crate) SKUS = "skus" { business: Text, sku: Text, shop: Text, on_sale: Int, facts: Text }
    /// Plugin versions without their bytes.
    pub(crate) PLUGINS = "plugins" {
        business: Text, digest: Bytes, size: Int, contract: Text, state: Int, uploaded_by: Text, uploaded_at: Int,
        report: Text,
    }
    /// API keys.
    pub(crate) API_KEYS = "api_keys" { id: Text, hash: Bytes, principal: Text, expires_at: Int, created_at: Int }
    /// Coupons.
    pub(crate) COUPONS = "coupons" {
        code: Text, business: Text, buyer: Text, kind: Text, terms: Text, state: Int, order_no: Int,
    }
    /// Accounts at payment providers.
    pub(crate) ACCOUNTS = "merchant_accounts" {
        method: Text, account: Text, businesses: Text, base_url: Text, settings: Text, sealed: Bytes, enabled: Int,
        updated_at: Int,
    }
    /// Who did what.
    pub(crate) AUDIT = "audit" { actor: Text, action: Text, target: Text, detail: Text, at: Int }
}

/// A coupon with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCoupon {
    /// As issued.
    pub coupon: Coupon,
    /// Where it is.
    pub state: CouponState,
    /// The order that holds or used it.
    pub order_no: Option<OrderNo>,
}

pub(crate) fn take_business(row: &mut Reader<'_>) -> Result<Business, StoreError> {
    let (code, name, kinds, rules, settings, grant) =
        (row.id()?, row.text()?, row.json()?, row.json()?, row.json()?, row.json()?);
    let active = row.opt_bytes()?.map(<[u8; 32]>::try_from).transpose().map_err(|_| row.bad("is not 32 bytes"))?;
    Ok(Business { code, name, kinds, rules, settings, grant, active: active.map(Digest), enabled: row.int()? != 0 })
}

pub(crate) fn take_sku(row: &mut Reader<'_>) -> Result<Sku, StoreError> {
    Ok(Sku { business: row.id()?, sku: row.id()?, shop: row.opt_id()?, on_sale: row.int()? != 0, facts: row.text()? })
}

pub(crate) fn take_plugin(row: &mut Reader<'_>) -> Result<PluginVersion, StoreError> {
    Ok(PluginVersion {
        business: row.id()?,
        digest: row.digest()?,
        size: row.int()?,
        contract: row.text()?,
        state: row.code(PluginState::from_code)?,
        uploaded_by: row.text()?,
        uploaded_at: row.int()?,
        report: row.json()?,
    })
}

pub(crate) fn take_api_key(row: &mut Reader<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.text()?,
        hash: row.bytes()?,
        principal: row.text()?,
        expires_at: row.int()?,
        created_at: row.int()?,
    })
}

pub(crate) fn take_coupon(row: &mut Reader<'_>) -> Result<StoredCoupon, StoreError> {
    let (code, business, buyer, kind, terms) = (row.id()?, row.opt_id()?, row.id()?, row.text()?, row.text()?);
    let coupon = Coupon { code, business, buyer, kind, terms };
    Ok(StoredCoupon { coupon, state: row.code(CouponState::from_code)?, order_no: row.opt_int()?.map(OrderNo) })
}

pub(crate) fn take_account(row: &mut Reader<'_>) -> Result<PaymentAccount, StoreError> {
    Ok(PaymentAccount {
        method: row.id()?,
        account: row.id()?,
        businesses: row.json()?,
        base_url: row.opt_text()?,
        settings: row.json()?,
        sealed: row.bytes()?,
        enabled: row.int()? != 0,
        updated_at: row.int()?,
    })
}

pub(crate) fn take_audit(row: &mut Reader<'_>) -> Result<Audit, StoreError> {
    Ok(Audit { actor: row.text()?, action: row.text()?, target: row.text()?, detail: row.text()?, at: row.int()? })
}
