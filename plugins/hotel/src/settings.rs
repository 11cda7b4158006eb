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
    #[serde(default = "pay_timeout")]
    pub(crate) pay_timeout_s: u32,
    #[serde(default = "day")]
    pub(crate) ship_within_s: u32,
    /// From booking to automatic receipt; without it the day after check-out.
    pub(crate) auto_receive_s: Option<u32>,
    #[serde(default = "day")]
    pub(crate) aftersale_window_s: u32,
    /// Minutes east of UTC of the hotels' clock.
    #[serde(default = "utc_plus_8")]
    pub(crate) utc_offset_min: i32,
    /// The hour of the first day at which rooms are ready, from which fees are counted back.
    #[serde(default = "afternoon")]
    pub(crate) checkin_hour: u8,
    #[serde(default = "month")]
    pub(crate) max_nights: u32,
    /// Each room needs one deposit line item.
    #[serde(default)]
    pub(crate) deposit_required: bool,
    #[serde(default)]
    pub(crate) cancellation: Vec<Fee>,
    /// The fee when no entry of `cancellation` is reached any more.
    #[serde(default = "all")]
    pub(crate) late_fee_percent: u32,
    /// Pause before a booking that is still pending is asked for again.
    #[serde(default = "poll")]
    pub(crate) poll_s: u32,
}

/// Cancelled at least so long before check-in, so much of the room's price is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fee {
    pub(crate) hours_before: u32,
    pub(crate) fee_percent: u32,
}

const fn pay_timeout() -> u32 {
    900
}
const fn day() -> u32 {
    86_400
}
const fn utc_plus_8() -> i32 {
    480
}
const fn afternoon() -> u8 {
    14
}
const fn month() -> u32 {
    30
}
const fn all() -> u32 {
    100
}
const fn poll() -> u32 {
    5
}

impl Settings {
    /// The moment when rooms are ready on a day.
    pub(crate) fn checkin_at(&self, day: Date) -> Millis {
        day.begins(self.utc_offset_min) + i64::from(self.checkin_hour) * 3_600_000
    }
}

/// What the catalogue says of a SKU.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts<'a> {
    pub(crate) kind: Kind,
    #[serde(borrow)]
    pub(crate) title: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) picture: Cow<'a, str>,
    /// A deposit, or a night that is not in `calendar`; without it such a night is not for sale.
    pub(crate) price: Option<Minor>,
    #[serde(borrow, default)]
    pub(crate) calendar: BTreeMap<&'a str, Minor>,
    /// Guests in one room.
    #[serde(default)]
    pub(crate) occupancy: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A kind of room, sold by the night.
    Room,
    /// Money that goes back in full.
    Deposit,
}
