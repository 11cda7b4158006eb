//! What the steps of an order must keep: calls and waits, attributes, events, shipments.

use super::super::limits::Limit;
use super::super::outcome::{BadOutput, Refusal};
use super::super::weigh::{Weigh, Weight};
use super::text::{events, filled, is_name, pairs, short, whole};
use super::within;
use crate::domain::hook::{
    Deducted, Delivery, HttpRequest, JournalEntry, OrderView, Pairs, Progress, Received, Revoked, Shipment, Shipped,
    Step, Verdict, Wait,
};

/// Bytes of all attributes of an order, keys and values.
const ORDER_ATTRIBUTES: u64 = 8 * 1024;
const EXTRA_BYTES: u64 = 8 * 1024;
const URL_BYTES: usize = 8 * 1024;
const NAME_BYTES: usize = 64;
const WAYBILL_BYTES: usize = 64;
const SECRET_BYTES: usize = 4 * 1024;
const SECRETS: usize = 64;
const REASON_BYTES: usize = 4 * 1024;
/// Longest time a hook may wait for, counted from what it knows of the time, milliseconds.
const WAIT_MS: i64 = 400 * 24 * 60 * 60 * 1_000;
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What of the input its answer is held against.
pub(in super::super) struct OrderFrame {
    /// Line and units not refunded.
    units: Vec<(u32, u64)>,
    /// Attributes so far, keys and bytes of values.
    attributes: Vec<(String, u64)>,
    /// The latest time that the hook knows, epoch milliseconds.
    latest: i64,
    /// Journal entries so far.
    entries: u64,
    /// Calls and waits that the hook may make.
    calls: u64,
}

impl OrderFrame {
    pub(in super::super) fn of(order: &OrderView, now: i64, journal: &[JournalEntry], calls: u64) -> Self {
        Self {
            units: order
                .items
                .iter()
                .map(|item| (item.line, u64::from(item.quantity.saturating_sub(item.refunded))))
                .collect(),
            attributes: order.attributes.iter().map(|(key, value)| (key.clone(), value.len() as u64)).collect(),
            latest: journal.iter().map(|entry| entry.at).fold(now, i64::max),
            entries: journal.len() as u64,
            calls,
        }
    }

    pub(in super::super) fn deducted(&self, step: Step<Deducted>) -> Result<Step<Deducted>, Refusal> {
        self.step(step, |done| {
            self.attributes(&done.attributes)?;
            events(&done.events)?;
            pairs("extra", &done.extra, EXTRA_BYTES)
        })
    }

    pub(in super::super) fn shipped(&self, step: Step<Shipped>) -> Result<Step<Shipped>, Refusal> {
        self.step(step, |done| {
            self.attributes(&done.attributes)?;
            events(&done.events)?;
            pairs("extra", &done.extra, EXTRA_BYTES)?;
            self.shipments(&done.shipments)
        })
    }

    pub(in super::super) fn received(&self, step: Step<Received>) -> Result<Step<Received>, Refusal> {
        self.step(step, |done| {
            self.attributes(&done.attributes)?;
            events(&done.events)?;
            pairs("extra", &done.extra, EXTRA_BYTES)?;
            match &done.verdict {
                Verdict::Refused(reason) => filled("the reason of a refused delivery", reason, REASON_BYTES),
                Verdict::Confirmed | Verdict::NotYet => Ok(()),
            }
        })
    }

    pub(in super::super) fn revoked(&self, step: Step<Revoked>) -> Result<Step<Revoked>, Refusal> {
        self.step(step, |done| {
            self.attributes(&done.attributes)?;
            pairs("extra", &done.extra, EXTRA_BYTES)
        })
    }

    fn step<D: Weigh>(
        &self,
        step: Step<D>,
        done: impl FnOnce(&D) -> Result<(), BadOutput>,
    ) -> Result<Step<D>, Refusal> {
        whole(Weight::of(&step))?;
        match &step {
            Step::Done(answer) => done(answer)?,
            Step::Call(request) => {
                Limit::Calls.check(self.entries + 1, self.calls).map_err(BadOutput::TooMany)?;
                call(request)?;
            }
            Step::Wait(wait) => self.wait(wait)?,
        }
        Ok(step)
    }

