//! What is loaded: versions by business line and digest, ready to be instantiated, and which of them is active.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use super::artefact::Artefact;
use super::bindings::exports::hookline::business::{aftersale, deduct, pricing, receive, ship};
use super::bindings::hookline::business::log::Level;
use super::contract;
use super::limits::Limits;
use super::plugin_log::{LogGate, LogLevel};
use super::state::{State, charge};
use super::wasi;
use crate::domain::hook::Hook;
use crate::domain::ids::{BusinessCode, Digest};

/// A version that nobody loaded, or a hook it does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLoaded {
    /// The version is not on this host (yet).
    #[error("plugin {digest} of {business} is not loaded")]
    Version {
        /// Whose.
        business: BusinessCode,
        /// Which.
        digest: Digest,
    },
    /// The component does not export it.
    #[error("plugin {digest} has no hook {hook}")]
    Hook {
        /// Which.
        digest: Digest,
        /// What was asked for.
        hook: Hook,
    },
}

/// An artefact that can't become a version.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Made by another engine version or with other settings: compile again.
    #[error("the compiled form does not fit this host: {0}")]
    Stale(String),
    /// A type of an import or export is not the contract's.
    #[error("the component does not fit the contract: {0}")]
    Contract(String),
}

/// One loaded version. Immutable; calls hold it while they run.
pub(super) struct Version {
    pub(super) business: BusinessCode,
    pub(super) digest: Digest,
    pub(super) limits: Limits,
    pub(super) pre: InstancePre<State>,
    pub(super) pricing: pricing::GuestIndices,
    pub(super) deduct: deduct::GuestIndices,
    pub(super) ship: ship::GuestIndices,
    pub(super) receive: receive::GuestIndices,
    pub(super) aftersale: Option<aftersale::GuestIndices>,
    /// Whether it imports randomness, which is seeded from the input.
    pub(super) wants_seed: bool,
    pub(super) gate: Arc<LogGate>,
}

impl Version {
    /// Links a compiled component. `gate` is the line's.
    pub(super) fn link(
        engine: &Engine,
        business: BusinessCode,
        digest: Digest,
        artefact: &Artefact,
        limits: Limits,
        gate: Arc<LogGate>,
    ) -> Result<Self, LoadError> {
        let component = artefact.load(engine).map_err(|error| LoadError::Stale(format!("{error:#}")))?;
        let contract = |error: wasmtime::Error| LoadError::Contract(format!("{error:#}"));
        let mut linker = Linker::new(engine);
        link_ours(&mut linker).map_err(contract)?;
        wasi::link(&mut linker, &component).map_err(contract)?;
        let pre = linker.instantiate_pre(&component).map_err(contract)?;
        let ty = component.component_type();
        let wants_seed =
            ty.imports(engine).any(|(name, _)| contract::wasi(name).is_some_and(|(package, _)| package == "random"));
        let aftersale = ty.get_export(engine, contract::AFTERSALE).is_some();
        Ok(Self {
            pricing: pricing::GuestIndices::new(&pre).map_err(contract)?,
            deduct: deduct::GuestIndices::new(&pre).map_err(contract)?,
            ship: ship::GuestIndices::new(&pre).map_err(contract)?,
            receive: receive::GuestIndices::new(&pre).map_err(contract)?,
            aftersale: if aftersale { Some(aftersale::GuestIndices::new(&pre).map_err(contract)?) } else { None },
            business,
            digest,
            limits,
            pre,
            wants_seed,
            gate,
        })
    }
}

fn link_ours(linker: &mut Linker<State>) -> Result<(), wasmtime::Error> {
    for types in contract::TYPES {
        linker.instance(types)?;
    }
    linker.instance(contract::LOG)?.func_wrap("write", |mut store, (level, message): (Level, String)| {
        charge(&mut store, message.len())?;
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        store.data_mut().log.write(level, &message);
        Ok(())
    })
}

/// Everything loaded on this host.
pub(super) struct Registry {
    lines: RwLock<HashMap<BusinessCode, Line>>,
    /// Slots that one line may hold.
    slots_each: usize,
}

/// One business line.
struct Line {
    versions: HashMap<Digest, Arc<Version>>,
    active: Option<Digest>,
    slots: Arc<Semaphore>,
    gate: Arc<LogGate>,
}

impl Registry {
    pub(super) fn new(slots_each: usize) -> Self {
        Self { lines: RwLock::default(), slots_each }
    }

    /// The log gate of a line, which lives as long as the host.
    pub(super) fn gate(&self, business: &BusinessCode) -> Arc<LogGate> {
        self.write(|lines| Arc::clone(&self.line(lines, business).gate))
    }

    /// Adds or replaces a version: a changed grant is a new load of the same digest.
    pub(super) fn insert(&self, version: Version) {
        self.write(|lines| {
            let line = self.line(lines, &version.business);
            line.versions.insert(version.digest, Arc::new(version));
        });
    }

    /// Forgets a version; running calls keep it until they end. False if it was not there.
    pub(super) fn remove(&self, business: &BusinessCode, digest: Digest) -> bool {
        self.write(|lines| {
            let Some(line) = lines.get_mut(business) else { return false };
            if line.active == Some(digest) {
                line.active = None;
            }
            line.versions.remove(&digest).is_some()
        })
    }

    /// Switches the active version, for the next call on. None: no version is active.
    pub(super) fn activate(&self, business: &BusinessCode, digest: Option<Digest>) -> Result<(), NotLoaded> {
        self.write(|lines| {
            let line = self.line(lines, business);
            match digest {
                Some(digest) if !line.versions.contains_key(&digest) => {
                    Err(NotLoaded::Version { business: business.clone(), digest })
                }
                _ => {
                    line.active = digest;
                    Ok(())
                }
            }
        })
    }

    pub(super) fn active(&self, business: &BusinessCode) -> Option<Digest> {
        self.read(|lines| lines.get(business)?.active)
    }

    /// Every loaded version, in no order.
    pub(super) fn loaded(&self) -> Vec<(BusinessCode, Digest)> {
        self.read(|lines| {
            lines.iter().flat_map(|(code, line)| line.versions.keys().map(|digest| (code.clone(), *digest))).collect()
        })
    }

    /// A version and the slots of its line.
    pub(super) fn find(
        &self,
        business: &BusinessCode,
        digest: Digest,
    ) -> Result<(Arc<Version>, Arc<Semaphore>), NotLoaded> {
        self.read(|lines| {
            let line = lines.get(business)?;
            Some((Arc::clone(line.versions.get(&digest)?), Arc::clone(&line.slots)))
        })
        .ok_or_else(|| NotLoaded::Version { business: business.clone(), digest })
    }

    fn line<'a>(&self, lines: &'a mut HashMap<BusinessCode, Line>, business: &BusinessCode) -> &'a mut Line {
        lines.entry(business.clone()).or_insert_with(|| Line {
            versions: HashMap::new(),
            active: None,
            slots: Arc::new(Semaphore::new(self.slots_each)),
            gate: Arc::new(LogGate::new()),
        })
    }

    fn read<R>(&self, f: impl FnOnce(&HashMap<BusinessCode, Line>) -> R) -> R {
        f(&self.lines.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, f: impl FnOnce(&mut HashMap<BusinessCode, Line>) -> R) -> R {
        f(&mut self.lines.write().unwrap_or_else(PoisonError::into_inner))
    }
}
