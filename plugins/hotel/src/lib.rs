//! Hotel nights: calendar prices, occupancy, a deposit as an item line, booking at a supplier, check-in, cancellation
//! fees by time. The README tells its JSON forms and the supplier's protocol.

mod pricing;
mod refund;
mod settings;
mod stay;
mod supplier;

use hookline_sdk::prelude::*;

use settings::Settings;

/// The business line.
#[derive(Debug, Clone, Copy)]
pub struct Hotel;

/// Order attribute: the supplier's id of the booking.
const BOOKING: &str = "hotel.booking";

impl BusinessLine for Hotel {
    fn quote(request: &QuoteRequest) -> Result<Quoted, Refusals> {
        pricing::quote(request)
    }

    fn deduct(ctx: &mut Ctx<'_>, order: &Order, _payment: &Payment) -> Hook<Deducted> {
        let settings: Settings = ctx.settings()?;
        let booking = supplier::book(ctx, &settings, order)?;
        Ok(Deducted { attributes: vec![pair(BOOKING, booking)], ..Deducted::new() })
    }

    fn ship(ctx: &mut Ctx<'_>, order: &Order) -> Hook<Shipped> {
        let settings: Settings = ctx.settings()?;
        let reference = supplier::reference(ctx, &settings, order)?;
        let secrets = vec![DeliverySecret { name: "booking-reference".to_owned(), value: reference }];
        Ok(Shipped::at_once(Shipment { secrets, ..Shipment::of(order, Progress::Shipped) }))
    }

    fn receive(_ctx: &mut Ctx<'_>, _order: &Order, trigger: &Trigger) -> Hook<Received> {
        #[derive(Deserialize)]
        struct CheckIn {
            room: Option<String>,
        }
        Ok(match trigger {
            Trigger::Timer => Received::confirmed(),
            Trigger::Signal(signal) if signal.name == "checked-in" => {
                let room = payload::<CheckIn>(signal)?.room;
                let attributes = room.map(|room| pair("hotel.room", room)).into_iter().collect();
                Received { attributes, ..Received::confirmed() }
            }
            // Only the desk knows whether the guest has come.
            Trigger::Buyer | Trigger::Delivered | Trigger::Signal(_) | Trigger::Other(_) => Received::not_yet(),
        })
    }
}

impl Aftersale for Hotel {
    fn quote_refund(request: &RefundRequest) -> Result<RefundQuote, HookError> {
        refund::quote(request)
    }

    fn revoke(ctx: &mut Ctx<'_>, order: &Order, items: &[RefundLine]) -> Hook<Revoked> {
        let settings: Settings = ctx.settings()?;
        supplier::cancel(ctx, &settings, order, items)?;
        Ok(Revoked::new())
    }
}

hookline_sdk::export!(Hotel with aftersale);
