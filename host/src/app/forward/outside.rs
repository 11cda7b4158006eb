//! Calls to suppliers: the request as data goes out with its secret, the answer comes back for the journal.

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::app::App;
use crate::app::orders::store_problem;
use crate::app::problem::Problem;
use crate::domain::hook::{Answer, Auth, HmacPart, Hook, HttpRequest, HttpResponse, JournalEntry, Repeat};
use crate::domain::ids::{BusinessCode, Digest, OrderNo};
use crate::egress;
use crate::faults;
use crate::secrets::Place;

/// A call that a hook asked for, ready to be made.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) no: OrderNo,
    pub(super) business: BusinessCode,
    pub(super) hook: Hook,
    pub(super) index: u32,
    pub(super) request: HttpRequest,
}

/// The answer to a call, not yet in the journal.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) hook: Hook,
    pub(super) index: u32,
    pub(super) digest: Digest,
    pub(super) outcome: ArrivedOutcome,
}

#[derive(Debug, Clone)]
pub(super) enum ArrivedOutcome {
    Entry(JournalEntry),
    /// A request that must not be repeated may have arrived: a person must look.
    Unknown(String),
    /// Never sent: the grant or a limit forbids it.
    Refused(String),
}

/// SHA-256 of the request without its secrets (it never has any).
pub(super) fn request_digest(request: &HttpRequest) -> Digest {
    let json = serde_json::to_vec(request).unwrap_or_default();
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, &json).as_ref());
    Digest(bytes)
}

/// Makes the call. The idempotency key names order, hook and place in the journal, so a repeat carries the same one.
pub(super) async fn call_out(app: &App, outgoing: Outgoing) -> Result<Arrived, Problem> {
    let request_digest = request_digest(&outgoing.request);
    let catalogue = app.catalogue.now();
    let origins = catalogue.businesses.get(&outgoing.business).map(|b| b.grant.origins.clone()).unwrap_or_default();
    let outcome = match prepare(&outgoing, &origins) {
        Err(why) => ArrivedOutcome::Refused(why),
        Ok((call, grant)) => {
            let secrets = line_secrets(app, &outgoing.business).await?;
            let sent = app.egress.send(&call, &grant, &secrets).await;
            faults::point("after-call-before-journal");
            outcome(app, sent)
        }
    };
    Ok(Arrived { hook: outgoing.hook, index: outgoing.index, digest: request_digest, outcome })
}

fn outcome(app: &App, sent: Result<egress::Outcome, egress::Refusal>) -> ArrivedOutcome {
    let entry = |answer| ArrivedOutcome::Entry(JournalEntry { at: app.clock.now(), answer });
    match sent {
        Ok(egress::Outcome::Answered(a)) => {
            entry(Answer::Response(HttpResponse { status: a.status, headers: a.headers, body: a.body }))
        }
        Ok(egress::Outcome::Failed(failure)) => entry(Answer::Failed(failure.to_string())),
        Ok(egress::Outcome::Unknown(failure)) => ArrivedOutcome::Unknown(failure.to_string()),
        Err(refusal) => ArrivedOutcome::Refused(refusal.to_string()),
    }
}

fn prepare(outgoing: &Outgoing, origins: &[String]) -> Result<(egress::Call, egress::Grant), String> {
    let request = &outgoing.request;
    let grant = egress::Grant::parse(origins.iter().map(String::as_str)).map_err(|e| e.to_string())?;
    let method = egress::Method::parse(&request.method).ok_or_else(|| format!("no method {:?}", request.method))?;
    let call = egress::Call {
        method,
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        auth: auth(&request.auth),
        repeat: match request.repeat {
            Repeat::Safe => egress::Repeat::Safe,
            Repeat::ByKey => egress::Repeat::ByKey,
            Repeat::Never => egress::Repeat::Never,
        },
        timeout_ms: request.timeout_ms,
        idempotency_key: format!("{}:{}:{}", outgoing.no, outgoing.hook.as_str(), outgoing.index),
    };
    Ok((call, grant))
}

fn auth(auth: &Auth) -> egress::Auth {
    match auth.clone() {
        Auth::None => egress::Auth::None,
        Auth::Bearer(secret) => egress::Auth::Bearer { secret },
        Auth::Header { header, secret } => egress::Auth::Header { header, secret },
        Auth::Basic { user, secret } => egress::Auth::Basic { user, secret },
        Auth::HmacSha256 { secret, header, parts } => egress::Auth::HmacSha256 {
            secret,
            header,
            parts: parts
                .iter()
                .map(|part| match part {
                    HmacPart::Method => egress::Part::Method,
                    HmacPart::Path => egress::Part::Path,
                    HmacPart::Body => egress::Part::Body,
                    HmacPart::Timestamp => egress::Part::Timestamp,
                })
                .collect(),
        },
    }
}

async fn line_secrets(app: &App, business: &BusinessCode) -> Result<egress::LineSecrets, Problem> {
    let mut secrets = egress::LineSecrets::default();
    for name in app.store.secret_names(business).await.map_err(store_problem)? {
        if let Some(secret) = line_secret(app, business, &name).await? {
            secrets.0.insert(name, secret.as_str().into());
        }
    }
    Ok(secrets)
}

/// A secret of a line in clear, if it is set; wiped when dropped.
pub(in crate::app) async fn line_secret(
    app: &App,
    business: &BusinessCode,
    name: &str,
) -> Result<Option<Zeroizing<String>>, Problem> {
    let Some(sealed) = app.store.secret(business, name).await.map_err(store_problem)? else { return Ok(None) };
    let plain = app.sealer.open(Place(&["secret", business.as_str(), name]), &sealed).map_err(Problem::internal)?;
    let text = std::str::from_utf8(&plain).map_err(Problem::internal)?.to_owned();
    Ok(Some(Zeroizing::new(text)))
}
