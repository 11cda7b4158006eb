//! What operators set up: business lines, their SKUs, plugin versions, secrets.

use serde::{Deserialize, Serialize};

use super::ids::{
    BusinessCode, BuyerId, CouponCode, Digest, MerchantAccount, Millis, PaymentMethod, ShopId, SkuId, StockKey,
};
use super::order::{Reserving, StockMode, coded};
use super::reconcile::Settled;
use super::resource::Unit;

/// A registered business line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Its code.
    pub code: BusinessCode,
    /// For people.
    pub name: String,
    /// Order types it owns.
    pub kinds: Vec<i32>,
    /// What the platform itself follows.
    pub rules: LineRules,
    /// A JSON object that every hook gets.
    pub settings: serde_json::Value,
    /// What its plugins may do and use.
    pub grant: Grant,
    /// The version new orders are priced by.
    pub active: Option<Digest>,
    /// Whether new orders are taken.
    pub enabled: bool,
}

/// What the platform follows for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineRules {
    /// Accepted payment methods.
    pub methods: Vec<String>,
    /// How stock moves.
    pub stock: StockMode,
    /// Milliseconds until an order that should have gone on is forwarded again.
    pub compensate_ms: Millis,
    /// Milliseconds an early event may wait.
    pub park_ms: Millis,
    /// Technical fee in basis points (1/10,000) of what a shop order earns.
    pub technical_fee_bp: u32,
    /// Promotion fee in basis points.
    pub promotion_fee_bp: u32,
    /// When stock is held for an order.
    pub reserving: Reserving,
    /// Whether the outside fulfilment service is told of packages (`FULFILLMENT_SERVICE_URL`).
    pub fulfilment: bool,
    /// Carriers' node codes that deliver the shipment, such as `DELIVERED`; none leaves it to notices.
    pub delivered_codes: Vec<String>,
    /// Milliseconds that the buyer can put off the automatic receipt, once; 0 forbids it.
    pub receive_extension_ms: Millis,
    /// Milliseconds after receipt in which an item can be rated.
    pub rating_window_ms: Millis,
    /// Milliseconds after which a silent merchant has agreed to an after-sale.
    pub aftersale_decide_ms: Millis,
    /// Milliseconds after which a silent buyer has dropped a rejected after-sale, or one whose goods should come back.
    pub aftersale_buyer_ms: Millis,
    /// Milliseconds after which goods on their way back count as taken back.
    pub aftersale_confirm_ms: Millis,
}

const DAY_MS: Millis = 86_400_000;

impl Default for LineRules {
    fn default() -> Self {
        Self {
            methods: vec!["sandbox".into(), "balance".into()],
            stock: StockMode::Reserve,
            compensate_ms: 20_000,
            park_ms: 86_400_000,
            technical_fee_bp: 0,
            promotion_fee_bp: 0,
            reserving: Reserving::AtCreate,
            fulfilment: false,
            delivered_codes: vec![],
            receive_extension_ms: 3 * DAY_MS,
            rating_window_ms: 30 * DAY_MS,
            aftersale_decide_ms: 2 * DAY_MS,
            aftersale_buyer_ms: 7 * DAY_MS,
            aftersale_confirm_ms: 10 * DAY_MS,
        }
    }
}

/// What the plugins of a line may use beyond the defaults. None leaves a default as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grant {
    /// Origins its calls may reach, such as `https://supplier.example`.
    pub origins: Vec<String>,
    /// Largest component, KiB.
    pub component_kib: Option<u32>,
    /// Memory of an instance, MiB.
    pub memory_mib: Option<u32>,
    /// Fuel of a call.
    pub fuel: Option<u64>,
    /// Wall time of a quote, milliseconds.
    pub quote_ms: Option<u32>,
    /// Wall time of any other hook, milliseconds.
    pub hook_ms: Option<u32>,
    /// Calls and waits of one hook.
    pub calls: Option<u32>,
    /// Limits for interpreted languages.
    pub interpreted: bool,
}

/// What a line sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sku {
    /// Whose.
    pub business: BusinessCode,
    /// Its code.
    pub sku: SkuId,
    /// The shop that sells it; none for every shop of the line.
    pub shop: Option<ShopId>,
    /// Whether it can be bought.
    pub on_sale: bool,
    /// What the plugin prices it by: a JSON object of at most 8 KiB, as text.
    pub facts: String,
}

coded!(
    /// The life of a plugin version.
    PluginState {
        /// Checked and compiled.
        Ready = 0, "ready";
        /// Prices new orders.
        Active = 1, "active";
        /// Only its open orders use it.
        Draining = 2, "draining";
        /// No order uses it.
        Retired = 3, "retired";
    }
);

