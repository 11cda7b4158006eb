//! A whole world for orders to live in: a host of the real binary, suppliers, lines, SKUs, stock, wallets, tokens.

pub(crate) mod admin;
pub mod catalogue;
pub mod line;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookline_servers::{COMPONENTS, required};
use hyper::Method;
use serde_json::Value;

use crate::checker::Database;
use crate::client::{Call, ClientError};
use crate::history::History;
use crate::journey::{self, Paying};
use crate::meter::Meter;
use crate::sandbox;
use crate::servers::{HostProcess, HostSettings, MASTER_KEY, ServerError, wait_until};
use crate::suppliers::Suppliers;
use crate::tokens::Mint;

pub use admin::Admin;
pub use line::{Line, LineSetup, Pace};

/// How long a new line may take to be sold from.
const SALE_LIMIT: Duration = Duration::from_secs(15);

/// Why a world or a journey in it failed. `Debug` is `Display`, since tests unwrap it.
#[derive(thiserror::Error)]
pub enum WorldError {
    /// A server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A call.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file or socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A database of the harness's own.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Something is not as it must be.
    #[error("{0}")]
    Wrong(String),
}

impl std::fmt::Debug for WorldError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Settings that every world's host gets.
pub fn host_settings() -> HostSettings {
    HostSettings::default()
        .set("ORDER_SANDBOX_ENABLED", "true")
        .set("ORDER_SANDBOX_SECRET", sandbox::SECRET)
        .set("ORDER_EGRESS_ALLOW_PRIVATE", "127.0.0.0/8")
        .set("ORDER_LOG", "warn,hookline=info")
}

/// The world. Dropped, its host is killed and its suppliers hang up.
#[derive(Debug)]
pub struct World {
    /// The platform.
    pub host: HostProcess,
    /// The suppliers.
    pub suppliers: Suppliers,
    /// Makes tokens.
    pub mint: Mint,
    /// What the clients saw.
    pub history: Arc<History>,
    /// How long calls took.
    pub meter: Arc<Meter>,
    database: Database,
}

impl World {
    /// The four lines on SQLite.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn on_sqlite() -> Result<Self, WorldError> {
        Self::start(host_settings(), &Pace::default()).await
    }

    /// The four lines on a PostgreSQL database.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn on_postgres(url: &str) -> Result<Self, WorldError> {
        Self::start(host_settings().set("ORDER_DB_URL", url), &Pace::default()).await
    }

    /// The four lines at a pace, on a host with these settings.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start(settings: HostSettings, pace: &Pace) -> Result<Self, WorldError> {
        let world = Self::empty(settings).await?;
        for line in Line::ALL {
            world.register(&LineSetup::new(line, pace, &world.suppliers)).await?;
        }
        for line in Line::ALL {
            world.sells(line, catalogue::items(line, 0)).await?;
        }
        Ok(world)
    }

    /// No lines yet.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn empty(settings: HostSettings) -> Result<Self, WorldError> {
        let io = |source| WorldError::Io { what: "starting the suppliers".to_owned(), source };
        let suppliers = Suppliers::start().await.map_err(io)?;
        let settings = settings.set("FULFILLMENT_SERVICE_URL", suppliers.depot.url());
        let database = settings.get("ORDER_DB_URL").map(|url| Database::Postgres(url.to_owned()));
        let folder = settings.get("ORDER_DATA_DIR").map(PathBuf::from);
        let host = HostProcess::start(settings).await?;
        let folder = folder.unwrap_or_else(|| host.data_folder());
        let database = database.unwrap_or_else(|| Database::Sqlite(folder.join("hookline.db")));
        let mint = Mint::new(MASTER_KEY);
        let (history, meter) = (Arc::default(), Arc::default());
        let world = Self { host, suppliers, mint, history, meter, database };
        world.point_suppliers();
        Ok(world)
    }

    /// Registers a line with its component, secrets, SKUs and stock.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn register(&self, setup: &LineSetup) -> Result<(), WorldError> {
        let component = component(&setup.component)?;
        self.admin().register(setup, component).await
    }

    /// Waits until a cart of the line is quoted: what operators change takes effect within a second.
    ///
    /// # Errors
    /// [`WorldError`] with the last refusal.
    pub async fn sells(&self, line: Line, items: Value) -> Result<(), WorldError> {
        let mut buyer = self.host.client().with_token(&self.mint.buyer("window-shopper"));
        let cart = journey::cart(line, items, Paying::Sandbox, "a-look");
        let mut last = String::new();
        let found = wait_until("a quote", SALE_LIMIT, async || -> Result<_, WorldError> {
            let answer = buyer.send(Call::new(Method::POST, "/api/v1/quotes").json(&cart)).await?;
            last = String::from_utf8_lossy(&answer.body).into_owned();
            Ok(answer.status.is_success().then_some(()))
        })
        .await;
        found.map_err(|error| WorldError::Wrong(format!("{error}: {} answers {last}", line.code())))
    }

    /// The admin's calls.
    pub fn admin(&self) -> Admin {
        Admin::new(self.host.client().with_token(&self.mint.admin()))
    }

    /// Where the platform listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Where the checker reads.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Tells the suppliers where the platform is: at the start and after every restart of the host.
    pub fn point_suppliers(&self) {
        self.suppliers.ear.set(self.host.client().with_token(&self.mint.business(Line::Topup.code())));
    }

    /// Starts the host again after it was killed or stopped.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn restart(&mut self) -> Result<(), WorldError> {
        self.host.restart().await?;
        self.point_suppliers();
        Ok(())
    }
}

/// A name that no earlier run on the same data had: begins the names of buyers, orders and keys.
pub fn run_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{:x}", since.as_millis())
    })
}

/// The bytes of a component that xtask built.
///
/// # Errors
/// When xtask did not.
pub fn component(name: &str) -> Result<Vec<u8>, WorldError> {
    let file = PathBuf::from(required(COMPONENTS)?).join(format!("{name}.wasm"));
    let what = || format!("reading {}", file.display());
    std::fs::read(&file).map_err(|source| WorldError::Io { what: what(), source })
}
