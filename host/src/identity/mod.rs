//! Who calls: roles, our tokens (JWT, HS256) and API keys. Knows neither HTTP nor the database.

mod api_key;
mod principal;
mod token;

pub use api_key::{ApiKeys, MintedKey, PresentedKey};
pub use principal::{BadPrincipal, Principal, Role, UnknownRole};
pub use token::{TokenError, Tokens};
