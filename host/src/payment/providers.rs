//! The accounts this host can use now.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Provider, Sandbox};
use crate::domain::ids::{MerchantAccount, PaymentMethod};

/// Accounts by method and name. The fixed ones (wallet, sandbox) come from the settings; the others follow what
/// operators set up. Cheap to clone; clones share what is in it.
#[derive(Clone, Default)]
pub struct Providers {
    fixed: HashMap<(String, String), Arc<dyn Provider>>,
    sandbox: Option<Arc<Sandbox>>,
    accounts: Arc<RwLock<HashMap<(String, String), Known>>>,
}

#[derive(Clone)]
struct Known {
    /// Changes whenever the account's row does.
    revision: i64,
    provider: Arc<dyn Provider>,
}

impl Providers {
    /// None at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more method under [`MerchantAccount::own`].
    #[must_use]
    pub fn with(mut self, method: &str, provider: Arc<dyn Provider>) -> Self {
        self.fixed.insert((method.to_owned(), MerchantAccount::own().to_string()), provider);
        self
    }

    /// With the sandbox as a method; its page can then tell it what a buyer does.
    #[must_use]
    pub fn with_sandbox(mut self, sandbox: Arc<Sandbox>) -> Self {
        self.sandbox = Some(sandbox.clone());
        self.with("sandbox", sandbox)
    }

    /// The sandbox, if it is enabled.
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_deref()
    }

    /// The provider of an account.
    pub fn get(&self, method: &str, account: &str) -> Option<Arc<dyn Provider>> {
        let key = (method.to_owned(), account.to_owned());
        if let Some(fixed) = self.fixed.get(&key) {
            return Some(fixed.clone());
        }
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&key).map(|known| known.provider.clone())
    }

    /// Whether a method needs no merchant account.
    pub fn is_fixed(&self, method: &str) -> bool {
        self.fixed.keys().any(|(own, _)| own == method)
    }

    /// The methods that need no merchant account.
    pub fn fixed(&self) -> impl Iterator<Item = &str> {
        self.fixed.keys().map(|(method, _)| method.as_str())
    }

    /// Follows the accounts that are set up: each with the revision of its row and a way to make its provider. One
    /// whose revision is unchanged stays as it is, with its breaker and its tokens; one that is not named goes.
    pub fn replace(
        &self,
        accounts: impl IntoIterator<Item = (PaymentMethod, MerchantAccount, i64)>,
        make: impl Fn(&PaymentMethod, &MerchantAccount) -> Option<Arc<dyn Provider>>,
    ) {
        let before = self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut after = HashMap::new();
        for (method, account, revision) in accounts {
            let key = (method.to_string(), account.to_string());
            let known = before.get(&key).filter(|known| known.revision == revision).cloned();
            let known = known.or_else(|| Some(Known { revision, provider: make(&method, &account)? }));
            if let Some(known) = known {
                after.insert(key, known);
            }
        }
        *self.accounts.write().unwrap_or_else(PoisonError::into_inner) = after;
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(self.fixed.keys()).entries(accounts.keys()).finish()
    }
}
