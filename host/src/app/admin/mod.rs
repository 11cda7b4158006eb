//! What operators set up, and what they do about orders that are stuck. Every write leaves an audit row.
//!
//! A caller of the role `business` reaches its own line only; for anybody else's there is no such line.

pub mod accounts;
pub mod api_keys;
pub mod businesses;
pub mod plugins;
pub mod reconcile;
pub mod resources;
pub mod stuck;
pub mod wallets;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::App;
use super::api::Idempotency;
use super::orders::{Denied, Keyed, commit, store_problem};
use super::problem::Problem;
use crate::domain::catalogue::{AdminWrite, Audit, Business};
use crate::domain::change::{Change, Refusal};
use crate::domain::ids::BusinessCode;
use crate::identity::{Principal, Role};

/// A registered line that the caller may manage.
pub async fn line(app: &App, who: &Principal, code: &BusinessCode) -> Result<Business, Problem> {
    let missing = || Problem::not_found(format!("business {code}"));
    let mine = match who.role {
        Role::Operator | Role::Admin => true,
        Role::Business => who.runs_business(code.as_str()),
        Role::Buyer | Role::Shop => false,
    };
    if !mine {
        return Err(missing());
    }
    app.store.business(code).await.map_err(store_problem)?.ok_or_else(missing)
}

/// An administrative write in the making.
pub(in crate::app) struct Deed<'a> {
    /// Who does it.
    pub who: &'a Principal,
    /// What, such as `plugin.activate`.
    pub action: &'static str,
    /// To what.
    pub target: String,
    /// Details for the audit; never a secret.
    pub detail: Value,
    /// What makes a repeat harmless.
    pub key: Option<&'a Idempotency>,
}

impl Deed<'_> {
    /// Commits the writes with their audit row, and lets this host see them at once. A repeat under the same key
    /// answers what was answered before.
    pub(in crate::app) async fn commit<T>(self, app: &App, writes: Vec<AdminWrite>, outcome: T) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
    {
        self.commit_with(app, Change::default(), writes, outcome).await
    }

    /// The same with more than administrative writes.
    pub(in crate::app) async fn commit_with<T>(
        self,
        app: &App,
        change: Change,
        writes: Vec<AdminWrite>,
        outcome: T,
    ) -> Result<T, Problem>
    where
        T: Serialize + DeserializeOwned,
    {
        let keyed = Keyed::new(self.who, self.action, self.key);
        if let Some(stored) = keyed.stored(app).await? {
            return Ok(stored);
        }
        let mut change = Change { at: app.clock.now(), claim: keyed.claim(&outcome)?, ..change };
        change.admin = writes;
        change.admin.push(AdminWrite::Audit(self.audit(change.at)));
        match commit(app, change).await {
            Ok(()) => {}
            Err(Denied::Refusal(Refusal::KeyUsed(stored))) => return keyed.read(&stored),
            Err(denied) => return Err(denied.into()),
        }
        // Committed already: should the catalogue not be read now, the worker does it within half a second.
        let _ = super::catalogue::refresh(app).await;
        Ok(outcome)
    }

    fn audit(&self, at: i64) -> Audit {
        Audit {
            actor: super::pay::actor(self.who),
            action: self.action.to_owned(),
            target: self.target.clone(),
            detail: self.detail.to_string(),
            at,
        }
    }
}

/// At most so many of something in one request.
fn few(what: &str, count: usize, most: usize) -> Result<(), Problem> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(Problem::invalid("bad-body", format!("{what}: 1 to {most} at a time")))
    }
}

/// A page's `next`: the last row's key, if there may be more.
fn next<T>(rows: &[T], limit: u32, key: impl Fn(&T) -> String) -> Option<String> {
    (rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX)).then(|| rows.last().map(key)).flatten()
}
