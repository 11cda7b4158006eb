//! Freight by region and weight.

use hookline_sdk::money::Overflow;
use hookline_sdk::prelude::*;

use crate::settings::{Freight, Rate};

/// The freight of one shop's parcel. Without an address it is the standard rate, until the buyer gives one.
pub(crate) fn freight(
    freight: &Freight,
    address: Option<&Address>,
    worth: Minor,
    grams: u64,
) -> Result<Minor, Overflow> {
    if freight.free_over.is_some_and(|limit| worth >= limit) {
        return Ok(0);
    }
    let province = address.map_or("", |address| address.province.as_str());
    let region = freight.regions.iter().find(|region| region.provinces.iter().any(|name| name == province));
    region.map_or(&freight.standard, |region| &region.rate).price(grams)
}

impl Rate {
    fn price(&self, grams: u64) -> Result<Minor, Overflow> {
        let over = grams.saturating_sub(self.first_grams);
        if over == 0 {
            return Ok(self.first);
        }
        let steps = i64::try_from(over.div_ceil(self.step_grams.max(1))).map_err(|_| Overflow)?;
        money::add(self.first, self.step.checked_mul(steps).ok_or(Overflow)?)
    }
}
