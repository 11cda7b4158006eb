//! Which currencies the provider takes, and how it writes amounts.

use crate::domain::money::{Currency, Minor};
use crate::payment::decimal;

/// The provider's list. BRL, CNY and MYR it takes for accounts in their own country only, and says so itself.
const TAKEN: &[&str] = &[
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
];
/// Sent without decimals, whatever ISO 4217 says.
const WHOLE: &[&str] = &["HUF", "JPY", "TWD"];

/// An amount as the provider writes it, or why it cannot be sent.
pub(super) fn written(currency: Currency, amount: Minor) -> Result<String, String> {
    if !TAKEN.contains(&currency.as_str()) {
        return Err(format!("PayPal does not take {currency}; it takes {}", TAKEN.join(", ")));
    }
    if amount <= 0 {
        return Err("PayPal takes amounts above zero only".into());
    }
    let exponent = currency.exponent();
    if !WHOLE.contains(&currency.as_str()) {
        return Ok(decimal::text(amount, exponent));
    }
    let unit = 10_i64.pow(u32::from(exponent));
    if amount % unit != 0 {
        return Err(format!("PayPal takes {currency} in whole units only: {amount} is not divisible by {unit}"));
    }
    Ok(decimal::text(amount / unit, 0))
}

/// Minor units of an amount that the provider wrote. A currency we do not know is read with two decimals: whoever
/// compares it finds it different anyway.
pub(super) fn read(currency: &str, value: &str) -> Option<Minor> {
    decimal::minor(value, currency.parse::<Currency>().map_or(2, Currency::exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_the_provider_wants_them() {
        for (code, amount, wanted) in [
            ("USD", 1234, Some("12.34")),
            ("EUR", 5, Some("0.05")),
            ("JPY", 1500, Some("1500")),
            ("HUF", 150_000, Some("1500")),
            ("HUF", 150_050, None),
            ("TWD", 100, Some("1")),
            ("TWD", 1, None),
            ("KWD", 1000, None),
            ("USD", 0, None),
            ("USD", -1, None),
        ] {
            let currency: Currency = code.parse().expect(code);
            assert_eq!(written(currency, amount).ok().as_deref(), wanted, "{code} {amount}");
            if let Some(text) = wanted {
                assert_eq!(read(code, text), Some(amount), "{code} {text}");
            }
        }
    }

    #[test]
    fn every_currency_of_the_list_is_known() {
        for code in TAKEN {
            assert!(code.parse::<Currency>().is_ok(), "{code}");
        }
        assert_eq!(read("HUF", "1500.00"), Some(150_000));
        assert_eq!(read("JPY", "1500.5"), None);
    }
}
