//! One call of a hook: a fresh instance, every limit set before it exists, the answer through the firewall, and the
//! instance dropped whatever happened.

use std::time::Duration;

use aws_lc_rs::digest;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};

use super::engine::{TICK, stopwatch};
use super::firewall;
use super::limiter::Stopped;
use super::limits::{self, Exceeded, Limit};
use super::outcome::{BadOutput, Call, Outcome, Refusal};
use super::plugin_log::Origin;
use super::question::Question;
use super::registry::Version;
use super::state::State;
use super::wasi::Denied;
use super::weigh::Weight;
use crate::clock::Stopwatch;
use crate::domain::hook::LineRefusal;

/// Handles of WASI resources an instance may hold.
const HANDLES: usize = 1_024;
/// A deadline reached with a smaller share, in percent, of its fuel burnt and of its time run is the host's fault. Fuel
/// alone would not do: the engine writes it back at calls only, so that a tight loop seems to burn none.
const BUSY_PERCENT: u64 = 20;
/// Bytes kept of an error's text.
const DETAIL_BYTES: usize = 500;

/// Runs `question` and judges the answer. Runs on the hook runtime.
pub(super) async fn run<Q: Question>(version: &Version, question: Q) -> Call<Q::Answer> {
    let started = stopwatch();
    if let Err(exceeded) = admit(&question) {
        return Call { outcome: Outcome::InputTooLarge(exceeded), fuel: 0, micros: 0, log: Vec::new() };
    }
    let limits = &version.limits;
    let budget =
        Budget { fuel: limits.fuel_for(question.lines()), wall_ms: limits.wall_ms(Q::HOOK), started: started.clone() };
    let frame = question.frame(limits);
    let order = question.order().to_owned();
    let call = question.journal().len();
    let seed = if version.wants_seed { seed(&question) } else { [0; 32] };
    let mut store = store(version, &budget, State::new(limits.memory_bytes, question.now(), seed));
    let input = question.into_wit();

    let (stage, result) = match start::<Q>(version, &mut store).await {
        Ok(guest) => (Stage::Call, Q::ask(&guest, &mut store, &input).await),
        Err(error) => (Stage::Start, Err(error)),
    };
    let used = budget.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
    let outcome = match result {
        Ok(outcome) => judge::<Q>(&frame, outcome),
        Err(error) => budget.stopped(stage, &error, used, store.data().ticks),
    };
    let log = store.into_data().log.into_lines();
    if !log.is_empty() {
        let (business, digest, hook) = (version.business.as_str(), version.digest, Q::HOOK);
        version.gate.emit(&Origin { business, digest, hook, order: &order, call }, &log);
    }
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Call { outcome, fuel: used, micros, log }
}

/// The input is as large as the contract allows.
fn admit<Q: Question>(question: &Q) -> Result<(), Exceeded> {
    Limit::Input.check(Weight::of(question).bytes, limits::INPUT_BYTES)?;
    Limit::Journal.check(Weight::of(question.journal()).bytes, limits::JOURNAL_BYTES)
}

/// SHA-256 of the input as JSON.
fn seed(question: &impl serde::Serialize) -> [u8; 32] {
    let json = serde_json::to_vec(question).unwrap_or_default();
    let mut seed = [0; 32];
    seed.copy_from_slice(digest::digest(&digest::SHA256, &json).as_ref());
    seed
}

/// What a call may use.
struct Budget {
    fuel: u64,
    wall_ms: u64,
    started: Stopwatch,
}

