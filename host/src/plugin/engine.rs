//! The engine: one configuration, one wasmtime `Engine`, one clock thread.

use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy, WasmFeatures,
};

use super::limits;
use crate::clock::{Clock, Stopwatch};

/// How often a running plugin looks at the clock and lets others run.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Stack of a plugin, bytes. Host functions run on what the fibre has besides.
const WASM_STACK: usize = 512 * 1024;
/// Stack of a fibre, bytes. An overflow of the host's part would end the process.
const FIBRE_STACK: usize = 2 * 1024 * 1024;
/// Bytes of a slot that are cleared by hand instead of given back to the system between calls.
const KEEP_MEMORY: usize = 512 * 1024;
const KEEP_TABLE: usize = 64 * 1024;
const MIB: u64 = 1024 * 1024;

/// Measures the limits of real time. They guard the process, so they hold also where tests move the platform's clock.
pub(super) fn stopwatch() -> Stopwatch {
    Clock::system().stopwatch()
}

/// The engine can't be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused our settings on this machine.
    #[error("the WebAssembly engine can't start")]
    Config(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No thread for the clock or the hooks.
    #[error("a thread can't be started")]
    Thread(#[source] std::io::Error),
}

/// Where instances live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// In slots of a pool.
    Pooled {
        /// Instances at a time.
        slots: u32,
    },
    /// Mapped anew for each instance: slower, but without a reservation.
    OnDemand,
}

/// The engine that runs hooks.
pub(super) struct HookEngine {
    /// wasmtime's own.
    pub(super) engine: Engine,
    /// What the probe ended with.
    pub(super) allocation: Allocation,
}

impl HookEngine {
    /// Makes the engine for `slots` instances at a time and starts its clock. Where the address space is too small for
    /// the pool, it falls back to mapping each instance.
    pub(super) fn start(slots: u32) -> Result<Self, EngineError> {
        let pooled = Engine::new(base().allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots))));
        let (engine, allocation) = match pooled {
            Ok(engine) => (engine, Allocation::Pooled { slots }),
            Err(error) => {
                tracing::warn!(%error, slots, "no address space for the instance pool, instances are mapped one by one");
                (Engine::new(&base()).map_err(config_error)?, Allocation::OnDemand)
            }
        };
        tick(&engine)?;
        Ok(Self { engine, allocation })
    }
}

/// The engine of the compile child: the same code comes out of it, without the pool's reservation.
pub(super) fn compiler() -> Result<Engine, EngineError> {
    Engine::new(&base()).map_err(config_error)
}

fn config_error(error: wasmtime::Error) -> EngineError {
    EngineError::Config(error.into_boxed_dyn_error())
}

/// What decides the machine code, and so must be equal in the host and in the compile child.
///
/// Bounds are checked by code, without guard pages or signals: a slot whose plugin grew its memory then needs no
/// `mprotect`, two of which a call were seen before. Median of a whole five-line quote, one run before and three after,
/// on a shared machine: 33 → 24 µs for a plugin that grows its memory, 26 → 26 µs for one that does not.
fn base() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_wide_arithmetic(false)
        .wasm_features(WasmFeatures::GC | WasmFeatures::FUNCTION_REFERENCES, false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(FIBRE_STACK)
        .memory_reservation(u64::from(limits::MEMORY_MIB_MAX) * MIB)
        .memory_may_move(false)
        .memory_guard_size(0)
        .signals_based_traps(false)
        .memory_init_cow(true);
    config
}

/// Slots are built for the largest grant; what a line may really use is the limiter's business.
fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(limits::INSTANCES))
        .total_memories(slots.saturating_mul(limits::MEMORIES))
        .total_tables(slots.saturating_mul(limits::TABLES))
        // An instance is started on one fibre and called on another; both are given back at once.
        .total_stacks(slots.saturating_mul(2))
        .max_core_instances_per_component(limits::INSTANCES)
        .max_memories_per_component(limits::MEMORIES)
        .max_tables_per_component(limits::TABLES)
        .max_tables_per_module(limits::TABLES)
        .max_memories_per_module(1)
        .table_elements(limits::TABLE_ELEMENTS as usize)
        .max_memory_size(limits::MEMORY_MIB_MAX as usize * 1024 * 1024)
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_TABLE)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// The clock: a thread of its own, since a busy runtime would tick late. It ends with the engine.
fn tick(engine: &Engine) -> Result<(), EngineError> {
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("plugin-clock".into())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(EngineError::Thread)
}
