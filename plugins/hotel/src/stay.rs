//! When guests come and go.

use hookline_sdk::prelude::*;

use crate::settings::{Facts, Settings};

/// From the first night's day to the day of departure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stay {
    pub(crate) checkin: Date,
    pub(crate) checkout: Date,
    pub(crate) guests: u32,
}

/// A code and the words for people.
pub(crate) type Refusal = (&'static str, String);

impl Stay {
    /// Reads `checkin`, `checkout` and `guests` (default 1) of a line.
    pub(crate) fn read(extra: &Pairs) -> Result<Self, Refusal> {
        let date = |key| {
            let text = extra.find(key).unwrap_or_default();
            Date::parse(text).ok_or_else(|| ("bad-date", format!("{key} must be a day like 2026-12-01, not '{text}'")))
        };
        let (checkin, checkout) = (date("checkin")?, date("checkout")?);
        let guests = extra.find("guests").map_or(Ok(1), str::parse).ok().filter(|&guests: &u32| guests > 0);
        let guests = guests.ok_or_else(|| ("bad-guests", "guests must be a number from 1".to_owned()))?;
        Ok(Self { checkin, checkout, guests })
    }

    /// Whether so many rooms of a kind can be had for the stay.
    pub(crate) fn check(&self, settings: &Settings, room: &Facts<'_>, rooms: u32, now: Millis) -> Result<(), Refusal> {
        if self.checkin < Date::at(now, settings.utc_offset_min) {
            return Err(("past-date", format!("{} has passed", self.checkin)));
        }
        let nights = self.checkin.days_until(self.checkout);
        if nights < 1 || nights > i64::from(settings.max_nights) {
            return Err(("bad-stay", format!("a stay is 1 to {} nights", settings.max_nights)));
        }
        let places = u64::from(room.occupancy) * u64::from(rooms);
        if u64::from(self.guests) > places {
            return Err(("too-many-guests", format!("{places} guests at most")));
        }
        Ok(())
    }

    /// The day of each night.
    pub(crate) fn nights(&self) -> impl Iterator<Item = Date> {
        let checkout = self.checkout;
        std::iter::successors(Some(self.checkin), |day| Some(day.next())).take_while(move |day| *day < checkout)
    }
}