/// The only place where a store is made: every limit is set here.
fn store(version: &Version, budget: &Budget, state: State) -> Store<State> {
    let mut store = Store::new(version.pre.engine(), state);
    store.limiter(|state| &mut state.limiter);
    // Both settings of the engine are on, so this can't fail; without fuel the first instruction traps.
    let _fuel_is_on = store.set_fuel(budget.fuel);
    store.set_hostcall_fuel(limits::COPY_BYTES);
    store.set_max_component_handles(HANDLES);
    store.set_epoch_deadline(1);
    let (started, allowed) = (budget.started.clone(), budget.wall_ms);
    store.epoch_deadline_callback(move |mut store| {
        store.data_mut().ticks += 1;
        let used = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Limit::WallTime.check(used, allowed).map_err(Stopped)?;
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

async fn start<Q: Question>(version: &Version, store: &mut Store<State>) -> Result<Q::Guest, wasmtime::Error> {
    let instance = version.pre.instantiate_async(&mut *store).await?;
    Q::guest(version, store, &instance)
}

fn judge<Q: Question>(frame: &Q::Frame, outcome: Outcome<Q::Answer>) -> Outcome<Q::Answer> {
    let checked = match &outcome {
        Outcome::Rejected(reason) | Outcome::Attention(reason) => firewall::reason("a reason", reason),
        Outcome::Retry { reason, after_ms } => {
            firewall::reason("a reason", reason).and_then(|()| firewall::retry_after(*after_ms))
        }
        Outcome::Refused(lines) => Q::check_refused(frame, lines),
        _ => Ok(()),
    };
    match checked {
        Ok(()) => outcome.and_then(|answer| Q::check(frame, answer)),
        Err(Refusal::Bad(invariant)) => Outcome::BadOutput(invariant),
        Err(Refusal::TooLarge(exceeded)) => Outcome::OutputTooLarge(exceeded),
    }
}

/// How far a call came.
#[derive(Clone, Copy)]
enum Stage {
    Start,
    Call,
}

impl Budget {
    /// Whether a call got enough of the host to be to blame for its deadline. `ticks` is how often the clock found it
    /// running.
    fn had_its_share(&self, fuel: u64, ticks: u64) -> bool {
        let ran_ms = ticks.saturating_mul(u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX));
        fuel >= self.fuel / 100 * BUSY_PERCENT || ran_ms.saturating_mul(100) >= self.wall_ms * BUSY_PERCENT
    }

    /// What an error of the engine means, decided by its type.
    fn stopped<T>(&self, stage: Stage, error: &wasmtime::Error, used: u64, ticks: u64) -> Outcome<T> {
        if let Some(Stopped(exceeded)) = error.downcast_ref::<Stopped>() {
            return match exceeded.limit {
                Limit::WallTime if !self.had_its_share(used, ticks) => Outcome::Saturated,
                Limit::WallTime => Outcome::Deadline(*exceeded),
                _ => Outcome::Memory(*exceeded),
            };
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match trap {
                Trap::OutOfFuel => Outcome::OutOfFuel(Exceeded { limit: Limit::Fuel, used, allowed: self.fuel }),
                _ => Outcome::Trap(detail(error)),
            };
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Outcome::Saturated;
        }
        match stage {
            Stage::Start => Outcome::Trap(detail(error)),
            Stage::Call if error.is::<Denied>() => Outcome::Trap(detail(error)),
            // Texts and encodings: the answer's bytes are not what its type says.
            Stage::Call if error.is::<String>() || error.is::<&'static str>() || error.is::<std::str::Utf8Error>() => {
                Outcome::BadOutput(BadOutput::Unreadable(detail(error)))
            }
            // The one error left has a type that wasmtime keeps to itself: more was copied than `COPY_BYTES`.
            Stage::Call => Outcome::OutputTooLarge(Exceeded {
                limit: Limit::Answer,
                used: limits::COPY_BYTES as u64,
                allowed: limits::ANSWER_BYTES,
            }),
        }
    }
}

/// The error for people, cut.
fn detail(error: &wasmtime::Error) -> String {
    let mut text = format!("{error:#}");
    if text.len() > DETAIL_BYTES {
        let cut = (0..=DETAIL_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
    }
    text
}

/// No hook but pricing refuses lines.
pub(super) fn no_lines(_: &[LineRefusal]) -> Result<(), Refusal> {
    Err(BadOutput::Empty("the step").into())
}

/// How long a call may wait for a slot before it is `saturated`.
pub(super) const QUEUE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use wasmtime::component::{Component, Linker};

    use super::*;
    use crate::plugin::{engine, state::State};

    /// How an answer is judged that says it is a text of `length` bytes, each `byte`.
    fn answer(byte: u8, length: u32) -> Outcome<String> {
        let wat = format!(
            r#"(component
                (core module $m
                    (memory (export "memory") 64)
                    (func (export "f") (result i32)
                        (memory.fill (i32.const 16) (i32.const {byte}) (i32.const 4000000))
                        (i32.store (i32.const 0) (i32.const 16))
                        (i32.store (i32.const 4) (i32.const {length}))
                        (i32.const 0)))
                (core instance $i (instantiate $m))
                (func (export "f") (result string)
                    (canon lift (core func $i "f") (memory (core memory $i "memory")))))"#
        );
        let engine = engine::compiler().unwrap();
        let component = Component::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = Store::new(&engine, State::new(1 << 24, 0, [0; 32]));
        store.set_fuel(100_000_000).unwrap();
        store.set_epoch_deadline(1_000);
        store.set_hostcall_fuel(limits::COPY_BYTES);
        let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
        let f = instance.get_typed_func::<(), (String,)>(&mut store, "f").unwrap();
        let budget = Budget { fuel: 1, wall_ms: 1, started: stopwatch() };
        match f.call(&mut store, ()) {
            Ok((text,)) => Outcome::Ok(text),
            Err(error) => budget.stopped(Stage::Call, &error, 0, 0),
        }
    }

    #[test]
    fn errors_of_reading_an_answer_are_told_apart_by_type() {
        assert_eq!(answer(b'x', 3), Outcome::Ok("xxx".to_owned()));
        let too_large = answer(b'x', 3_000_000);
        assert!(matches!(too_large, Outcome::OutputTooLarge(_)), "{too_large:?}");
        let not_text = answer(0xff, 3);
        assert!(matches!(not_text, Outcome::BadOutput(BadOutput::Unreadable(_))), "{not_text:?}");
        let outside = answer(b'x', 0x7fff_0000);
        assert!(matches!(outside, Outcome::BadOutput(BadOutput::Unreadable(_))), "{outside:?}");
    }
}
