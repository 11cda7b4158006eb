//! Mobile top-up: face value and discount, a check of the number, a carrier that answers later by a signal, instant
//! receipt. What the carrier refuses is refunded by the platform. The README tells its JSON forms and the protocol.

mod carrier;
mod pricing;
mod settings;

use hookline_sdk::prelude::*;

use settings::Settings;

/// The business line.
#[derive(Debug, Clone, Copy)]
pub struct Topup;

impl BusinessLine for Topup {
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
        pricing::quote(request)
    }

    /// The credit itself: when this is done, the buyer has it.
    fn deduct(ctx: &mut Ctx<'_>, order: &Order, _payment: &Payment) -> Hook<Deducted> {
        let settings: Settings = ctx.settings()?;
        let id = carrier::send(ctx, &settings, order)?;
        let serial = carrier::result(ctx, &settings, &id)?;
        let mut attributes = vec![pair("topup.id", id)];
        attributes.extend(serial.map(|serial| pair("topup.serial", serial)));
        Ok(Deducted { attributes, ..Deducted::new() })
    }

    fn ship(_ctx: &mut Ctx<'_>, order: &Order) -> Hook<Shipped> {
        Ok(Shipped::at_once(Shipment::of(order, Progress::Delivered)))
    }
}

hookline_sdk::export!(Topup);
