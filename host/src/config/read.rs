//! Reads and checks every setting.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::private::PrivateAllowance;
use super::settings::{BrokerKind, Database, LockKind, Outside, Settings, Shards, SqliteSynchronous, TokenNames};
use super::source::{SettingsError, Source};
use crate::telemetry::LogFormat;

/// Looked for in the working directory when no file is named.
const DEFAULT_FILE: &str = "hookline.toml";
const DEFAULT_DATA_DIR: &str = "./hookline-data";
const DATABASE_FILE: &str = "hookline.db";

const NAMES: &[&str] = &[
    "ORDER_HTTP_ADDR",
    "ORDER_PUBLIC_URL",
    "ORDER_DATA_DIR",
    "ORDER_DB_URL",
    // As the sharded original names them, and in capitals.
    "DBName",
    "DBNAME",
    "TableShardNums",
    "TABLESHARDNUMS",
    "ORDER_SQLITE_SYNCHRONOUS",
    "ORDER_REDIS_URL",
    "ORDER_EVENT_BROKER",
    "ORDER_EVENT_TOPIC",
    "ORDER_EVENT_CONSUMER_GROUPS",
    "ORDER_LOCK",
    "ORDER_MASTER_KEY",
    "ORDER_TOKEN_ISSUER",
    "ORDER_TOKEN_AUDIENCE",
    "ORDER_SANDBOX_ENABLED",
    "ORDER_SANDBOX_SECRET",
    "ORDER_EGRESS_ALLOW_PRIVATE",
    "ORDER_COMPILE_CHILD",
    "PAYMENT_GATEWAY_URL",
    "PAYMENT_TIMEOUT",
    "PAYMENT_QUERY_MS",
    "REFUND_RETRY_MS",
    "FULFILLMENT_SERVICE_URL",
    "FULFILLMENT_TIMEOUT",
    "ORDER_LOG",
    "ORDER_LOG_FORMAT",
    "ORDER_RELAY_POLL_MS",
    "ORDER_REQUEST_LIMIT_KIB",
    "ORDER_REQUEST_TIMEOUT_S",
];

impl Settings {
    /// Reads `file`, or `hookline.toml` of the working directory if it is there, and the process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::from_parts(file, environment)
    }

    /// The same from a given environment, for tests and tools.
    pub fn from_parts(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let source = Source::read(file, environment, NAMES)?;
        let data_dir = PathBuf::from(source.text("ORDER_DATA_DIR")?.unwrap_or_else(|| DEFAULT_DATA_DIR.to_owned()));
        let http_addr = source.parsed(
            "ORDER_HTTP_ADDR",
            SocketAddr::from(([127, 0, 0, 1], 8080)),
            "an address and port such as 127.0.0.1:8080",
        )?;
        let redis_url = redis_url(&source)?;
        let settings = Self {
            http_addr,
            public_url: base_url(&source, "ORDER_PUBLIC_URL")?.unwrap_or_else(|| format!("http://{http_addr}")),
            database: database(&source, &data_dir)?,
            data_dir,
            shards: shards(&source)?,
            broker: source.parsed("ORDER_EVENT_BROKER", BrokerKind::Memory, "memory or redis")?,
            event_topic: name(&source, "ORDER_EVENT_TOPIC", "order.events")?,
            event_consumer_groups: source.list("ORDER_EVENT_CONSUMER_GROUPS")?,
            lock: source.parsed(
                "ORDER_LOCK",
                if redis_url.is_some() { LockKind::Redis } else { LockKind::Local },
                "local or redis",
            )?,
            redis_url,
            master_key: source.secret("ORDER_MASTER_KEY")?,
            token: TokenNames {
                issuer: name(&source, "ORDER_TOKEN_ISSUER", "hookline")?,
                audience: name(&source, "ORDER_TOKEN_AUDIENCE", "hookline")?,
            },
            sandbox_enabled: source.parsed("ORDER_SANDBOX_ENABLED", false, "true or false")?,
            sandbox_secret: source.secret("ORDER_SANDBOX_SECRET")?,
            egress_allow_private: allow_private(&source)?,
            compile_child: source.text("ORDER_COMPILE_CHILD")?.map(PathBuf::from),
            payment: outside(&source, "PAYMENT_GATEWAY_URL", "PAYMENT_TIMEOUT", 10)?,
            payment_query_ms: millis(source.number("PAYMENT_QUERY_MS", 15_000, 100..=3_600_000)?),
            refund_retry_ms: millis(source.number("REFUND_RETRY_MS", 5_000, 100..=3_600_000)?),
            fulfillment: outside(&source, "FULFILLMENT_SERVICE_URL", "FULFILLMENT_TIMEOUT", 5)?,
            log: source.text("ORDER_LOG")?.unwrap_or_else(|| "info".to_owned()),
            log_format: source.parsed("ORDER_LOG_FORMAT", LogFormat::Text, "text or json")?,
            relay_poll: Duration::from_millis(source.number("ORDER_RELAY_POLL_MS", 100, 10..=60_000)?),
            request_limit: kib(source.number("ORDER_REQUEST_LIMIT_KIB", 256, 1..=16_384)?),
            request_timeout: Duration::from_secs(source.number("ORDER_REQUEST_TIMEOUT_S", 30, 1..=600)?),
        };
        settings.check_together()?;
        Ok(settings)
    }

    fn check_together(&self) -> Result<(), SettingsError> {
        let missing = |name, why| Err(SettingsError::Missing { name, why });
        if self.redis_url.is_none() && self.broker == BrokerKind::Redis {
            return missing("ORDER_REDIS_URL", "ORDER_EVENT_BROKER is redis");
        }
        if self.redis_url.is_none() && self.lock == LockKind::Redis {
            return missing("ORDER_REDIS_URL", "ORDER_LOCK is redis");
        }
        if self.sandbox_secret.is_none() && self.sandbox_enabled {
            return missing("ORDER_SANDBOX_SECRET", "ORDER_SANDBOX_ENABLED is true");
        }
        if self.master_key.is_none() && matches!(self.database, Database::Postgres(_)) {
            return missing("ORDER_MASTER_KEY", "all hosts on one PostgreSQL share it");
        }
        Ok(())
    }
}

