//! All settings as types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::private::PrivateAllowance;
use crate::domain::ids::Slot;
use crate::telemetry::LogFormat;

/// Every setting of the process. Changing one needs a restart.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ORDER_HTTP_ADDR`
    pub http_addr: SocketAddr,
    /// `ORDER_PUBLIC_URL`: what buyers' browsers can reach, without a slash at the end; default is the HTTP address.
    pub public_url: String,
    /// `ORDER_DATA_DIR`: database, caches, lock file and master key.
    pub data_dir: PathBuf,
    /// `ORDER_DB_URL`
    pub database: Database,
    /// `TableShardNums`
    pub shards: Shards,
    /// `ORDER_REDIS_URL`
    pub redis_url: Option<SecretString>,
    /// `ORDER_EVENT_BROKER`
    pub broker: BrokerKind,
    /// `ORDER_EVENT_TOPIC`: the first part of every stream's key.
    pub event_topic: String,
    /// `ORDER_EVENT_CONSUMER_GROUPS`: streams are never trimmed past what these have confirmed.
    pub event_consumer_groups: Vec<String>,
    /// `ORDER_LOCK`
    pub lock: LockKind,
    /// `ORDER_MASTER_KEY`; see [`super::Keys::load`].
    pub master_key: Option<SecretString>,
    /// `ORDER_TOKEN_ISSUER`, `ORDER_TOKEN_AUDIENCE`
    pub token: TokenNames,
    /// `ORDER_SANDBOX_ENABLED`: the development pay page and provider. Never in production.
    pub sandbox_enabled: bool,
    /// `ORDER_SANDBOX_SECRET`: signs the sandbox's callbacks; required when it is enabled.
    pub sandbox_secret: Option<SecretString>,
    /// `ORDER_EGRESS_ALLOW_PRIVATE`
    pub egress_allow_private: Vec<PrivateAllowance>,
    /// `ORDER_COMPILE_CHILD`: the program that compiles components; none is the running one.
    pub compile_child: Option<PathBuf>,
    /// `PAYMENT_GATEWAY_URL`, `PAYMENT_TIMEOUT`
    pub payment: Outside,
    /// `PAYMENT_QUERY_MS`: first pause before a provider is asked about an open payment, milliseconds; doubles.
    pub payment_query_ms: i64,
    /// `REFUND_RETRY_MS`: first pause before a provider is asked again about a refund, milliseconds; doubles.
    pub refund_retry_ms: i64,
    /// `FULFILLMENT_SERVICE_URL`, `FULFILLMENT_TIMEOUT`
    pub fulfillment: Outside,
    /// `ORDER_LOG`: a filter such as `info,hookline=debug`.
    pub log: String,
    /// `ORDER_LOG_FORMAT`
    pub log_format: LogFormat,
    /// `ORDER_RELAY_POLL_MS`: how long the relay sleeps when nothing wakes it.
    pub relay_poll: Duration,
    /// `ORDER_REQUEST_LIMIT_KIB`: the largest request body, here in bytes. Uploads have their own limit.
    pub request_limit: usize,
    /// `ORDER_REQUEST_TIMEOUT_S`
    pub request_timeout: Duration,
}

/// How many shards an operator counts the 16 slot groups as: 1, 2, 4, 8 or 16. It only names them; where rows are does
/// not follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(u32);

impl Shards {
    /// Into so many; none unless they divide the slot groups.
    pub fn new(count: u32) -> Option<Self> {
        matches!(count, 1 | 2 | 4 | 8 | 16).then_some(Self(count))
    }

    /// The shard of a slot, from 0.
    pub fn of(self, slot: Slot) -> u32 {
        u32::from(slot.group()) % self.0
    }
}

/// Which store.
#[derive(Clone, Debug)]
pub enum Database {
    /// Embedded.
    Sqlite {
        /// The database file.
        file: PathBuf,
        /// `ORDER_SQLITE_SYNCHRONOUS`
        synchronous: SqliteSynchronous,
    },
    /// PostgreSQL 15 or later.
    Postgres(SecretString),
}

/// What SQLite waits for at a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SqliteSynchronous {
    /// The disk: an acknowledged order survives a power cut.
    #[default]
    Full,
    /// The operating system: the last orders may be lost at a power cut.
    Normal,
}

/// Where events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BrokerKind {
    /// Within the process.
    #[default]
    Memory,
    /// Redis Streams.
    Redis,
}

/// Who keeps locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockKind {
    /// The process.
    #[default]
    Local,
    /// Redis, shared by all hosts.
    Redis,
}

/// A service outside the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its base address without a slash at the end.
    pub url: Option<String>,
    /// How long one call may take.
    pub timeout: Duration,
}

/// What our tokens must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenNames {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
}

macro_rules! words {
    ($type:ty { $($word:literal => $value:expr),* }) => {
        impl FromStr for $type {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(()),
                }
            }
        }
    };
}

words!(SqliteSynchronous { "full" => Self::Full, "normal" => Self::Normal });
words!(BrokerKind { "memory" => Self::Memory, "redis" => Self::Redis });
words!(LockKind { "local" => Self::Local, "redis" => Self::Redis });
