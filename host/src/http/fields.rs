//! Numbers of request bodies that know their bounds, so that a wrong one is named with what was expected.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use utoipa::ToSchema;

use crate::domain::money::MAX_AMOUNT;

/// The largest quantity of one line.
pub(super) const QUANTITY_MAX: i64 = 1_000_000;

/// How many of a line, 1 to [`QUANTITY_MAX`].
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 1_000_000)]
pub(super) struct Quantity(pub u32);

/// Minor units or coins, 0 to 2^53 − 1.
#[derive(Clone, Copy, Debug, Default, ToSchema)]
#[schema(value_type = i64, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
pub(super) struct Amount(pub i64);

/// A difference, −(2^53 − 1) to 2^53 − 1.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = i64)]
pub(super) struct Difference(pub i64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let whole = from.deserialize_i64(Whole { least: 1, most: QUANTITY_MAX })?;
        u32::try_from(whole).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_i64(Whole { least: 0, most: MAX_AMOUNT }).map(Self)
    }
}

impl<'de> Deserialize<'de> for Difference {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_i64(Whole { least: -MAX_AMOUNT, most: MAX_AMOUNT }).map(Self)
    }
}

struct Whole {
    least: i64,
    most: i64,
}

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.least, self.most)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        if (self.least..=self.most).contains(&value) {
            Ok(value)
        } else {
            Err(E::invalid_value(Unexpected::Signed(value), &self))
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }
}
