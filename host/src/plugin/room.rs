//! The façade: load versions, switch them, ask them.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::artefact::Artefact;
use super::calls;
use super::compile::Compiler;
use super::engine::{Allocation, EngineError, HookEngine};
use super::limits::Limits;
use super::outcome::{Call, Outcome};
use super::question::Question;
use super::registry::{LoadError, NotLoaded, Registry, Version};
use crate::domain::catalogue::Grant;
use crate::domain::hook::{
    DeductInput, Deducted, Hook, QuoteRequest, Quoted, ReceiveInput, Received, RefundInput, RefundQuote, RevokeInput,
    Revoked, ShipInput, Shipped, Step,
};
use crate::domain::ids::{BusinessCode, Digest};
use crate::telemetry::metrics::HOOK_SLOTS_BUSY;

/// What the room is told at start.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// The program whose `compile` subcommand is [`super::compile_child::run`]; normally our own executable.
    pub compiler: PathBuf,
    /// Threads that run hooks; one for each core is right.
    pub threads: usize,
    /// Instances at a time; at least 2. One business line holds at most half of them.
    pub slots: u32,
}

impl PluginSettings {
    /// A thread for each core and four slots a thread. More slots would not make hooks faster, they compute and never
    /// wait; but a line that loops in all of its slots makes the others wait a tick for each of them.
    pub fn new(compiler: PathBuf) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let slots = u32::try_from(threads.saturating_mul(4)).unwrap_or(u32::MAX).clamp(8, 256);
        Self { compiler, threads, slots }
    }
}

/// Every plugin on this host.
pub struct Plugins {
    pub(super) engine: HookEngine,
    pub(super) compiler: Compiler,
    registry: Registry,
    slots: Arc<Semaphore>,
    /// Taken by `Drop`: a runtime must not be dropped where it could block.
    runtime: Option<Runtime>,
}

impl Plugins {
    /// Starts the engine, its clock and the hook runtime.
    pub fn start(settings: &PluginSettings) -> Result<Self, EngineError> {
        let slots = settings.slots.max(2);
        let runtime = Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("plugin-hook")
            .build()
            .map_err(EngineError::Thread)?;
        Ok(Self {
            engine: HookEngine::start(slots)?,
            compiler: Compiler::new(settings.compiler.clone()),
            registry: Registry::new(slots as usize / 2),
            slots: Arc::new(Semaphore::new(slots as usize)),
            runtime: Some(runtime),
        })
    }

    /// Whether instances come from the pool; false where its address space was not to be had.
    pub fn is_pooled(&self) -> bool {
        matches!(self.engine.allocation, Allocation::Pooled { .. })
    }

    /// Compiles a component that [`Plugins::check`] accepted, in a child process.
    pub async fn compile(&self, component: &[u8]) -> Result<Artefact, super::CompileError> {
        self.compiler.compile(component).await
    }

    /// Makes a version callable, or gives a loaded one another grant. Does not activate it.
    pub fn load(
        &self,
        business: &BusinessCode,
        digest: Digest,
        artefact: &Artefact,
        grant: &Grant,
    ) -> Result<(), LoadError> {
        self.registry.insert(self.link(business, digest, artefact, grant)?);
        Ok(())
    }

    pub(super) fn link(
        &self,
        business: &BusinessCode,
        digest: Digest,
        artefact: &Artefact,
        grant: &Grant,
    ) -> Result<Version, LoadError> {
        let gate = self.registry.gate(business);
        Version::link(&self.engine.engine, business.clone(), digest, artefact, Limits::of(grant), gate)
    }

    /// Forgets a version; running calls end as they would. False if it was not loaded.
    pub fn unload(&self, business: &BusinessCode, digest: Digest) -> bool {
        self.registry.remove(business, digest)
    }

    /// Switches the version of new quotes, from the next call on.
    pub fn activate(&self, business: &BusinessCode, digest: Option<Digest>) -> Result<(), NotLoaded> {
        self.registry.activate(business, digest)
    }

    /// The version of new quotes.
    pub fn active(&self, business: &BusinessCode) -> Option<Digest> {
        self.registry.active(business)
    }

    /// Every loaded version, in no order.
    pub fn loaded(&self) -> Vec<(BusinessCode, Digest)> {
        self.registry.loaded()
    }

