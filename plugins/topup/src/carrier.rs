//! The carrier's side: `POST /topups`, the signal `carrier-result`, and `GET /topups/{id}` when the signal stays away.

use hookline_sdk::prelude::*;

use crate::settings::Settings;

/// Name of the secret with the carrier's token.
const TOKEN: &str = "supplier-token";

/// How a top-up ended, in the signal and in the answer to a query.
#[derive(Deserialize)]
struct Outcome {
    /// The top-up, if the signal names it.
    id: Option<String>,
    /// `success` or `failed`; a query may also answer `pending`.
    result: String,
    reason: Option<String>,
    serial: Option<String>,
}

/// Sends the top-up and gives its id.
pub(crate) fn send(ctx: &mut Ctx<'_>, settings: &Settings, order: &Order) -> Hook<String> {
    #[derive(Serialize)]
    struct Topup<'a> {
        order: &'a str,
        phone: &'a str,
        carrier: &'a str,
        amount: Minor,
        currency: &'a str,
    }
    #[derive(Deserialize)]
    struct Accepted {
        id: String,
    }
    let [item] = order.items.as_slice() else { return Err(Stop::attention("a top-up order has one line")) };
    let face = item.attributes.find("face").and_then(|face| face.parse().ok());
    let body = Topup {
        order: &order.number,
        phone: item.extra.find("phone").ok_or_else(|| Stop::attention("the order has no phone number"))?,
        carrier: item.attributes.find("carrier").unwrap_or_default(),
        amount: face.ok_or_else(|| Stop::attention("the order has no face value"))?,
        currency: &order.currency,
    };
    let url = [settings.supplier_url.as_str(), "/topups"].concat();
    let answer = ctx.http(Request::post_json(url, &body).bearer(TOKEN).by_key())?;
    match answer.status() {
        200..=299 => Ok(answer.json::<Accepted>()?.id),
        409 | 410 | 422 => Err(Stop::rejected(answer.reason_or("the carrier declined"))),
        _ => Err(answer.unexpected()),
    }
}

/// Waits for the result, asks for it in the end, and gives the carrier's serial number if it has one.
pub(crate) fn result(ctx: &mut Ctx<'_>, settings: &Settings, id: &str) -> Hook<Option<String>> {
    let until = ctx.after(Duration::from_secs(u64::from(settings.result_wait_s)));
    let outcome: Outcome = if let Some(signal) = ctx.wait_for_signal("carrier-result", until)? {
        payload(signal)?
    } else {
        let url = [settings.supplier_url.as_str(), "/topups/", id].concat();
        let answer = ctx.http(Request::get(url).bearer(TOKEN))?;
        if !answer.is_success() {
            return Err(answer.unexpected());
        }
        answer.json()?
    };
    if outcome.id.as_deref().is_some_and(|named| named != id) {
        return Err(Stop::attention(format!("a result for another top-up than {id}")));
    }
    match outcome.result.as_str() {
        "success" => Ok(outcome.serial),
        "failed" => Err(Stop::rejected(outcome.reason.unwrap_or_else(|| "the carrier failed".to_owned()))),
        // Neither delivered nor refused: money must not move either way.
        other => Err(Stop::attention(format!("the carrier says that top-up {id} is {other}"))),
    }
}
