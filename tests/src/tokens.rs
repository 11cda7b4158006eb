//! Tokens for every role, made as the host makes them: cheap enough for thousands of buyers.

use std::time::{SystemTime, UNIX_EPOCH};

use hookline::config::{Key, Keys, TokenNames};
use hookline::identity::{Principal, Role, Tokens};

const LIFETIME_S: u32 = 86_400;

/// Makes tokens that a host with the harness's master key accepts.
pub struct Mint(Tokens);

impl std::fmt::Debug for Mint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Mint")
    }
}

impl Mint {
    /// For a host with this master key (hex).
    pub fn new(master_key: &str) -> Self {
        let mut bytes = [0; 32];
        hex::decode_to_slice(master_key, &mut bytes).expect("the master key is 64 hexadecimal digits");
        let names = TokenNames { issuer: "hookline".to_owned(), audience: "hookline".to_owned() };
        Self(Tokens::new(&Keys::derive(&Key::new(bytes)).token, names))
    }

    /// A buyer's.
    pub fn buyer(&self, id: &str) -> String {
        self.issue(Principal::buyer(id))
    }

    /// An admin's.
    pub fn admin(&self) -> String {
        self.issue(principal("root", Role::Admin))
    }

    /// An operator's.
    pub fn operator(&self) -> String {
        self.issue(principal("operator", Role::Operator))
    }

    /// Of the business line `code`: suppliers' signals come with it.
    pub fn business(&self, code: &str) -> String {
        self.issue(Principal {
            business: Some(code.to_owned()),
            ..principal(&format!("{code}-service"), Role::Business)
        })
    }

    /// Of a shop: ship notices come with it.
    pub fn shop(&self, shop: &str) -> String {
        self.issue(Principal { shops: vec![shop.to_owned()], ..principal(&format!("{shop}-clerk"), Role::Shop) })
    }

    fn issue(&self, principal: Principal) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        let now = i64::try_from(since.as_millis()).expect("before the year 292 million");
        self.0.issue(principal, now, LIFETIME_S).expect("principals of tests are whole")
    }
}

fn principal(subject: &str, role: Role) -> Principal {
    Principal { subject: subject.to_owned(), role, shops: Vec::new(), business: None }
}
