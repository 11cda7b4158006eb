//! A caller and what it may touch.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and drives its own orders.
    Buyer,
    /// Sees and serves the shop orders of its shops.
    Shop,
    /// Runs one business line.
    Business,
    /// Keeps the platform running: sees all orders, settles what is stuck.
    Operator,
    /// May also register lines and change grants.
    Admin,
}

impl Role {
    /// All roles, for tables of rights.
    pub const ALL: [Self; 5] = [Self::Buyer, Self::Shop, Self::Business, Self::Operator, Self::Admin];

    /// The lower-case word used in tokens and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Shop => "shop",
            Self::Business => "business",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.word() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is buyer, shop, business, operator or admin")]
pub struct UnknownRole;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The caller's id: the buyer id for a buyer. Not empty, at most 128 bytes, no NUL.
    pub subject: String,
    /// What it is.
    pub role: Role,
    /// The shops of a shop; empty for other roles.
    pub shops: Vec<String>,
    /// The line of a business; none for other roles.
    pub business: Option<String>,
}

/// The parts of a principal contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPrincipal {
    /// Empty, too long or with a NUL.
    #[error("a subject has 1 to 128 bytes and no NUL")]
    Subject,
    /// `shops` and only it needs shops.
    #[error("the role shop, and only it, names 1 to 64 shops")]
    Shops,
    /// `business` and only it needs a line.
    #[error("the role business, and only it, names its line")]
    Business,
}

impl Principal {
    const SUBJECT_MAX: usize = 128;
    const SHOPS_MAX: usize = 64;

    /// A buyer.
    pub fn buyer(id: impl Into<String>) -> Self {
        Self { subject: id.into(), role: Role::Buyer, shops: Vec::new(), business: None }
    }

    /// Checks what tokens and stored keys must fulfil.
    pub fn checked(self) -> Result<Self, BadPrincipal> {
        let name = |text: &str| !text.is_empty() && text.len() <= Self::SUBJECT_MAX && !text.contains('\0');
        if !name(&self.subject) {
            return Err(BadPrincipal::Subject);
        }
        let shops_fit = match self.role {
            Role::Shop => (1..=Self::SHOPS_MAX).contains(&self.shops.len()) && self.shops.iter().all(|shop| name(shop)),
            Role::Buyer | Role::Business | Role::Operator | Role::Admin => self.shops.is_empty(),
        };
        if !shops_fit {
            return Err(BadPrincipal::Shops);
        }
        let line_fits = match self.role {
            Role::Business => self.business.as_deref().is_some_and(name),
            Role::Buyer | Role::Shop | Role::Operator | Role::Admin => self.business.is_none(),
        };
        if line_fits { Ok(self) } else { Err(BadPrincipal::Business) }
    }

    /// Whether a shop order of `shop` is the caller's own as a seller.
    pub fn serves_shop(&self, shop: &str) -> bool {
        self.role == Role::Shop && self.shops.iter().any(|own| own == shop)
    }

    /// Whether the caller runs the business line `code`.
    pub fn runs_business(&self, code: &str) -> bool {
        self.role == Role::Business && self.business.as_deref() == Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_roles() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.word());
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn parts_fit_the_role() {
        let buyer = Principal::buyer("b-1");
        assert!(buyer.clone().checked().is_ok());
        assert_eq!(Principal::buyer("").checked(), Err(BadPrincipal::Subject));
        assert_eq!(Principal { role: Role::Shop, ..buyer.clone() }.checked(), Err(BadPrincipal::Shops));
        assert_eq!(Principal { role: Role::Business, ..buyer.clone() }.checked(), Err(BadPrincipal::Business));
        let both = Principal { business: Some("hotel".into()), ..buyer };
        assert_eq!(both.checked(), Err(BadPrincipal::Business));
    }
}
