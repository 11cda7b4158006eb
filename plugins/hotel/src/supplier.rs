//! The supplier's side: `POST /bookings`, `GET /bookings/{id}`, `POST /bookings/{id}/cancel`.

use hookline_sdk::prelude::*;

use crate::BOOKING;
use crate::settings::Settings;

/// Name of the secret with the supplier's token.
const TOKEN: &str = "supplier-token";

#[derive(Serialize)]
struct Stay<'a> {
    order: &'a str,
    rooms: Vec<Room<'a>>,
}

#[derive(Serialize)]
struct Room<'a> {
    line: u32,
    sku: &'a str,
    rooms: u32,
    checkin: &'a str,
    checkout: &'a str,
    guests: &'a str,
}

#[derive(Deserialize)]
struct Booked {
    id: String,
}

#[derive(Deserialize)]
struct Booking {
    status: String,
    reference: Option<String>,
}

/// Books the order's rooms and gives the booking's id.
pub(crate) fn book(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order) -> Hook<String> {
    let rooms = order.items.iter().filter(|item| is_room(item)).map(|item| Room::of(item, item.remaining())).collect();
    let body = Stay { order: &order.number, rooms };
    let url = [settings.supplier_url.as_str(), "/bookings"].concat();
    let answer = ctx.http(Request::post_json(url, &body).bearer(TOKEN).by_key())?;
    match answer.status() {
        200..=299 => Ok(answer.json::<Booked>()?.id),
        409 | 410 => Err(Stop::rejected(answer.reason_or("the hotel is full"))),
        _ => Err(answer.unexpected()),
    }
}

/// The reference that the guest shows at the desk, once the hotel has confirmed.
pub(crate) fn reference(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order) -> Hook<String> {
    let url = [settings.supplier_url.as_str(), "/bookings/", id(order)?].concat();
    let answer = ctx.http(Request::get(url).bearer(TOKEN))?;
    if answer.status() == 404 || answer.status() == 410 {
        return Err(Stop::rejected(answer.reason_or("the hotel has no such booking")));
    }
    if !answer.is_success() {
        return Err(answer.unexpected());
    }
    let booking: Booking = answer.json()?;
    match (booking.status.as_str(), booking.reference) {
        ("confirmed", Some(reference)) => Ok(reference),
        ("pending", _) => ctx.poll_again(Duration::from_secs(u64::from(settings.poll_s))),
        ("rejected", _) => Err(Stop::rejected(answer.reason_or("the hotel declined"))),
        (status, _) => Err(Stop::attention(format!("booking is {status}, with or without a reference"))),
    }
}

/// Cancels the rooms among the given units; deposits are no matter of the supplier.
pub(crate) fn cancel(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order, items: &[RefundLine]) -> Hook<()> {
    #[derive(Serialize)]
    struct Cancel<'a> {
        rooms: Vec<Room<'a>>,
    }
    let wanted = items.iter().filter_map(|line| Some((order.item(line.line)?, line.quantity)));
    let rooms: Vec<_> = wanted.filter(|(item, _)| is_room(item)).map(|(item, rooms)| Room::of(item, rooms)).collect();
    if rooms.is_empty() || order.attributes.find(BOOKING).is_none() {
        return Ok(());
    }
    let url = [settings.supplier_url.as_str(), "/bookings/", id(order)?, "/cancel"].concat();
    let answer = ctx.http(Request::post_json(url, &Cancel { rooms }).bearer(TOKEN).by_key())?;
    match answer.status() {
        200..=299 | 404 | 410 => Ok(()),
        409 => Err(Stop::rejected(answer.reason_or("the guest has checked in"))),
        _ => Err(answer.unexpected()),
    }
}

fn is_room(item: &Item) -> bool {
    item.attributes.find("kind") == Some("room")
}

fn id(order: &Order) -> Hook<&str> {
    order.attributes.find(BOOKING).ok_or_else(|| Stop::attention("the order has no booking"))
}

impl<'a> Room<'a> {
    fn of(item: &'a Item, rooms: u32) -> Self {
        let day = |key| item.attributes.find(key).unwrap_or_default();
        Room {
            line: item.line,
            sku: &item.sku,
            rooms,
            checkin: day("checkin"),
            checkout: day("checkout"),
            guests: day("guests"),
        }
    }
}