    fn wait(&self, wait: &Wait) -> Result<(), BadOutput> {
        if wait.redo_last {
            // Polling leaves no entry, so it may go on as long as the wait's own end allows.
            if self.entries == 0 {
                return Err(BadOutput::Empty("the journal, whose last entry is to be redone,"));
            }
        } else {
            Limit::Calls.check(self.entries + 1, self.calls).map_err(BadOutput::TooMany)?;
        }
        if let Some(name) = wait.signal.as_ref().filter(|name| !is_name(name)) {
            let name = name.chars().take(80).collect();
            return Err(BadOutput::Name { what: "a signal", name, expected: "[a-z0-9_.-]{1,64}" });
        }
        within("the end of a wait", wait.until, 0, self.latest.saturating_add(WAIT_MS))
    }

    /// What the order would hold after the merge stays within its limit.
    fn attributes(&self, new: &Pairs) -> Result<(), BadOutput> {
        const WHAT: &str = "the order's attributes";
        pairs(WHAT, new, ORDER_ATTRIBUTES)?;
        let replaced = |key: &String| new.iter().any(|(k, _)| k == key);
        let kept: u64 =
            self.attributes.iter().filter(|(key, _)| !replaced(key)).map(|(key, value)| key.len() as u64 + value).sum();
        let added: u64 = new.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.len() + v.len()) as u64).sum();
        let used = kept + added;
        if used > ORDER_ATTRIBUTES {
            return Err(BadOutput::TooLong { what: WHAT, used, allowed: ORDER_ATTRIBUTES });
        }
        Ok(())
    }

    /// Every unit that was bought and not refunded is in exactly one shipment.
    fn shipments(&self, shipments: &[Shipment]) -> Result<(), BadOutput> {
        if shipments.is_empty() {
            return Ok(());
        }
        let mut packed = vec![0_u64; self.units.len()];
        for shipment in shipments {
            if shipment.items.is_empty() {
                return Err(BadOutput::Empty("a shipment"));
            }
            for item in &shipment.items {
                within("a packed quantity", i64::from(item.quantity), 1, i64::from(u32::MAX))?;
                let at = self.units.iter().position(|(line, _)| *line == item.line);
                let slot = at.and_then(|at| packed.get_mut(at));
                *slot.ok_or(BadOutput::UnknownLine { line: item.line })? += u64::from(item.quantity);
            }
            details(shipment)?;
        }
        for ((line, ordered), packed) in self.units.iter().zip(packed) {
            if packed != *ordered {
                return Err(BadOutput::Shipments { line: *line, packed, ordered: *ordered });
            }
        }
        Ok(())
    }
}

fn details(shipment: &Shipment) -> Result<(), BadOutput> {
    short("a carrier", &shipment.carrier, NAME_BYTES)?;
    short("a waybill", &shipment.waybill, WAYBILL_BYTES)?;
    let on_its_way = matches!(shipment.progress, Progress::Shipped | Progress::Delivered);
    let unnamed = shipment.carrier.is_empty() || shipment.waybill.is_empty();
    if on_its_way && shipment.delivery == Delivery::Parcel && unnamed {
        return Err(BadOutput::Waybill);
    }
    pairs("a shipment's attributes", &shipment.attributes, ORDER_ATTRIBUTES)?;
    if shipment.secrets.len() > SECRETS {
        let used = shipment.secrets.len() as u64;
        return Err(BadOutput::TooLong { what: "secrets", used, allowed: SECRETS as u64 });
    }
    for secret in &shipment.secrets {
        filled("a secret's name", &secret.name, NAME_BYTES)?;
        filled("a secret", &secret.value, SECRET_BYTES)?;
    }
    Ok(())
}

/// What is wrong with a request whatever the grant says; egress checks the rest.
fn call(request: &HttpRequest) -> Result<(), BadOutput> {
    let name = |what, name: &str, expected| BadOutput::Name { what, name: name.chars().take(80).collect(), expected };
    if !METHODS.contains(&request.method.as_str()) {
        return Err(name("a method", &request.method, "GET, POST, PUT, PATCH or DELETE"));
    }
    filled("an address", &request.url, URL_BYTES)?;
    if !(request.url.starts_with("https://") || request.url.starts_with("http://")) {
        return Err(name("an address", &request.url, "an absolute http or https address"));
    }
    let visible = |text: &str| text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b));
    for (header, value) in &request.headers {
        filled("a header", header, NAME_BYTES)?;
        let token = header.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !token || !visible(value) {
            return Err(name("a header", header, "a token with a value of visible characters"));
        }
    }
    within("timeout-ms", i64::from(request.timeout_ms), 0, 30_000)
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
