//! The record of a hook call, as kept beside what it decided.

use std::cell::RefCell;

use serde::Serialize;

use super::problem::Problem;
use crate::domain::change::Decision;
use crate::domain::hook::Hook;
use crate::domain::ids::{BusinessCode, Digest, Millis, OrderNo};
use crate::plugin::Call;
use crate::telemetry::metrics::{HOOK_CALLS, HOOK_FUEL, HOOK_SECONDS};

/// zstd level: records are small and many, and below 0 no entropy tables are built for them.
const LEVEL: i32 = -3;

thread_local! {
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// JSON, compressed with zstd.
pub fn compressed(value: &impl Serialize) -> Vec<u8> {
    pack(serde_json::to_vec(value).unwrap_or_default())
}

/// What [`pack`] was given.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, Problem> {
    // What could not be compressed is kept as it is.
    if packed.first() == Some(&b'{') {
        Ok(packed.to_vec())
    } else {
        zstd::decode_all(packed).map_err(Problem::internal)
    }
}

/// Compresses the text of a JSON object with zstd.
pub fn pack(json: Vec<u8>) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        slot.as_mut().and_then(|c| c.compress(&json).ok()).unwrap_or(json)
    })
}

/// Whom a decision is about, and by which plugin version.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The shop order; the pay order for pricing.
    pub no: OrderNo,
    /// The next free place in its record.
    pub seq: i64,
    /// Whose plugin.
    pub business: BusinessCode,
    /// Which version.
    pub plugin: Digest,
}

/// Counts a call and writes it down: the answer, or the outcome's detail where there is none.
pub fn record<T: Serialize>(
    subject: Subject,
    hook: Hook,
    input: &impl Serialize,
    call: &Call<T>,
    at: Millis,
) -> Decision {
    let (line, hook_word) = (subject.business.to_string(), hook.as_str());
    let outcome = call.outcome.word();
    metrics::counter!(HOOK_CALLS, "business" => line.clone(), "hook" => hook_word, "outcome" => outcome).increment(1);
    metrics::counter!(HOOK_FUEL, "business" => line.clone(), "hook" => hook_word).increment(call.fuel);
    let seconds = std::time::Duration::from_micros(call.micros).as_secs_f64();
    metrics::histogram!(HOOK_SECONDS, "business" => line, "hook" => hook_word).record(seconds);
    let output = match call.outcome.ok() {
        Some(answer) => compressed(answer),
        None => compressed(&call.outcome.detail()),
    };
    Decision {
        subject: subject.no,
        seq: subject.seq,
        business: subject.business,
        hook,
        plugin: subject.plugin,
        input: compressed(input),
        output,
        fuel: i64::try_from(call.fuel).unwrap_or(i64::MAX),
        micros: i64::try_from(call.micros).unwrap_or(i64::MAX),
        outcome: outcome.to_owned(),
        at,
    }
}
