//! Arithmetic on minor units: whole numbers only, and an overflow is an error.

use crate::types::Minor;

/// An amount left the range of a signed 64-bit count of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

/// The price of `quantity` units.
pub fn times(price: Minor, quantity: u32) -> Result<Minor, Overflow> {
    price.checked_mul(i64::from(quantity)).ok_or(Overflow)
}

/// The sum of two amounts.
pub fn add(left: Minor, right: Minor) -> Result<Minor, Overflow> {
    left.checked_add(right).ok_or(Overflow)
}

/// The sum of many amounts.
pub fn sum(amounts: impl IntoIterator<Item = Minor>) -> Result<Minor, Overflow> {
    amounts.into_iter().try_fold(0, add)
}

/// `amount × numerator ÷ denominator`, rounded towards zero. A denominator of 0 is an overflow.
pub fn ratio(amount: Minor, numerator: i64, denominator: i64) -> Result<Minor, Overflow> {
    let exact = i128::from(amount) * i128::from(numerator);
    let rounded = exact.checked_div(i128::from(denominator)).ok_or(Overflow)?;
    i64::try_from(rounded).map_err(|_| Overflow)
}

/// So many percent of an amount, rounded towards zero.
pub fn percent(amount: Minor, percent: u32) -> Result<Minor, Overflow> {
    ratio(amount, i64::from(percent), 100)
}

/// So many hundredths of a percent of an amount, rounded towards zero.
pub fn basis_points(amount: Minor, points: u32) -> Result<Minor, Overflow> {
    ratio(amount, i64::from(points), 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_round_towards_zero() {
        assert_eq!(percent(199, 50), Ok(99));
        assert_eq!(percent(-199, 50), Ok(-99));
        assert_eq!(basis_points(10_000, 625), Ok(625));
    }

    #[test]
    fn the_largest_amount_has_its_percents() {
        assert_eq!(percent(i64::MAX, 100), Ok(i64::MAX));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(times(i64::MAX, 2), Err(Overflow));
        assert_eq!(sum([i64::MAX, 1]), Err(Overflow));
        assert_eq!(percent(i64::MAX, 101), Err(Overflow));
        assert_eq!(ratio(1, 1, 0), Err(Overflow));
    }
}
