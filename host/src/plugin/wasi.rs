//! WASI as far as language runtimes need it to start, made deterministic: no files, no network, no environment, a clock
//! that is the decision's time, randomness from the input, standard output to the plugin's log.
//!
//! Linked by hand from what the component imports, so that any 0.2 version fits.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType, Val};
use wasmtime::{Error, StoreContextMut};

use super::contract;
use super::plugin_log::LogLevel;
use super::state::{State, charge};
use super::wasi_values::{self as values, Stub};

/// Bytes that one write or one draw of randomness may ask for.
const AT_ONCE: u64 = 64 * 1024;
const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// A WASI call that makes no sense in a hook. Ends the call as a trap.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    #[error("the plugin ended itself with exit")]
    Exit,
    #[error("the plugin called {0}, which no plugin may do")]
    Call(String),
    #[error("the plugin asked for {0} random bytes at once")]
    Random(u64),
}

/// Defines every WASI interface that the component imports.
pub(super) fn link(linker: &mut Linker<State>, component: &Component) -> Result<(), Error> {
    let engine = linker.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        let (Some((_, interface)), ComponentItem::ComponentInstance(instance)) = (contract::wasi(name), item.ty) else {
            continue;
        };
        let mut at = linker.instance(name)?;
        for (export, item) in instance.exports(&engine) {
            match item.ty {
                ComponentItem::Resource(_) => at.resource(export, ResourceType::host::<Stub>(), |_, _| Ok(()))?,
                ComponentItem::ComponentFunc(_) => {
                    let act = Act::of(interface, export);
                    let full = format!("{name}#{export}");
                    at.func_new(export, move |mut store, ty, params, results| {
                        let mut reps = Vec::new();
                        for param in params {
                            values::release(param, &mut store, &mut reps)?;
                        }
                        let value = act.run(&mut store, params, &reps, &full)?;
                        if let (Some(slot), Some(ty)) = (results.first_mut(), ty.results().next()) {
                            *slot = match value {
                                Some(value) => value,
                                None => values::blank(&ty, &mut store).ok_or_else(|| Denied::Call(full.clone()))?,
                            };
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What a WASI function does here. Everything not listed answers blank: nothing there, or an error that denies.
#[derive(Clone, Copy)]
enum Act {
    Exit,
    Stream(u32),
    Monotonic,
    Resolution,
    WallClock,
    WallResolution,
    RandomBytes,
    RandomNumber,
    RandomPair,
    MayWrite,
    Write,
    Flush,
    PollAll,
    Ready,
    Blank,
}

impl Act {
    fn of(interface: &str, function: &str) -> Self {
        match (interface, function) {
            ("exit", _) => Self::Exit,
            ("stdin", "get-stdin") => Self::Stream(STDIN),
            ("stdout", "get-stdout") => Self::Stream(STDOUT),
            ("stderr", "get-stderr") => Self::Stream(STDERR),
            ("monotonic-clock", "now") => Self::Monotonic,
            ("monotonic-clock", "resolution") => Self::Resolution,
            ("wall-clock", "now") => Self::WallClock,
            ("wall-clock", "resolution") => Self::WallResolution,
            ("random", "get-random-bytes") | ("insecure", "get-insecure-random-bytes") => Self::RandomBytes,
            ("random", "get-random-u64") | ("insecure", "get-insecure-random-u64") => Self::RandomNumber,
            ("insecure-seed", _) => Self::RandomPair,
            ("streams", "[method]output-stream.check-write") => Self::MayWrite,
            ("streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
                Self::Write
            }
            ("streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => Self::Flush,
            ("poll", "poll") => Self::PollAll,
            ("poll", "[method]pollable.ready") => Self::Ready,
            _ => Self::Blank,
        }
    }

    /// None answers blank.
    fn run(
        self,
        store: &mut StoreContextMut<'_, State>,
        params: &[Val],
        reps: &[u32],
        full: &str,
    ) -> Result<Option<Val>, Error> {
        charge(store, 0)?;
        let ok = |value: Option<Val>| Val::Result(Ok(value.map(Box::new)));
        Ok(Some(match self {
            Self::Exit => return Err(Error::new(Denied::Exit)),
            Self::Stream(rep) => values::own(rep, store)?,
            Self::Monotonic => Val::U64(store.data_mut().monotonic()),
            Self::Resolution => Val::U64(1_000),
            Self::WallClock => values::datetime(store.data().now),
            Self::WallResolution => values::datetime(1),
            Self::RandomBytes => match params.first() {
                Some(Val::U64(length)) if *length <= AT_ONCE => {
                    let length = usize::try_from(*length).unwrap_or(0);
                    charge(store, length)?;
                    Val::List(store.data_mut().random_bytes(length).into_iter().map(Val::U8).collect())
                }
                Some(Val::U64(length)) => return Err(Error::new(Denied::Random(*length))),
                _ => return Err(Error::new(Denied::Call(full.to_owned()))),
            },
            Self::RandomNumber => Val::U64(store.data_mut().random_u64()),
            Self::RandomPair => {
                let state = store.data_mut();
                Val::Tuple(vec![Val::U64(state.random_u64()), Val::U64(state.random_u64())])
            }
            Self::MayWrite => ok(Some(Val::U64(AT_ONCE))),
            Self::Write => {
                let bytes = values::bytes(params.get(1));
                charge(store, bytes.len())?;
                let level = if reps.first() == Some(&STDERR) { LogLevel::Warn } else { LogLevel::Info };
                store.data_mut().log.write(level, &String::from_utf8_lossy(&bytes));
                ok(None)
            }
            Self::Flush => ok(None),
            Self::PollAll => Val::List((0..reps.len()).filter_map(|i| u32::try_from(i).ok().map(Val::U32)).collect()),
            Self::Ready => Val::Bool(true),
            Self::Blank => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Store;

    use super::*;
    use crate::plugin::engine;

    const COMPONENT: &str = r#"(component
        (import "wasi:random/random@0.2.3" (instance $random (export "get-random-u64" (func (result u64)))))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
        (import "wasi:cli/exit@0.2.6" (instance $exit (export "exit-with-code" (func (param "status-code" u8)))))
        (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $sockets
            (type $codes (enum "unknown" "access-denied" "not-supported"))
            (export "error-code" (type $error (eq $codes)))
            (export "tcp-socket" (type $socket (sub resource)))
            (export "create-tcp-socket" (func (param "family" u8) (result (result (own $socket) (error $error)))))))
        (core module $libc (memory (export "memory") 1))
        (core instance $libc (instantiate $libc))
        (core func $random (canon lower (func $random "get-random-u64")))
        (core func $now (canon lower (func $clock "now")))
        (core func $exit (canon lower (func $exit "exit-with-code")))
        (core func $create (canon lower (func $sockets "create-tcp-socket") (memory (core memory $libc "memory"))))
        (core module $main
            (import "h" "random" (func $random (result i64)))
            (import "h" "now" (func $now (result i64)))
            (import "h" "exit" (func $exit (param i32)))
            (import "h" "create" (func $create (param i32 i32)))
            (import "h" "memory" (memory 1))
            (func (export "random") (result i64) (call $random))
            (func (export "passed") (result i64) (drop (call $now)) (call $now))
            (func (export "exit") (call $exit (i32.const 1)))
            (func (export "socket") (result i64)
                (call $create (i32.const 0) (i32.const 64)) (i64.load (i32.const 64))))
        (core instance $main (instantiate $main (with "h" (instance
            (export "random" (func $random)) (export "now" (func $now)) (export "exit" (func $exit))
            (export "create" (func $create)) (export "memory" (memory $libc "memory"))))))
        (func (export "random") (result u64) (canon lift (core func $main "random")))
        (func (export "passed") (result u64) (canon lift (core func $main "passed")))
        (func (export "exit") (canon lift (core func $main "exit")))
        (func (export "socket") (result u64) (canon lift (core func $main "socket"))))"#;

    fn call(name: &str, seed: u8) -> Result<u64, Error> {
        let engine = engine::compiler().unwrap();
        let component = Component::new(&engine, wat::parse_str(COMPONENT).unwrap())?;
        let mut linker = Linker::new(&engine);
        link(&mut linker, &component)?;
        let mut store = Store::new(&engine, State::new(1 << 24, 0, [seed; 32]));
        store.set_fuel(1_000_000)?;
        store.set_epoch_deadline(1_000);
        let instance = linker.instantiate(&mut store, &component)?;
        if name == "exit" {
            instance.get_typed_func::<(), ()>(&mut store, name)?.call(&mut store, ())?;
            return Ok(0);
        }
        Ok(instance.get_typed_func::<(), (u64,)>(&mut store, name)?.call(&mut store, ())?.0)
    }

    #[test]
    fn a_runtime_finds_what_it_needs_to_start_and_no_more() {
        assert_eq!(call("random", 1).unwrap(), call("random", 1).unwrap());
        assert_ne!(call("random", 1).unwrap(), call("random", 2).unwrap());
        assert_eq!(call("passed", 1).unwrap(), 1_000);
        // The discriminant says error, its payload says access-denied.
        let [failed, _, _, _, code, ..] = call("socket", 1).unwrap().to_le_bytes();
        assert_eq!((failed, code), (1, 1));
        assert!(call("exit", 1).unwrap_err().is::<Denied>());
    }
}
