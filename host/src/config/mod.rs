//! Settings from `hookline.toml` and the environment (which wins), validated once at start.
//!
//! A setting has one name: `ORDER_HTTP_ADDR` in the environment is `order_http_addr` in the file. No setting at all
//! gives the embedded platform: SQLite, local locks, in-process broker. Secrets are `SecretString` and never printed.

mod keys;
mod private;
mod read;
mod settings;
mod source;
#[cfg(test)]
mod tests;

pub use keys::{Key, KeyError, Keys};
pub use private::{Cidr, PrivateAllowance};
pub use settings::{BrokerKind, Database, LockKind, Outside, Settings, Shards, SqliteSynchronous, TokenNames};
pub use source::{Place, SettingsError};
