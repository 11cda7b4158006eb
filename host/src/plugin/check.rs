//! Everything a component passes before it is `ready`, in the order of cost: nothing is compiled that a look at its
//! bytes refuses, and nothing is loaded that did not compile within the child's limits.

use std::sync::Arc;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::artefact::Artefact;
use super::compile::CompileError;
use super::contract::{self, ContractError, Surface};
use super::engine::stopwatch;
use super::limits::Limits;
use super::outcome::{Call, Outcome};
use super::preflight::{self, PreflightError};
use super::question::Question;
use super::registry::{LoadError, Version};
use super::room::Plugins;
use super::sample;
use crate::domain::catalogue::Grant;
use crate::domain::hook::Hook;
use crate::domain::ids::{BusinessCode, Digest};

/// Lines of the made-up cart.
const TRIAL_LINES: u32 = 2;
/// Tries of a call that the busy host did not get to.
const TRIES: u32 = 3;

/// What the checks found in an accepted component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadReport {
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// The version of the contract it was built for.
    pub contract: String,
    /// Whether it prices and undoes refunds itself.
    pub has_aftersale: bool,
    /// Everything it imports.
    pub imports: Vec<String>,
    /// Milliseconds of compilation.
    pub compile_ms: u64,
    /// Bytes of machine code.
    pub artefact_bytes: u64,
    /// The trial call of every hook.
    pub trials: Vec<Trial>,
}

/// One trial call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which hook.
    pub hook: Hook,
    /// The outcome's word; a made-up cart may well be refused.
    pub outcome: String,
    /// Fuel used.
    pub fuel: u64,
}

/// Why a component is refused.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// By size, kind or structure.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// By the names of its imports and exports.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// By the compiler or its limits.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// By the types of its imports and exports.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A trial call went wrong.
    #[error("the trial of {hook} ended as {outcome}: {detail}")]
    Trial {
        /// Which hook.
        hook: Hook,
        /// The outcome's word.
        outcome: &'static str,
        /// For people.
        detail: String,
    },
}

/// The SHA-256 that names a component.
pub(super) fn digest_of(component: &[u8]) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, component).as_ref());
    Digest(bytes)
}

impl Plugins {
    /// Checks a component as uploaded and compiles it. Nothing is loaded; [`Plugins::load`] the artefact for that. The
    /// trial calls get `settings`, the line's JSON object.
    pub async fn check(
        &self,
        business: &BusinessCode,
        component: &[u8],
        grant: &Grant,
        settings: &str,
    ) -> Result<(UploadReport, Artefact), UploadError> {
        preflight::check(component, &Limits::of(grant).structure)?;
        let surface = Surface::read(component).map_err(PreflightError::Malformed)?;
        surface.check()?;
        let digest = digest_of(component);
        let started = stopwatch();
        let artefact = self.compiler.compile(component).await?;
        let compile_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let version = Arc::new(self.link(business, digest, &artefact, grant)?);
        let report = UploadReport {
            digest,
            size: component.len() as u64,
            contract: contract::VERSION.to_owned(),
            has_aftersale: surface.has_aftersale(),
            imports: surface.imports,
            compile_ms,
            artefact_bytes: artefact.len() as u64,
            trials: self.trials(&version, settings).await?,
        };
        Ok((report, artefact))
    }

    async fn trials(&self, version: &Arc<Version>, settings: &str) -> Result<Vec<Trial>, UploadError> {
        let mut trials = vec![
            self.trial(version, sample::quote, settings).await?,
            self.trial(version, sample::deduct, settings).await?,
            self.trial(version, sample::ship, settings).await?,
            self.trial(version, sample::receive, settings).await?,
        ];
        if version.aftersale.is_some() {
            trials.push(self.trial(version, sample::refund, settings).await?);
            trials.push(self.trial(version, sample::revoke, settings).await?);
        }
        Ok(trials)
    }

    async fn trial<Q: Question>(
        &self,
        version: &Arc<Version>,
        input: fn(u32, &str) -> Q,
        settings: &str,
    ) -> Result<Trial, UploadError> {
        let mut call = self.try_once(version, input(TRIAL_LINES, settings)).await;
        for _ in 1..TRIES {
            if !matches!(call.outcome, Outcome::Saturated | Outcome::Deadline(_)) {
                break;
            }
            call = self.try_once(version, input(TRIAL_LINES, settings)).await;
        }
        let (outcome, hook) = (call.outcome.word(), Q::HOOK);
        if call.outcome.is_fault() || matches!(call.outcome, Outcome::Saturated) {
            let detail = call.outcome.detail().unwrap_or_default();
            return Err(UploadError::Trial { hook, outcome, detail });
        }
        Ok(Trial { hook, outcome: outcome.to_owned(), fuel: call.fuel })
    }

    async fn try_once<Q: Question>(&self, version: &Arc<Version>, input: Q) -> Call<Q::Answer> {
        self.ask_version(Arc::clone(version), Arc::new(Semaphore::new(1)), input).await
    }
}
