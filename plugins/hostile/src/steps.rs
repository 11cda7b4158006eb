//! Steps, shipments and verdicts that no host may take, or that try its patience.

use hookline_sdk::prelude::*;
use hookline_sdk::types::RetryLater;

use crate::Behave;
use crate::anywhere::MIB;
use crate::behave::Settings;

/// Pauses or ends the hook, if that is its misbehaviour.
pub(crate) fn stop(behave: Behave, ctx: &mut Ctx<'_>, settings: &Settings) -> Hook<()> {
    let supplier = settings.supplier_url.as_deref().unwrap_or("https://supplier.example");
    let url = |path: &str| [supplier, path].concat();
    match behave {
        Behave::Reject => return Err(Stop::rejected("rejected, as asked")),
        Behave::Retry => return Err(Stop::retry("later, as asked", 100)),
        Behave::RetryAtOnce => {
            return Err(HookError::Retry(RetryLater { reason: "at once, as asked".to_owned(), after_ms: 0 }).into());
        }
        Behave::Attention => return Err(Stop::attention("a person, as asked")),
        Behave::Other => return Err(HookError::Other("other, as asked".to_owned()).into()),
        Behave::WaitForever => {
            ctx.wait_for_signal("never", i64::MAX)?;
        }
        Behave::WaitPast => ctx.sleep_until(0)?,
        Behave::WaitBadName => {
            ctx.wait_for_signal("No Such Name", ctx.after(Duration::from_secs(1)))?;
        }
        Behave::PollNothing => {
            return ctx.poll_again(Duration::from_secs(1));
        }
        Behave::Call => {
            ctx.http(Request::new("POST", url("/hostile")).by_key())?;
        }
        Behave::CallOnce => {
            ctx.http(Request::new("POST", url("/hostile")))?;
        }
        Behave::CallUngranted => {
            ctx.http(Request::get("https://ungranted.example/"))?;
        }
        Behave::CallInside => {
            ctx.http(Request::get("http://169.254.169.254/latest/meta-data"))?;
        }
        Behave::CallUnknownSecret => {
            ctx.http(Request::get(url("/hostile")).bearer("no-such-secret"))?;
        }
        Behave::CallBadHeaders => {
            let request = Request::new("CONNECT", url("/hostile"));
            let request = request.header("host", "evil.example").header("x\r\ny", "a\r\nb: c");
            let request = request.header("transfer-encoding", "chunked").header("authorization", "Bearer forged");
            ctx.http(request)?;
        }
        Behave::CallHuge => {
            ctx.http(Request::post_json(url("/hostile"), &"h".repeat(MIB)))?;
        }
        Behave::NeverDone => loop {
            ctx.http(Request::get(url("/hostile")))?;
        },
        _ => {}
    }
    Ok(())
}

/// Spoils attributes.
pub(crate) fn spoil_pairs(behave: Behave, pairs: &mut Pairs) {
    match behave {
        Behave::HugeAnswer => pairs.push(pair("huge", "h".repeat(MIB))),
        Behave::Nul => pairs.push(pair("nul", "a\0b")),
        Behave::BadKey => pairs.push(pair("No Such Key", "x")),
        Behave::BigAttributes => pairs.push(pair("big", "b".repeat(16 << 10))),
        _ => {}
    }
}

/// Spoils events.
pub(crate) fn spoil_events(behave: Behave, order: &Order, events: &mut Vec<BusinessEvent>) {
    if behave == Behave::BadEvent {
        events.push(BusinessEvent { name: "order paid".to_owned(), data: order.number.clone() + "}" });
    }
}

/// Spoils shipments.
pub(crate) fn spoil_shipments(behave: Behave, shipments: &mut [Shipment]) {
    let Some(shipment) = shipments.first_mut() else { return };
    match behave {
        Behave::ShipTooMuch => shipment.items.iter_mut().for_each(|packed| packed.quantity += 1),
        Behave::ShipTooLittle => drop(shipment.items.pop()),
        Behave::ShipUnknownLine => shipment.items.push(Packed { line: u32::MAX, quantity: 1 }),
        Behave::SameWaybill => {
            (shipment.carrier, shipment.waybill) = ("SF".to_owned(), "SF1".to_owned());
        }
        _ => {}
    }
}

/// Spoils a verdict.
pub(crate) fn spoil_verdict(behave: Behave, verdict: &mut Verdict) {
    match behave {
        Behave::NotYet => *verdict = Verdict::NotYet,
        Behave::Refuse => *verdict = Verdict::Refused("refused, as asked".to_owned()),
        _ => {}
    }
}
