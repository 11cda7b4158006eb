//! Exact decimal text to minor units and back. No float is near.

use crate::domain::money::{MAX_AMOUNT, Minor};

/// An amount of a currency with `exponent` decimal digits, as text: 1234 with 2 is `12.34`, with 0 it is `1234`.
pub(super) fn text(amount: Minor, exponent: u8) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let unit = 10_u64.pow(u32::from(exponent));
    let (whole, part) = (amount.unsigned_abs() / unit, amount.unsigned_abs() % unit);
    match exponent {
        0 => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{part:0width$}", width = usize::from(digits)),
    }
}

/// Minor units from text such as `12.34`, `12.3`, `12` or `-12`. None for anything else: a plus sign, spaces, an
/// exponent, a bare point, digits below the minor unit that are not zero, or an amount beyond [`MAX_AMOUNT`].
pub(super) fn minor(text: &str, exponent: u8) -> Option<Minor> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, part)) => (whole, part),
        None => (digits, ""),
    };
    let plain = |text: &str| text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) {
        return None;
    }
    let exponent = usize::from(exponent);
    let (counted, below) = part.split_at(part.len().min(exponent));
    if below.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let amount: Minor = format!("{whole}{counted:0<exponent$}").parse().ok()?;
    let amount = if negative { -amount } else { amount };
    (amount.abs() <= MAX_AMOUNT).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_read_by_the_currencys_exponent() {
        for (text, exponent, amount) in [
            ("0.10", 2, Some(10)),
            ("0.1", 2, Some(10)),
            ("12", 2, Some(1200)),
            ("12.340", 2, Some(1234)),
            ("12.345", 2, None),
            ("12.345", 3, Some(12_345)),
            ("1500", 0, Some(1500)),
            ("1500.00", 0, Some(1500)),
            ("1500.50", 0, None),
            ("-3.21", 2, Some(-321)),
            ("90071992547409.91", 2, Some(MAX_AMOUNT)),
            ("90071992547409.92", 2, None),
        ] {
            assert_eq!(minor(text, exponent), amount, "{text}");
        }
        for bad in ["", ".", "1.", ".5", "+1", " 1", "1 ", "1e2", "1,5", "--1", "１", "1.2.3", "0x10", "NaN"] {
            assert_eq!(minor(bad, 2), None, "{bad}");
        }
        assert_eq!(minor(&"0".repeat(100), 2), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(amount in -MAX_AMOUNT..=MAX_AMOUNT, exponent in 0_u8..=3) {
            prop_assert_eq!(minor(&text(amount, exponent), exponent), Some(amount));
        }
    }
}
