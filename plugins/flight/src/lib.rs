//! Flight tickets: fare classes, passengers, taxes, ticketing with polling, change and refund fees. The README tells its
//! JSON forms and the supplier's protocol.

mod passengers;
mod pricing;
mod refund;
mod settings;
mod supplier;

use hookline_sdk::prelude::*;

use settings::Settings;

/// The business line.
#[derive(Debug, Clone, Copy)]
pub struct Flight;

/// Order attribute: the supplier's id of the ticketing.
const TICKETING: &str = "flight.ticketing";

impl BusinessLine for Flight {
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
        pricing::quote(request)
    }

    fn ship(ctx: &mut Ctx<'_>, order: &Order) -> Hook<Shipped> {
        let settings: Settings = ctx.settings()?;
        let id = supplier::request(ctx, &settings, order)?;
        let tickets = supplier::issued(ctx, &settings, &id)?;
        let secrets = (1..)
            .zip(tickets)
            .map(|(n, ticket)| DeliverySecret { name: format!("ticket-{n}"), value: ticket.number })
            .collect();
        let shipment = Shipment { secrets, ..Shipment::of(order, Progress::Shipped) };
        Ok(Shipped { attributes: vec![pair(TICKETING, id)], ..Shipped::at_once(shipment) })
    }

    fn receive(_ctx: &mut Ctx<'_>, _order: &Order, trigger: &Trigger) -> Hook<Received> {
        Ok(match trigger {
            Trigger::Timer => Received::confirmed(),
            Trigger::Signal(signal) if signal.name == "flown" => Received::confirmed(),
            // A ticket is used on board, not when it arrives.
            Trigger::Buyer | Trigger::Delivered | Trigger::Signal(_) | Trigger::Other(_) => Received::not_yet(),
        })
    }
}

impl Aftersale for Flight {
    fn quote_refund(request: &RefundRequest) -> Result<RefundQuote, HookError> {
        refund::quote(request)
    }

    fn revoke(ctx: &mut Ctx<'_>, order: &Order, items: &[RefundLine]) -> Hook<Revoked> {
        let settings: Settings = ctx.settings()?;
        supplier::refund(ctx, &settings, order, items)?;
        Ok(Revoked::new())
    }
}

hookline_sdk::export!(Flight with aftersale);
