//! The line's settings and the catalogue's facts, as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hookline_sdk::prelude::*;

/// `supplier_url` is required; the rest has defaults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address of the supplier, without a slash at the end.
    pub(crate) supplier_url: String,
    #[serde(default = "ten_minutes")]
    pub(crate) pay_timeout_s: u32,
    #[serde(default = "hour")]
    pub(crate) ship_within_s: u32,
    /// From ticketing to automatic receipt; without it a day after departure.
    pub(crate) auto_receive_s: Option<u32>,
    #[serde(default = "hour")]
    pub(crate) aftersale_window_s: u32,
    /// No sale later than this before departure.
    #[serde(default = "hour")]
    pub(crate) closes_s: u32,
    /// Pause between two looks at a ticketing.
    #[serde(default = "poll")]
    pub(crate) poll_s: u32,
    /// When a person must look at a ticketing that is still pending.
    #[serde(default = "half_an_hour")]
    pub(crate) give_up_s: u32,
}

const fn ten_minutes() -> u32 {
    600
}
const fn hour() -> u32 {
    3_600
}
const fn half_an_hour() -> u32 {
    1_800
}
const fn poll() -> u32 {
    5
}

/// What the catalogue says of a SKU: one flight on one day.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts<'a> {
    #[serde(borrow)]
    pub(crate) title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) picture: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) flight: Cow<'a, str>,
    /// Milliseconds since 1970-01-01 UTC.
    pub(crate) departs_at: Millis,
    /// Taxes and charges of one passenger.
    #[serde(default)]
    pub(crate) tax: Minor,
    #[serde(borrow)]
    pub(crate) fares: BTreeMap<&'a str, Fare>,
}

/// A fare class.
#[derive(Debug, Deserialize)]
pub(crate) struct Fare {
    pub(crate) price: Minor,
    /// Parts of the fare that are kept, in percent.
    #[serde(default = "whole")]
    pub(crate) refund_fee_percent: u32,
    #[serde(default = "whole")]
    pub(crate) change_fee_percent: u32,
}

const fn whole() -> u32 {
    100
}
