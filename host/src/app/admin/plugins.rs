//! Uploading plugin versions and choosing the active one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::App;
use super::super::loading::ensure_loaded;
use super::super::orders::store_problem;
use super::super::problem::{Kind, Problem};
use super::{Deed, line};
use crate::domain::catalogue::{AdminWrite, PluginState, PluginVersion};
use crate::domain::ids::{BusinessCode, Digest};
use crate::domain::time::rfc3339;
use crate::identity::Principal;
use crate::plugin::UploadError;

/// A plugin version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginView {
    /// SHA-256 of the component: its name.
    pub digest: String,
    /// Whose.
    pub business: String,
    /// Bytes.
    pub size: i64,
    /// The contract it was built for.
    pub contract: String,
    /// ready, active, draining or retired.
    pub state: String,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// RFC 3339
    pub uploaded_at: String,
    /// What the checks found.
    #[schema(value_type = Object)]
    pub report: Value,
}

impl From<PluginVersion> for PluginView {
    fn from(version: PluginVersion) -> Self {
        Self {
            digest: version.digest.to_string(),
            business: version.business.to_string(),
            size: version.size,
            contract: version.contract,
            state: version.state.word().to_owned(),
            uploaded_by: version.uploaded_by,
            uploaded_at: rfc3339(version.uploaded_at),
            report: version.report,
        }
    }
}

/// Checks a component and keeps it; the version is then `ready`. The same bytes again are answered as they are.
pub async fn upload(
    app: &App,
    who: &Principal,
    code: &BusinessCode,
    component: Vec<u8>,
) -> Result<PluginView, Problem> {
    let business = line(app, who, code).await?;
    let settings = business.settings.to_string();
    let checked = app.plugins.check(code, &component, &business.grant, &settings).await;
    let (report, artefact) = checked.map_err(|error| refused(&error))?;
    let known = app.store.plugins(code).await.map_err(store_problem)?;
    if let Some(known) = known.into_iter().find(|version| version.digest == report.digest) {
        return Ok(known.into());
    }
    let version = PluginVersion {
        business: code.clone(),
        digest: report.digest,
        size: i64::try_from(report.size).map_err(Problem::internal)?,
        contract: report.contract.clone(),
        state: PluginState::Ready,
        uploaded_by: who.subject.clone(),
        uploaded_at: app.clock.now(),
        report: serde_json::to_value(&report).map_err(Problem::internal)?,
    };
    let digest = version.digest;
    let view = PluginView::from(version.clone());
    let deed = Deed {
        who,
        action: "plugin.upload",
        target: format!("{code}/{digest}"),
        detail: json!({"size": report.size}),
        key: None,
    };
    let view = deed.commit(app, vec![AdminWrite::PutPlugin { version, component }], view).await?;
    // Callable on this host at once; other hosts load it when they see the catalogue's revision.
    app.plugins.load(code, digest, &artefact, &business.grant).map_err(Problem::internal)?;
    app.loader.note(code, digest, &business.grant);
    Ok(view)
}

/// The versions of a line, oldest first.
pub async fn list(app: &App, who: &Principal, code: &BusinessCode) -> Result<Vec<PluginView>, Problem> {
    line(app, who, code).await?;
    Ok(app.store.plugins(code).await.map_err(store_problem)?.into_iter().map(PluginView::from).collect())
}

/// One version.
pub async fn get(app: &App, who: &Principal, code: &BusinessCode, digest: Digest) -> Result<PluginView, Problem> {
    line(app, who, code).await?;
    let versions = app.store.plugins(code).await.map_err(store_problem)?;
    let found = versions.into_iter().find(|version| version.digest == digest);
    found.map(PluginView::from).ok_or_else(|| Problem::not_found(format!("plugin {digest} of {code}")))
}

/// Makes a version the one that prices new orders; open orders keep theirs. Going back is activating an earlier one.
pub async fn activate(app: &App, who: &Principal, code: &BusinessCode, digest: Digest) -> Result<PluginView, Problem> {
    let mut view = get(app, who, code, digest).await?;
    let active = PluginState::Active.word();
    if view.state == active {
        return Ok(view);
    }
    active.clone_into(&mut view.state);
    // Before anybody is sent to it: a version that cannot be loaded here does not become the active one.
    ensure_loaded(app, code, digest).await?;
    let deed =
        Deed { who, action: "plugin.activate", target: format!("{code}/{digest}"), detail: json!({}), key: None };
    let write = AdminWrite::ActivatePlugin { business: code.clone(), digest };
    let view = deed.commit(app, vec![write], view).await?;
    app.plugins.activate(code, Some(digest)).map_err(Problem::internal)?;
    Ok(view)
}

fn refused(error: &UploadError) -> Problem {
    let code = match error {
        UploadError::Preflight(_) => "plugin-malformed",
        UploadError::Contract(_) | UploadError::Load(_) => "plugin-contract",
        UploadError::Compile(_) => "plugin-compile",
        UploadError::Trial { .. } => "plugin-trial",
    };
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        detail = format!("{detail}: {deeper}");
        cause = deeper.source();
    }
    Problem::new(Kind::Refused, code, detail)
}
