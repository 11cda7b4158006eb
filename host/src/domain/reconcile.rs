//! Where a provider's book and ours differ, and how each difference was settled.

use serde::{Deserialize, Serialize};

use super::ids::{MerchantAccount, Millis, PaymentMethod, PaymentNo, RefundNo};
use super::money::Minor;
use super::order::coded;

coded!(
    /// How the books differ.
    DiscrepancyKind {
        /// A verified notice named another amount or currency than the payment's own.
        WrongAmount = 0, "wrong_amount";
        /// The provider's book has it, ours has not.
        MissingHere = 1, "missing_here";
        /// Our book has it, the provider's has not.
        MissingThere = 2, "missing_there";
        /// Both have it, with different amounts.
        AmountDiffers = 3, "amount_differs";
        /// The provider declared a refund finally failed, or needs a person to finish it.
        RefundFailed = 4, "refund_failed";
    }
);

/// One difference. Unique by method, account, kind and reference: found again, it is the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Whose book.
    pub method: PaymentMethod,
    /// Of which account.
    pub account: MerchantAccount,
    /// How they differ.
    pub kind: DiscrepancyKind,
    /// What it is about: our payment or refund number, else the provider's reference.
    pub reference: String,
    /// Our payment, if there is one.
    pub payment_no: Option<PaymentNo>,
    /// Our refund, if it is about one.
    pub refund_no: Option<RefundNo>,
    /// The provider's reference.
    pub trade_no: Option<String>,
    /// Our amount, minor units.
    pub ours: Option<Minor>,
    /// The provider's.
    pub theirs: Option<Minor>,
    /// ISO 4217 as the provider names it, else ours.
    pub currency: String,
    /// The day of the book, `YYYY-MM-DD`.
    pub day: Option<String>,
    /// For people.
    pub note: String,
    /// When it was found.
    pub found_at: Millis,
}

impl Discrepancy {
    /// Its name: `<method>:<account>:<kind>:<reference>`.
    pub fn id(&self) -> String {
        Self::name(&self.method, &self.account, self.kind, &self.reference)
    }

    /// The name of a difference of these four.
    pub fn name(method: &PaymentMethod, account: &MerchantAccount, kind: DiscrepancyKind, reference: &str) -> String {
        format!("{method}:{account}:{kind}:{reference}")
    }
}

/// The end of a difference: who settled it, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// See [`Discrepancy::id`].
    pub id: String,
    /// Who.
    pub by: String,
    /// `refunded`, `accepted`, `recorded`, … and why, for people.
    pub resolution: String,
}
