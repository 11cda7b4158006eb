//! The line's settings and the catalogue's facts, as JSON.

use std::borrow::Cow;

use hookline_sdk::prelude::*;

/// `supplier_url` is required; the rest has defaults.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address of the carrier's gateway, without a slash at the end.
    pub(crate) supplier_url: String,
    #[serde(default = "ten_minutes")]
    pub(crate) pay_timeout_s: u32,
    #[serde(default = "hour")]
    pub(crate) ship_within_s: u32,
    #[serde(default = "hour")]
    pub(crate) auto_receive_s: u32,
    #[serde(default)]
    pub(crate) aftersale_window_s: u32,
    /// How long to wait for the signal before the gateway is asked.
    #[serde(default = "two_minutes")]
    pub(crate) result_wait_s: u32,
}

const fn ten_minutes() -> u32 {
    600
}
const fn hour() -> u32 {
    3_600
}
const fn two_minutes() -> u32 {
    120
}

/// What the catalogue says of a SKU.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts<'a> {
    #[serde(borrow)]
    pub(crate) title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) picture: Cow<'a, str>,
    /// What the phone gets.
    pub(crate) face: Minor,
    /// What the buyer pays; without it the face value.
    pub(crate) price: Option<Minor>,
    #[serde(borrow)]
    pub(crate) carrier: Cow<'a, str>,
    /// First digits of the carrier's numbers; without any, every mobile number is taken.
    #[serde(borrow, default)]
    pub(crate) prefixes: Vec<Cow<'a, str>>,
}