/// A plugin version without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginVersion {
    /// Whose.
    pub business: BusinessCode,
    /// Its name.
    pub digest: Digest,
    /// Bytes.
    pub size: i64,
    /// The contract it was built for.
    pub contract: String,
    /// Where it is in its life.
    pub state: PluginState,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: Millis,
    /// What the upload checks found, JSON.
    pub report: serde_json::Value,
}

/// A coupon as issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its code.
    pub code: CouponCode,
    /// The line that issued it; none for the platform's.
    pub business: Option<BusinessCode>,
    /// Whose it is.
    pub buyer: BuyerId,
    /// What the plugin makes of it.
    pub kind: String,
    /// A JSON object as text.
    pub terms: String,
}

/// One of our accounts at a payment provider, as operators set it up. One line has at most one enabled account of a
/// method; the pair (method, account) decides what can be paid together.
#[derive(Debug, Clone, PartialEq)]
pub struct PaymentAccount {
    /// Which provider.
    pub method: PaymentMethod,
    /// Its name, for ever: payments keep it.
    pub account: MerchantAccount,
    /// The lines whose orders are paid through it.
    pub businesses: Vec<BusinessCode>,
    /// Where the provider is, without a slash at the end; none for the method's own address.
    pub base_url: Option<String>,
    /// What is no secret, as the provider takes it: a JSON object.
    pub settings: serde_json::Value,
    /// Its secrets by name, one JSON object, sealed.
    pub sealed: Vec<u8>,
    /// Whether new payments are opened at it. Callbacks, queries and refunds of earlier ones go on.
    pub enabled: bool,
    /// The last write.
    pub updated_at: Millis,
}

/// A write of an operator. Each goes with an audit row.
#[derive(Debug, Clone, PartialEq)]
pub enum AdminWrite {
    /// Register a line, or replace its settings.
    PutBusiness(Business),
    /// Take a line out that never had an order.
    DeleteBusiness(BusinessCode),
    /// Add or replace a SKU.
    PutSku(Sku),
    /// Add (or with a negative quantity take away) available stock; the row is made when it is not there.
    AddStock {
        /// Whose.
        business: BusinessCode,
        /// Of what.
        key: StockKey,
        /// How many; `available` never falls below zero.
        quantity: i64,
    },
    /// Store a sealed secret.
    PutSecret {
        /// Whose.
        business: BusinessCode,
        /// Its name.
        name: String,
        /// Sealed.
        sealed: Vec<u8>,
    },
    /// Delete a secret.
    DeleteSecret {
        /// Whose.
        business: BusinessCode,
        /// Its name.
        name: String,
    },
    /// Keep a checked component.
    PutPlugin {
        /// About it.
        version: PluginVersion,
        /// Its bytes.
        component: Vec<u8>,
    },
    /// Make a version the active one; the old active one drains.
    ActivatePlugin {
        /// Whose.
        business: BusinessCode,
        /// Which.
        digest: Digest,
    },
    /// Issue a coupon.
    PutCoupon(Coupon),
    /// Keep an API key's hash.
    PutApiKey(ApiKey),
    /// End an API key.
    RevokeApiKey {
        /// Its public id.
        id: String,
    },
    /// Settle a difference between a provider's book and ours, once.
    SettleDiscrepancy(Settled),
    /// Set up an account at a payment provider, or replace it. Refused as [`Refusal::AccountTaken`] while one of its
    /// lines has another enabled account of the method.
    ///
    /// [`Refusal::AccountTaken`]: super::change::Refusal::AccountTaken
    PutPaymentAccount(PaymentAccount),
    /// Delete one at which no payment was ever opened.
    DeletePaymentAccount {
        /// Which provider.
        method: PaymentMethod,
        /// Which account.
        account: MerchantAccount,
    },
    /// Clear the attention mark is an order change; this only records who did what.
    Audit(Audit),
}

/// An API key as kept: only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Public id, the look-up key.
    pub id: String,
    /// HMAC of the secret part.
    pub hash: Vec<u8>,
    /// The principal it stands for, JSON.
    pub principal: String,
    /// When it ends.
    pub expires_at: Millis,
    /// When it was made.
    pub created_at: Millis,
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Who.
    pub actor: String,
    /// What, such as `plugin.activate`.
    pub action: String,
    /// To what.
    pub target: String,
    /// Details as JSON text.
    pub detail: String,
    /// When.
    pub at: Millis,
}

/// A wallet balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Whose.
    pub buyer: BuyerId,
    /// Of what.
    pub unit: Unit,
    /// Can be spent.
    pub available: i64,
    /// Held for orders.
    pub held: i64,
}
