//! Money: whole minor units and the ISO 4217 table of exponents. No float, no silent overflow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::BadText;

/// Minor units of some currency. Arithmetic is `checked_*`; an overflow is an error of the decision.
pub type Minor = i64;

/// The largest amount JSON can carry to every client: 2^53 − 1.
pub const MAX_AMOUNT: Minor = (1 << 53) - 1;

/// An ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Codes with their exponents (ISO 4217:2015, active codes in use for payments).
const EXPONENTS: &[(&str, u8)] = &[
    ("AED", 2),
    ("ARS", 2),
    ("AUD", 2),
    ("BHD", 3),
    ("BRL", 2),
    ("CAD", 2),
    ("CHF", 2),
    ("CLP", 0),
    ("CNY", 2),
    ("COP", 2),
    ("CZK", 2),
    ("DKK", 2),
    ("EGP", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("HKD", 2),
    ("HUF", 2),
    ("IDR", 2),
    ("ILS", 2),
    ("INR", 2),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KES", 2),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("MOP", 2),
    ("MXN", 2),
    ("MYR", 2),
    ("NGN", 2),
    ("NOK", 2),
    ("NZD", 2),
    ("OMR", 3),
    ("PHP", 2),
    ("PKR", 2),
    ("PLN", 2),
    ("QAR", 2),
    ("RON", 2),
    ("RUB", 2),
    ("SAR", 2),
    ("SEK", 2),
    ("SGD", 2),
    ("THB", 2),
    ("TND", 3),
    ("TRY", 2),
    ("TWD", 2),
    ("UAH", 2),
    ("USD", 2),
    ("VND", 0),
    ("ZAR", 2),
];

impl Currency {
    /// The code, three capital letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimal digits of the minor unit: JPY 0, CNY 2, KWD 3.
    pub fn exponent(self) -> u8 {
        EXPONENTS.iter().find(|(code, _)| *code == self.as_str()).map_or(2, |(_, exponent)| *exponent)
    }
}

impl FromStr for Currency {
    type Err = BadText;
    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = BadText { kind: "currency", expected: "an ISO 4217 code such as CNY" };
        if !EXPONENTS.iter().any(|(code, _)| *code == text) {
            return Err(bad);
        }
        text.as_bytes().try_into().map(Self).map_err(|_| bad)
    }
}
impl TryFrom<String> for Currency {
    type Error = BadText;
    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}
impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}
impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A sum that left the range of money. A bug in a caller or nonsense from a plugin; nothing is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is out of range")]
pub struct Overflow;

/// The sum of amounts, or [`Overflow`].
pub fn sum(amounts: impl IntoIterator<Item = Minor>) -> Result<Minor, Overflow> {
    amounts.into_iter().try_fold(0_i64, i64::checked_add).filter(|s| s.abs() <= MAX_AMOUNT).ok_or(Overflow)
}

/// `amount × quantity`, or [`Overflow`].
pub fn times(amount: Minor, quantity: u32) -> Result<Minor, Overflow> {
    amount.checked_mul(i64::from(quantity)).filter(|p| p.abs() <= MAX_AMOUNT).ok_or(Overflow)
}

/// Divides `whole` over `weights` by largest remainder: the parts add up to `whole`, none is off by a unit or more,
/// ties go to the lower index, and no part exceeds its weight as long as `whole` does not exceed their sum.
///
/// Errors when `whole` or a weight is negative, or when `whole` exceeds the sum of the weights.
pub fn apportion(whole: Minor, weights: &[Minor]) -> Result<Vec<Minor>, Overflow> {
    let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    if whole < 0 || weights.iter().any(|w| *w < 0) || i128::from(whole) > total {
        return Err(Overflow);
    }
    if whole == 0 {
        return Ok(vec![0; weights.len()]);
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = i128::from(whole) * i128::from(*weight);
        parts.push(i64::try_from(product / total).map_err(|_| Overflow)?);
        remainders.push((product % total, index));
    }
    let missing = whole - parts.iter().sum::<i64>();
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, index) in remainders.into_iter().take(usize::try_from(missing).map_err(|_| Overflow)?) {
        parts[index] += 1;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exponents_are_those_of_iso_4217() {
        let exponent = |code: &str| code.parse::<Currency>().expect(code).exponent();
        assert_eq!((exponent("JPY"), exponent("CNY"), exponent("KWD")), (0, 2, 3));
        assert!("XXX".parse::<Currency>().is_err());
    }

    #[test]
    fn a_cent_left_over_goes_to_the_largest_remainder_then_to_the_first() {
        assert_eq!(apportion(100, &[1000, 1000, 1000]), Ok(vec![34, 33, 33]));
        assert_eq!(apportion(10, &[7, 4]), Ok(vec![6, 4]));
        assert_eq!(apportion(12, &[7, 4]), Err(Overflow));
    }

    proptest! {
        #[test]
        fn parts_add_up_stay_within_a_unit_and_never_exceed_their_line(
            weights in prop::collection::vec(0_i64..1_000_000_000, 1..40), part in 0_u32..=1000,
        ) {
            let total: i64 = weights.iter().sum();
            let whole = i64::try_from(i128::from(total) * i128::from(part) / 1000).unwrap();
            let parts = apportion(whole, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            for (share, weight) in parts.iter().zip(&weights) {
                prop_assert!(*share >= 0 && share <= weight);
                let exact = i128::from(whole) * i128::from(*weight);
                prop_assert!((i128::from(*share) * i128::from(total.max(1)) - exact).abs() < i128::from(total.max(1)));
            }
        }
    }
}
