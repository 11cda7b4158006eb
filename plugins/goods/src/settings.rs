//! The line's settings and the catalogue's facts, as JSON.

use std::borrow::Cow;

use hookline_sdk::prelude::*;

/// Every field has a default: `{}` is a line with free shipping by a warehouse.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) pay_timeout_s: u32,
    pub(crate) ship_within_s: u32,
    pub(crate) auto_receive_s: u32,
    pub(crate) aftersale_window_s: u32,
    pub(crate) auto_waybill: Option<AutoWaybill>,
    /// The part of what is left to pay that coins may pay, in percent.
    pub(crate) coins_percent: u32,
    pub(crate) freight: Option<Freight>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pay_timeout_s: 1_800,
            ship_within_s: 2 * 86_400,
            auto_receive_s: 10 * 86_400,
            aftersale_window_s: 10 * 86_400,
            auto_waybill: None,
            coins_percent: 0,
            freight: None,
        }
    }
}

/// Ships at once, under a waybill made of the order's number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutoWaybill {
    pub(crate) carrier: String,
}

/// What a parcel costs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Freight {
    pub(crate) standard: Rate,
    /// Goods of this worth, after discounts, travel free.
    pub(crate) free_over: Option<Minor>,
    /// Other rates for provinces.
    #[serde(default)]
    pub(crate) regions: Vec<Region>,
}

/// The price of a weight: `first` up to `first_grams`, then `step` for each `step_grams` begun.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    pub(crate) first: Minor,
    pub(crate) first_grams: u64,
    pub(crate) step: Minor,
    pub(crate) step_grams: u64,
}

/// Provinces with a rate of their own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Region {
    pub(crate) provinces: Vec<String>,
    pub(crate) rate: Rate,
}

/// What the catalogue says of a SKU.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts<'a> {
    #[serde(borrow)]
    pub(crate) title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) picture: Cow<'a, str>,
    /// List price of one unit.
    pub(crate) price: Minor,
    #[serde(borrow)]
    pub(crate) currency: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) grams: u32,
    /// Tax on the discounted line, in hundredths of a percent.
    #[serde(default)]
    pub(crate) tax_bp: u32,
    pub(crate) max_quantity: Option<u32>,
    #[serde(default)]
    pub(crate) off_sale: bool,
    #[serde(default)]
    pub(crate) breaks: Vec<Break>,
}

/// From so many units on, one costs less.
#[derive(Debug, Deserialize)]
pub(crate) struct Break {
    pub(crate) from: u32,
    pub(crate) price: Minor,
}

impl Facts<'_> {
    /// The price of one unit when so many are bought: the lowest that is reached.
    pub(crate) fn unit_price(&self, quantity: u32) -> Minor {
        let reached = self.breaks.iter().filter(|step| step.from <= quantity).map(|step| step.price);
        reached.fold(self.price, Minor::min)
    }

    /// Whether an amount is below zero, which no catalogue means.
    pub(crate) fn is_negative(&self) -> bool {
        self.price < 0 || self.breaks.iter().any(|step| step.price < 0)
    }
}
