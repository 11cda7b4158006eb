//! Plugins: the only room that knows WebAssembly.
//!
//! An upload is checked ([`Plugins::check`]), compiled in a child process and loaded; from then on every call of a hook
//! runs in a fresh instance under the line's [`Limits`], and its answer passes the invariant firewall before anybody
//! sees it. A call never fails: whatever the plugin did is an [`Outcome`].
//!
//! Reading order: `room` (the façade) → `check` → `calls` → `firewall`; the rest serves these.

mod artefact;
mod bindings;
mod calls;
mod check;
mod compile;
pub mod compile_child;
mod contract;
mod convert_in;
mod convert_out;
mod engine;
mod firewall;
mod limiter;
mod limits;
mod outcome;
mod plugin_log;
mod preflight;
mod question;
mod registry;
mod room;
mod sample;
mod state;
mod wasi;
mod wasi_values;
mod weigh;

pub use self::{
    artefact::Artefact,
    check::{Trial, UploadError, UploadReport},
    compile::CompileError,
    contract::ContractError,
    engine::EngineError,
    limits::{Exceeded, Limit, Limits, Structure},
    outcome::{BadOutput, Call, Outcome},
    plugin_log::{LogLevel, LogLine},
    preflight::PreflightError,
    registry::{LoadError, NotLoaded},
    room::{PluginSettings, Plugins},
};
