//! Drives all orders of all lines at once.

use std::time::Duration;

use futures_util::{StreamExt as _, future, stream};
use hyper::{Method, StatusCode};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::Semaphore;

use super::arguments::Arguments;
use super::plan::Ending;
use super::wrong;
use crate::checker::Outside;
use crate::client::Call;
use crate::history;
use crate::journey::{self, Ended, Journey, Paying, expect};
use crate::platform::{Order, problem_code};
use crate::sandbox::Notice;
use crate::world::{Line, World, WorldError, catalogue};

/// While an order only waits for its settlement it is looked at so often.
const SELDOM: Duration = Duration::from_millis(400);
const WALLET: i64 = 10_000_000;

/// What became of one planned order.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) line: Line,
    /// How it ended; none for an order that was rightly refused.
    pub(super) ended: Result<Option<Ended>, WorldError>,
    /// What it was meant for.
    pub(super) ending: Ending,
}

impl Outcome {
    pub(super) fn status(&self) -> Option<&str> {
        self.ended.as_ref().ok()?.as_ref().map(|ended| ended.status.as_str())
    }
}

/// What the parties outside say at the end.
pub(super) fn outside(world: &World) -> Outside {
    Outside {
        creates: world.history.creates(),
        differing: world.history.differing(),
        entries: world.suppliers.entries(),
        sink: None,
    }
}

/// Drives everything to its end.
pub(super) async fn all(world: &World, arguments: &Arguments) -> Result<Vec<Outcome>, WorldError> {
    let style = ProgressStyle::with_template("{prefix:>7} {bar:40} {pos}/{len} {elapsed} {msg}");
    let style = style.map_err(|error| WorldError::Wrong(error.to_string()))?;
    let bars = MultiProgress::new();
    let lines = Line::ALL.map(|line| {
        let bar = bars.add(ProgressBar::new(arguments.orders as u64));
        bar.set_style(style.clone());
        bar.set_prefix(line.code());
        drive_line(world, line, arguments, bar)
    });
    Ok(future::join_all(lines).await.into_iter().flatten().collect())
}

async fn drive_line(world: &World, line: Line, arguments: &Arguments, bar: ProgressBar) -> Vec<Outcome> {
    // Held from create to received; waiting for the settlement costs nothing.
    let in_flight = Semaphore::new(arguments.in_flight.max(1));
    let drive = async |n| {
        let ended = drive_one(world, line, n, &in_flight).await;
        bar.inc(1);
        Outcome { line, ended, ending: Ending::of(line, n) }
    };
    let outcomes =
        stream::iter(0..arguments.orders).map(drive).buffer_unordered(arguments.orders.max(1)).collect().await;
    bar.finish();
    outcomes
}

async fn drive_one(world: &World, line: Line, n: usize, slots: &Semaphore) -> Result<Option<Ended>, WorldError> {
    let slot = slots.acquire().await.map_err(|error| WorldError::Wrong(error.to_string()))?;
    let ending = Ending::of(line, n);
    let mut journey = Journey::new(world, line);
    let paying = match ending {
        Ending::Completed(paying) => paying,
        Ending::InsufficientBalance => Paying::Prepaid,
        _ => Paying::Sandbox,
    };
    let items = match ending {
        Ending::SupplierRefuses => catalogue::refused_items(line),
        Ending::OneSeatBack => catalogue::two_seats(n),
        _ => catalogue::items(line, n),
    };
    if ending == Ending::ShortStock {
        return short_stock(world, &mut journey, line).await.map(|()| None);
    }
    let from_wallet = matches!(paying, Paying::Balance | Paying::Prepaid) || ending == Ending::PartlyRefunded;
    if from_wallet && ending != Ending::InsufficientBalance {
        world.admin().top_up(journey.buyer_id(), "CNY", WALLET).await?;
    }
    let cart = journey::cart(line, items, paying, journey.name());
    let order = journey.create(world, &cart).await?;
    go(&mut journey, &order, ending).await.map_err(|error| {
        WorldError::Wrong(format!("{} {} meant to be {ending:?}: {error}", line.code(), order.order_no))
    })?;
    drop(slot);
    journey.look_every(SELDOM);
    let wanted = ending.status().unwrap_or_default();
    journey.ended(&order, &[wanted]).await.map(Some)
}

async fn go(journey: &mut Journey, order: &Order, ending: Ending) -> Result<(), WorldError> {
    match ending {
        Ending::Completed(paying) => {
            journey.pay(order, paying).await?;
            journey.deliver(order).await
        }
        Ending::PartlyRefunded => {
            journey.pay_mixed(order, order.to_pay / 3).await?;
            journey.refund_a_part(order).await?;
            journey.deliver(order).await
        }
        Ending::CancelledByBuyer => {
            let cancelled = journey.buyer().cancel(&order.order_no).await?;
            expect(&cancelled.status, &["cancelled"], "a cancelled order")
        }
        Ending::PaidTooLate => {
            let payment = journey.open_payment(order).await?;
            journey.buyer().cancel(&order.order_no).await?;
            let call = Notice::paid(&payment.payment_no, payment.amount).call(0);
            journey.buyer().send("callback", call).await?.success()?;
            Ok(())
        }
        Ending::InsufficientBalance => {
            // Refused or answered with the cancelled order: its state is what counts.
            let shop_order = order.shop().order_no.clone();
            let call = Call::new(Method::POST, format!("/api/v1/orders/{shop_order}/forward")).json(&json!({}));
            journey.service().send("forward", call).await?;
            Ok(())
        }
        Ending::SupplierRefuses => journey.open_and_pay(order).await,
        Ending::LostParcel | Ending::CancelledLate | Ending::OneSeatBack => {
            journey.pay(order, Paying::Sandbox).await?;
            wrong::happens(journey, order, ending).await
        }
        Ending::PayTimeout | Ending::ShortStock => Ok(()),
    }
}

/// Orders more than there is and expects a conflict that names the shortage.
async fn short_stock(world: &World, journey: &mut Journey, line: Line) -> Result<(), WorldError> {
    let items = json!([{"sku_id": catalogue::goods(0), "quantity": 1}, {"sku_id": catalogue::RARE, "quantity": 2}]);
    let cart = journey::cart(line, items, Paying::Sandbox, journey.name());
    let call = Call::new(Method::POST, "/api/v1/orders").json(&cart);
    let answer = journey.buyer().send("create", call).await?;
    world.history.create(journey.name(), history::Outcome::Refused);
    if answer.status == StatusCode::CONFLICT && problem_code(&answer) == "stock-short" {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Err(WorldError::Wrong(format!("short stock was answered {}: {body}", answer.status)))
}