fn millis(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn kib(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(1024)
}

fn database(source: &Source, data_dir: &Path) -> Result<Database, SettingsError> {
    let synchronous = source.parsed("ORDER_SQLITE_SYNCHRONOUS", SqliteSynchronous::Full, "full or normal")?;
    let name = database_name(source)?;
    let named = |file: PathBuf| match &name {
        Some(name) => file.with_file_name(format!("{name}.db")),
        None => file,
    };
    let Some(url) = source.secret("ORDER_DB_URL")? else {
        return Ok(Database::Sqlite { file: named(data_dir.join(DATABASE_FILE)), synchronous });
    };
    let text = url.expose_secret();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(name.map_or_else(|| url.clone(), |name| in_database(text, &name))));
    }
    match text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest)) {
        Some(file) if !file.is_empty() && !file.contains('?') && !file.starts_with(':') => {
            Ok(Database::Sqlite { file: named(PathBuf::from(file)), synchronous })
        }
        _ => Err(source.invalid("ORDER_DB_URL", "must be postgres://… or sqlite:<file>")),
    }
}

/// Characters of a database's name: what PostgreSQL keeps of one.
const DATABASE_NAME_MAX: usize = 63;

fn database_name(source: &Source) -> Result<Option<String>, SettingsError> {
    const NAME: &str = "DBName";
    let Some(name) = source.text(NAME)? else { return Ok(None) };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.len() <= DATABASE_NAME_MAX && name.chars().all(plain) {
        return Ok(Some(name));
    }
    let expected = format!("must be at most {DATABASE_NAME_MAX} letters, digits and the characters _ -");
    Err(source.invalid(NAME, format!("{expected}, not `{name}`")))
}

/// A PostgreSQL address with another database in its path.
fn in_database(url: &str, name: &str) -> SecretString {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let (place, options) = rest.split_once('?').map_or((rest, None), |(place, options)| (place, Some(options)));
    let server = place.split('/').next().unwrap_or_default();
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    SecretString::from(format!("{scheme}://{server}/{name}{options}"))
}

fn shards(source: &Source) -> Result<Shards, SettingsError> {
    const NAME: &str = "TableShardNums";
    /// As the sharded original.
    const DEFAULT: u32 = 2;
    let expected = "1, 2, 4, 8 or 16, so that it divides the 16 slot groups";
    let count = source.parsed(NAME, DEFAULT, expected)?;
    Shards::new(count).ok_or_else(|| source.invalid(NAME, format!("must be {expected}, not `{count}`")))
}

fn redis_url(source: &Source) -> Result<Option<SecretString>, SettingsError> {
    let url = source.secret("ORDER_REDIS_URL")?;
    match &url {
        Some(text) if redis::parse_redis_url(text.expose_secret()).is_none() => {
            Err(source.invalid("ORDER_REDIS_URL", "must be redis://[user:password@]host[:port][/database]"))
        }
        _ => Ok(url),
    }
}

fn base_url(source: &Source, setting: &'static str) -> Result<Option<String>, SettingsError> {
    let Some(text) = source.text(setting)? else { return Ok(None) };
    let usable = reqwest::Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if usable {
        Ok(Some(text.trim_end_matches('/').to_owned()))
    } else {
        Err(source.invalid(setting, "must be an http or https address without user, query and fragment"))
    }
}

fn outside(
    source: &Source,
    url: &'static str,
    timeout: &'static str,
    default_seconds: u64,
) -> Result<Outside, SettingsError> {
    Ok(Outside {
        url: base_url(source, url)?,
        timeout: Duration::from_secs(source.number(timeout, default_seconds, 1..=120)?),
    })
}

fn name(source: &Source, setting: &'static str, default: &str) -> Result<String, SettingsError> {
    let text = source.text(setting)?.unwrap_or_else(|| default.to_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    if text.len() <= 128 && text.chars().all(plain) {
        Ok(text)
    } else {
        Err(source.invalid(setting, "must be at most 128 letters, digits and the characters . _ - / :"))
    }
}

fn allow_private(source: &Source) -> Result<Vec<PrivateAllowance>, SettingsError> {
    const NAME: &str = "ORDER_EGRESS_ALLOW_PRIVATE";
    source
        .list(NAME)?
        .into_iter()
        .map(|entry| {
            entry.parse().map_err(|()| {
                source.invalid(NAME, format!("`{entry}` is neither host:port nor a block such as 10.0.0.0/8"))
            })
        })
        .collect()
}
