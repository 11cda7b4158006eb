//! Names and numbers of things, each a type of its own that cannot hold a wrong value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = i64;

/// A text that is not what it should be. `Display` says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {expected}")]
pub struct BadText {
    /// What was being read, in the words of the API.
    pub kind: &'static str,
    /// What would have been accepted.
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Reads the text, or says what was expected.
            pub fn new(text: impl AsRef<str>) -> Result<Self, BadText> {
                let text = text.as_ref();
                let ok: fn(&str) -> bool = $ok;
                if ok(text) { Ok(Self(text.into())) } else { Err(BadText { kind: $kind, expected: $expected }) }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
        impl FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                Self::new(text)
            }
        }
    };
}

fn printable(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.chars().all(|c| !c.is_control())
}

fn code(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
        && text.as_bytes()[0].is_ascii_lowercase()
}

text_id!(
    /// Who buys. The platform knows a buyer only by this opaque name.
    BuyerId, "buyer", "1 to 64 printable characters", |t| printable(t, 64)
);
text_id!(
    /// Who sells: a shop of a marketplace.
    ShopId, "shop_id", "1 to 64 printable characters", |t| printable(t, 64)
);
text_id!(
    /// The code of a registered business line, such as `goods`.
    BusinessCode, "business", "1 to 32 of a-z, 0-9, - and _, beginning with a letter", |t| code(t, 32)
);
text_id!(
    /// What is sold: a SKU of a business line.
    SkuId, "sku_id", "1 to 64 printable characters", |t| printable(t, 64)
);
text_id!(
    /// What stock is counted by; often the SKU itself, or a part of it such as `room-12@2026-12-01`.
    StockKey, "stock key", "1 to 96 printable characters", |t| printable(t, 96)
);
text_id!(
    /// The name of a signal, as a hook waits for it.
    SignalName, "signal", "1 to 64 of a-z, 0-9, _, - and .",
    |t| !t.is_empty() && t.len() <= 64
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
);
text_id!(
    /// A coupon of a buyer.
    CouponCode, "coupon", "1 to 64 printable characters", |t| printable(t, 64)
);
text_id!(
    /// A way of paying: `sandbox`, `balance`, `none`, later `alipay`, …
    PaymentMethod, "payment_method", "1 to 32 of a-z, 0-9, - and _, beginning with a letter", |t| code(t, 32)
);
text_id!(
    /// One of our accounts at a payment provider, bound to business lines.
    MerchantAccount, "merchant account", "1 to 32 of a-z, 0-9, - and _, beginning with a letter", |t| code(t, 32)
);

impl MerchantAccount {
    /// The account of methods that need none: the wallet, the sandbox, nothing to pay.
    pub fn own() -> Self {
        Self(std::sync::Arc::from("default"))
    }
}

/// The SHA-256 of a component: the name of a plugin version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
        Self(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl FromStr for Digest {
    type Err = BadText;
    fn from_str(text: &str) -> Result<Self, BadText> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| BadText { kind: "digest", expected: "64 hexadecimal digits" })?;
        Ok(Self(bytes))
    }
}
impl TryFrom<String> for Digest {
    type Error = BadText;
    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}
impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// How many slots buyers are spread over.
pub const SLOTS: u16 = 1024;
/// How many groups of slots share a relay, a timer worker and a stream partition. Fixed for ever.
pub const SLOT_GROUPS: u16 = 16;

/// The first ten bits of SHA-256 of the buyer's name. All numbers of a buyer end in it, so any number finds its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(u16);

impl Slot {
    /// The slot of a buyer (or of a principal, for idempotency keys).
    pub fn of(name: &str) -> Self {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
        let bytes = hash.as_ref();
        Self((u16::from(bytes[0]) << 2) | u16::from(bytes[1] >> 6))
    }

    /// The slot a number carries in its last ten bits.
    pub fn of_number(number: i64) -> Self {
        Self(u16::try_from(number & 1023).unwrap_or(0))
    }

    /// 0 to 1023.
    pub fn index(self) -> u16 {
        self.0
    }

    /// The group that relays and timers lease, 0 to 15.
    pub fn group(self) -> u16 {
        self.0 / (SLOTS / SLOT_GROUPS)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub i64);

        impl $name {
            /// The slot that the number carries.
            pub fn slot(self) -> Slot {
                Slot::of_number(self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
        impl FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                let bad = BadText { kind: $kind, expected: concat!("'", $letter, "' and up to 19 decimal digits") };
                let digits = text.strip_prefix($letter).ok_or(bad.clone())?;
                if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(bad);
                }
                digits.parse().map(Self).map_err(|_| bad)
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(number: $name) -> Self {
                number.to_string()
            }
        }
    };
}

number!(
    /// The number of an order of any level: pay order (L1), shop order (L2) or item order (L3).
    OrderNo, "order_no", ""
);
number!(
    /// The number of one attempt to pay: our reference at the provider.
    PaymentNo, "payment_no", "P"
);
number!(
    /// The number of one refund: our reference at the provider for its whole life.
    RefundNo, "refund_no", "R"
);
number!(
    /// The number of one package or virtual delivery.
    ShipmentNo, "shipment_no", "S"
);
number!(
    /// The number of one after-sale: a refund, a return or an exchange.
    AftersaleNo, "aftersale_no", "A"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_written_and_refuse_all_else() {
        assert_eq!("P42".parse::<PaymentNo>(), Ok(PaymentNo(42)));
        assert_eq!(PaymentNo(42).to_string(), "P42");
        for bad in ["", "-1", "01", "1x", "9223372036854775808", " 1", "P1"] {
            assert!(bad.parse::<OrderNo>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slot_is_the_first_ten_bits_of_the_sha256_of_the_name() {
        // SHA-256("abc") = ba 78 …: 10111010 01
        assert_eq!(Slot::of("abc").index(), 0b10_1110_1001);
        assert_eq!(Slot::of("abc").group(), 11);
    }

    #[test]
    fn ids_refuse_control_characters_and_nul() {
        assert!(BuyerId::new("li\0lei").is_err());
        assert!(BuyerId::new("").is_err());
        assert!(BusinessCode::new("Goods").is_err());
        assert!(BusinessCode::new("goods").is_ok());
    }
}