    /// Whether a loaded version prices and undoes refunds itself.
    pub fn has_aftersale(&self, business: &BusinessCode, digest: Digest) -> Result<bool, NotLoaded> {
        Ok(self.registry.find(business, digest)?.0.aftersale.is_some())
    }

    /// `pricing.quote`
    pub async fn quote(
        &self,
        business: &BusinessCode,
        digest: Digest,
        request: QuoteRequest,
    ) -> Result<Call<Quoted>, NotLoaded> {
        self.ask(business, digest, request).await
    }

    /// `deduct.deduct`
    pub async fn deduct(
        &self,
        business: &BusinessCode,
        digest: Digest,
        input: DeductInput,
    ) -> Result<Call<Step<Deducted>>, NotLoaded> {
        self.ask(business, digest, input).await
    }

    /// `ship.ship`
    pub async fn ship(
        &self,
        business: &BusinessCode,
        digest: Digest,
        input: ShipInput,
    ) -> Result<Call<Step<Shipped>>, NotLoaded> {
        self.ask(business, digest, input).await
    }

    /// `receive.receive`
    pub async fn receive(
        &self,
        business: &BusinessCode,
        digest: Digest,
        input: ReceiveInput,
    ) -> Result<Call<Step<Received>>, NotLoaded> {
        self.ask(business, digest, input).await
    }

    /// `aftersale.quote-refund`
    pub async fn quote_refund(
        &self,
        business: &BusinessCode,
        digest: Digest,
        input: RefundInput,
    ) -> Result<Call<RefundQuote>, NotLoaded> {
        self.ask(business, digest, input).await
    }

    /// `aftersale.revoke`
    pub async fn revoke(
        &self,
        business: &BusinessCode,
        digest: Digest,
        input: RevokeInput,
    ) -> Result<Call<Step<Revoked>>, NotLoaded> {
        self.ask(business, digest, input).await
    }

    async fn ask<Q: Question>(
        &self,
        business: &BusinessCode,
        digest: Digest,
        question: Q,
    ) -> Result<Call<Q::Answer>, NotLoaded> {
        let (version, slots) = self.registry.find(business, digest)?;
        if matches!(Q::HOOK, Hook::QuoteRefund | Hook::Revoke) && version.aftersale.is_none() {
            return Err(NotLoaded::Hook { digest, hook: Q::HOOK });
        }
        Ok(self.ask_version(version, slots, question).await)
    }

    /// Runs on the hook runtime and waits for it: a caller that goes away does not drop a running instance.
    pub(super) async fn ask_version<Q: Question>(
        &self,
        version: Arc<Version>,
        slots: Arc<Semaphore>,
        question: Q,
    ) -> Call<Q::Answer> {
        let saturated = Call { outcome: Outcome::Saturated, fuel: 0, micros: 0, log: Vec::new() };
        let Some(runtime) = &self.runtime else { return saturated };
        let Some(slot) = self.slot(slots).await else { return saturated };
        let task = runtime.spawn(async move {
            let _slot = slot;
            calls::run(&version, question).await
        });
        match task.await {
            Ok(call) => call,
            Err(error) => match error.try_into_panic() {
                // A bug of ours, not of the plugin: as loud here as it would have been without the runtime between.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_shut_down) => saturated,
            },
        }
    }

    /// The line's share first, so that a greedy line queues at its own door.
    async fn slot(&self, line: Arc<Semaphore>) -> Option<Slot> {
        let all = Arc::clone(&self.slots);
        if let Ok(own) = Arc::clone(&line).try_acquire_owned()
            && let Ok(any) = Arc::clone(&all).try_acquire_owned()
        {
            return Some(Slot::taken(own, any));
        }
        let both = async { Some(Slot::taken(line.acquire_owned().await.ok()?, all.acquire_owned().await.ok()?)) };
        tokio::time::timeout(calls::QUEUE, both).await.ok().flatten()
    }
}

/// The right to run one instance.
struct Slot(#[expect(dead_code, reason = "given back when it is dropped")] [OwnedSemaphorePermit; 2]);

impl Slot {
    fn taken(own: OwnedSemaphorePermit, any: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(HOOK_SLOTS_BUSY).increment(1);
        Self([own, any])
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::gauge!(HOOK_SLOTS_BUSY).decrement(1);
    }
}

impl Drop for Plugins {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugins").field("allocation", &self.engine.allocation).finish_non_exhaustive()
    }
}
