//! Payments and refunds.

use serde::{Deserialize, Serialize};

use super::ids::{AftersaleNo, MerchantAccount, Millis, OrderNo, PaymentMethod, PaymentNo, RefundNo};
use super::money::{Currency, Minor};
use super::order::coded;

coded!(
    /// The state of one attempt to pay.
    PaymentStatus {
        /// Offered to the buyer.
        Pending = 0, "pending";
        /// The money arrived.
        Succeeded = 1, "succeeded";
        /// The provider said no.
        Failed = 2, "failed";
        /// Ended unpaid.
        Closed = 3, "closed";
        /// The wrong amount or currency arrived; a person settles it.
        Disputed = 4, "disputed";
    }
);

/// One attempt to pay a pay order. Written under the pay order's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Our reference at the provider.
    pub no: PaymentNo,
    /// What it pays.
    pub pay_no: OrderNo,
    /// How.
    pub method: PaymentMethod,
    /// Our account at the provider; [`MerchantAccount::own`] for the wallet and the sandbox.
    pub account: MerchantAccount,
    /// What the provider is to take (the balance part excluded).
    pub amount: Minor,
    /// Held in the wallet for this payment, captured when it succeeds.
    pub balance: Minor,
    /// Of both.
    pub currency: Currency,
    /// State.
    pub status: PaymentStatus,
    /// The provider's name for the open payment, where it gives one before money moves (PayPal's order id).
    pub handle: Option<String>,
    /// The provider's reference of the money that moved.
    pub trade_no: Option<String>,
    /// What arrived, where it is not what was asked for.
    pub arrived: Option<Arrived>,
    /// When it was made.
    pub created_at: Millis,
    /// When the money arrived.
    pub paid_at: Option<Millis>,
    /// When it stopped being open.
    pub ended_at: Option<Millis>,
    /// When the provider stops taking it.
    pub expires_at: Option<Millis>,
    /// What the buyer's application needs to pay.
    pub offer: PayOffer,
}

impl Payment {
    /// Whether the buyer can still pay it.
    pub fn is_open(&self) -> bool {
        self.status == PaymentStatus::Pending
    }

    /// Whether the provider was told of it and said how it is paid.
    pub fn is_offered(&self) -> bool {
        self.offer != PayOffer::default()
    }

    /// Both parts, minor units.
    pub fn total(&self) -> Minor {
        self.amount.saturating_add(self.balance)
    }
}

/// Money as a provider named it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Minor units.
    pub amount: Minor,
    /// ISO 4217 as sent; perhaps none that we know.
    pub currency: String,
}

/// How the buyer pays: at least one of the three for a provider, none for the wallet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayOffer {
    /// A page to open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_url: Option<String>,
    /// The text of a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// For the provider's own kit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_params: Option<serde_json::Value>,
}

coded!(
    /// Where refunded value goes.
    Way {
        /// Back through the provider of the payment.
        Provider = 0, "provider";
        /// Into the wallet.
        Balance = 1, "balance";
        /// Coins into the wallet.
        Coins = 2, "coins";
    }
);
coded!(
    /// The state of a refund.
    RefundStatus {
        /// Owed.
        Pending = 0, "pending";
        /// Done.
        Succeeded = 1, "succeeded";
        /// The provider declared it finally failed.
        Failed = 2, "failed";
    }
);

/// One refund in one way. Written under the pay order's version. It keeps its number for life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Our reference at the provider.
    pub no: RefundNo,
    /// The pay order it belongs to.
    pub pay_no: OrderNo,
    /// The shop order it undoes; none when a whole payment goes back (late success).
    pub shop_no: Option<OrderNo>,
    /// The after-sale that asked for it, if one did.
    pub aftersale_no: Option<AftersaleNo>,
    /// The payment it goes against; none for coins.
    pub payment_no: Option<PaymentNo>,
    /// Where to.
    pub way: Way,
    /// Minor units, or a count for coins; above zero.
    pub amount: i64,
    /// State.
    pub status: RefundStatus,
    /// Why, for people.
    pub reason: String,
    /// What of which line, in this way.
    pub lines: Vec<RefundLine>,
    /// How often the provider was asked.
    pub attempts: i64,
    /// A failed refund is made up for by another one under a new number.
    pub replaced_by: Option<RefundNo>,
    /// When it was decided.
    pub created_at: Millis,
    /// When it was done.
    pub succeeded_at: Option<Millis>,
}

impl Refund {
    /// Whether the buyer still waits for it: pending, or failed and not replaced.
    pub fn is_owed(&self) -> bool {
        match self.status {
            RefundStatus::Pending => true,
            RefundStatus::Failed => self.replaced_by.is_none(),
            RefundStatus::Succeeded => false,
        }
    }

    /// Whether it counts against what can be refunded: done, or still owed.
    pub fn counts(&self) -> bool {
        self.status == RefundStatus::Succeeded || self.is_owed()
    }
}

/// The part of a refund that concerns one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The item order; none for freight.
    pub item_no: Option<OrderNo>,
    /// Units that go back with it; counted once per line, in the first way.
    pub quantity: u32,
    /// Minor units or coins.
    pub amount: i64,
}

/// A step in the life of a payment or of a refund against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentLog {
    /// The pay order.
    pub pay_no: OrderNo,
    /// The payment.
    pub payment_no: PaymentNo,
    /// `open`, `offered`, `succeeded`, `closed`, `refund_owed`, `refunded`, …
    pub step: String,
    /// Who: `buyer:…`, `callback:alipay`, `timer:query`, …
    pub actor: String,
    /// For people.
    pub note: String,
    /// When.
    pub at: Millis,
}
