//! The supplier's side: `POST /tickets`, `GET /tickets/{id}`, `POST /tickets/{id}/refund`.

use hookline_sdk::prelude::*;

use crate::TICKETING;
use crate::passengers::{self, Passenger};
use crate::settings::Settings;

/// Name of the secret with the supplier's token.
const TOKEN: &str = "supplier-token";

#[derive(Serialize)]
struct Segment<'a> {
    line: u32,
    flight: &'a str,
    class: &'a str,
    passengers: Vec<Passenger>,
}

/// One ticket; in the order of the passengers.
#[derive(Deserialize)]
pub(crate) struct Ticket {
    pub(crate) number: String,
}

/// Asks for the tickets and gives the ticketing's id.
pub(crate) fn request(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order) -> Hook<String> {
    #[derive(Serialize)]
    struct Tickets<'a> {
        order: &'a str,
        segments: Vec<Segment<'a>>,
    }
    #[derive(Deserialize)]
    struct Accepted {
        id: String,
    }
    let segments: Hook<Vec<_>> = order.items.iter().map(segment).collect();
    let body = Tickets { order: &order.number, segments: segments? };
    let url = [settings.supplier_url.as_str(), "/tickets"].concat();
    let answer = ctx.http(Request::post_json(url, &body).bearer(TOKEN).by_key())?;
    match answer.status() {
        200..=299 => Ok(answer.json::<Accepted>()?.id),
        409 | 410 | 422 => Err(Stop::rejected(answer.reason_or("the airline declined"))),
        _ => Err(answer.unexpected()),
    }
}

/// The tickets, once they are issued.
pub(crate) fn issued(ctx: &mut Ctx<'_>, settings: &Settings, id: &str) -> Hook<Vec<Ticket>> {
    #[derive(Deserialize)]
    struct Ticketing {
        status: String,
        #[serde(default)]
        tickets: Vec<Ticket>,
    }
    let give_up = ctx.after(Duration::from_secs(u64::from(settings.give_up_s)));
    let url = [settings.supplier_url.as_str(), "/tickets/", id].concat();
    let answer = ctx.http(Request::get(url).bearer(TOKEN))?;
    if !answer.is_success() {
        return Err(answer.unexpected());
    }
    let ticketing: Ticketing = answer.json()?;
    match ticketing.status.as_str() {
        "issued" if !ticketing.tickets.is_empty() => Ok(ticketing.tickets),
        "pending" if ctx.now() < give_up => ctx.poll_again(Duration::from_secs(u64::from(settings.poll_s))),
        "failed" => Err(Stop::rejected(answer.reason_or("the airline declined"))),
        status => Err(Stop::attention(format!("ticketing {id} is {status}, tickets: {}", ticketing.tickets.len()))),
    }
}

/// Gives tickets back.
pub(crate) fn refund(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order, items: &[RefundLine]) -> Hook<()> {
    #[derive(Serialize)]
    struct Line {
        line: u32,
        quantity: u32,
    }
    #[derive(Serialize)]
    struct Refund {
        lines: Vec<Line>,
    }
    let Some(id) = order.attributes.find(TICKETING) else { return Ok(()) };
    let lines = items.iter().map(|item| Line { line: item.line, quantity: item.quantity }).collect();
    let url = [settings.supplier_url.as_str(), "/tickets/", id, "/refund"].concat();
    let answer = ctx.http(Request::post_json(url, &Refund { lines }).bearer(TOKEN).by_key())?;
    match answer.status() {
        200..=299 | 404 | 410 => Ok(()),
        409 => Err(Stop::rejected(answer.reason_or("the ticket was used"))),
        _ => Err(answer.unexpected()),
    }
}

/// The passengers who still fly: refunds before ticketing take the last ones.
fn segment(item: &Item) -> Hook<Segment<'_>> {
    let mut passengers = passengers::read(&item.extra, item.quantity).map_err(Stop::attention)?;
    passengers.truncate(item.remaining() as usize);
    let fact = |key| item.attributes.find(key).unwrap_or_default();
    Ok(Segment { line: item.line, flight: fact("flight"), class: fact("class"), passengers })
}
