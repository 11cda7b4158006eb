//! The router in process over a real SQLite store.

mod accounts;
mod bodies;
mod creation;
mod document;
mod lines;
mod owners;
mod packages;
mod reconcile;
mod rights;
mod upkeep;
mod wallet;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::catalogue::Catalogue;
use crate::app::fulfilment::Silence;
use crate::app::loading::Loader;
use crate::app::numbers::Numbers;
use crate::app::{App, Parts};
use crate::clock::{Clock, ManualClock};
use crate::config::{Key, Keys, Settings};
use crate::egress::{Egress, Retries};
use crate::entropy::Entropy;
use crate::health::Health;
use crate::identity::{ApiKeys, Principal, Role, Tokens};
use crate::lock::{LocalLocks, Locks};
use crate::payment::{Providers, Sandbox};
use crate::plugin::{PluginSettings, Plugins};
use crate::secrets::Sealer;
use crate::store::{self, Store};
use crate::tasks::Tasks;

/// 2026-09-21T14:13:20Z
pub(super) const NOW: i64 = 1_790_000_000_000;

const SANDBOX_SECRET: &str = "a secret of the sandbox provider";

/// A host without a listener. Its clock stands still.
pub(super) struct Host {
    pub(super) app: App,
    /// Moves its clock.
    pub(super) hand: ManualClock,
    router: Router,
    _folder: tempfile::TempDir,
}

/// An answer, its body parsed.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) headers: axum::http::HeaderMap,
}

impl Host {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let environment = [
            ("ORDER_DATA_DIR".to_owned(), folder.path().display().to_string()),
            ("ORDER_SANDBOX_ENABLED".to_owned(), "true".to_owned()),
            ("ORDER_SANDBOX_SECRET".to_owned(), SANDBOX_SECRET.to_owned()),
        ];
        let settings = Settings::from_parts(None, environment).unwrap();
        let (clock, hand) = Clock::manual(NOW);
        let loopback = ["127.0.0.0/8".parse().unwrap()];
        let entropy = Entropy::seeded(1);
        let keys = Keys::derive(&Key::new([1; 32]));
        let file = format!("sqlite:{}", folder.path().join("test.db").display());
        let app = App::new(Parts {
            store: Store::open(store::Settings::new(file)).await.unwrap(),
            plugins: Plugins::start(&PluginSettings { compiler: "false".into(), threads: 1, slots: 2 }).unwrap(),
            providers: Providers::new()
                .with("balance", std::sync::Arc::new(crate::payment::Balance))
                .with_sandbox(std::sync::Arc::new(Sandbox::new(SANDBOX_SECRET.into(), settings.public_url.clone()))),
            locks: Locks::Local(LocalLocks::new()),
            fulfilment: Silence::default(),
            egress: Egress::new(&loopback, Retries::default(), clock.clone(), entropy.clone()).unwrap(),
            sealer: Sealer::new(&keys.secret, entropy.clone()),
            loader: Loader::default(),
            health: Health::new(),
            catalogue: Catalogue::default(),
            numbers: Numbers::default(),
            tokens: Tokens::new(&keys.token, settings.token.clone()),
            api_keys: ApiKeys::new(&keys.api_key),
            clock,
            entropy,
            tasks: Tasks::new(),
            settings,
        });
        crate::app::catalogue::refresh(&app).await.unwrap();
        let router = super::router(app.clone(), None);
        Self { app, hand, router, _folder: folder }
    }

    /// A token for somebody.
    pub(super) fn token(&self, who: Principal) -> String {
        self.app.tokens.issue(who, NOW, 600).unwrap()
    }

    /// Sends a JSON body as somebody.
    pub(super) async fn send(&self, who: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(who, method, path, body, &[]).await
    }

    /// The same with more headers.
    pub(super) async fn send_with(
        &self,
        who: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(bearer) = who {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answer(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// The body of any request's answer, byte by byte.
    pub(super) async fn text(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// Sends any request.
    pub(super) async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, body, headers: parts.headers }
    }
}

/// Somebody of a role: shops `shop-1`, line `goods`.
pub(super) fn somebody(role: Role) -> Principal {
    Principal {
        subject: format!("some-{role}"),
        role,
        shops: if role == Role::Shop { vec!["shop-1".into()] } else { vec![] },
        business: (role == Role::Business).then(|| "goods".into()),
    }
}
