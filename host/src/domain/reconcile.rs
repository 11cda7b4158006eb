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
        /// The provider declared a refund finally failed.
        RefundFailed = 4, "refund_failed";
        /// The provider needs a person to finish a refund.
        RefundStuck = 5, "refund_stuck";
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

/// A day of a provider's book and how far its comparison got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookDay {
    /// Whose book.
    pub method: PaymentMethod,
    /// Of which account.
    pub account: MerchantAccount,
    /// `YYYY-MM-DD` in the provider's time.
    pub day: String,
    /// When it was last worked on.
    pub compared_at: Millis,
    /// Entries looked at.
    pub entries: i64,
    /// Differences found among them.
    pub differences: i64,
    /// How far it is.
    pub outcome: BookOutcome,
}

/// How far a day's comparison is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookOutcome {
    /// Done, with the provider's list.
    Compared,
    /// Done, with a file that an operator gave.
    Uploaded,
    /// Done: there is no list, each of our payments and refunds was asked for.
    Queried,
    /// Asking; the next after this payment or refund number.
    Querying(String),
    /// To be tried again: first the number after which it goes on (`-` for the first), a space, then why.
    Later(String),
}

impl BookOutcome {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Compared | Self::Uploaded | Self::Queried => true,
            Self::Querying(_) | Self::Later(_) => false,
        }
    }
}

impl std::fmt::Display for BookOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Compared => f.write_str("compared"),
            Self::Uploaded => f.write_str("uploaded"),
            Self::Queried => f.write_str("queried"),
            Self::Querying(after) => write!(f, "querying:{after}"),
            Self::Later(why) => write!(f, "later:{why}"),
        }
    }
}

impl TryFrom<String> for BookOutcome {
    type Error = super::ids::BadText;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bad =
            super::ids::BadText { kind: "outcome", expected: "compared, uploaded, queried, querying:… or later:…" };
        match (text.as_str(), text.split_once(':')) {
            ("compared", _) => Ok(Self::Compared),
            ("uploaded", _) => Ok(Self::Uploaded),
            ("queried", _) => Ok(Self::Queried),
            (_, Some(("querying", after))) => Ok(Self::Querying(after.to_owned())),
            (_, Some(("later", why))) => Ok(Self::Later(why.to_owned())),
            _ => Err(bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_back_as_written() {
        use BookOutcome::{Compared, Later, Queried, Querying, Uploaded};
        for outcome in [Compared, Uploaded, Queried, Querying("P7".into()), Later("503: busy".into())] {
            assert_eq!(BookOutcome::try_from(outcome.to_string()), Ok(outcome));
        }
        assert!(BookOutcome::try_from("done".to_owned()).is_err());
    }
}
