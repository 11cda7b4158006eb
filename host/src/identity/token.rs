//! Our bearer tokens: JWT, HS256 and nothing else; `sub`, `role`, `iss`, `aud`, `nbf` and `exp` are required.

use std::sync::Arc;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::principal::{BadPrincipal, Principal, Role};
use crate::config::{Key, TokenNames};

/// Verified tokens remembered, so that a busy caller costs one signature check.
const REMEMBERED: usize = 10_000;
/// Longer ones are refused unread.
const TOKEN_MAX: usize = 4_096;
/// How far `nbf` may lie ahead: hosts' clocks differ. `exp` gets no leeway.
const NOT_BEFORE_LEEWAY_S: i64 = 5;

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a claim missing or of the wrong type, or too long.
    #[error("the token is malformed")]
    Malformed,
    /// Another algorithm or key.
    #[error("the token's signature is not ours")]
    Signature,
    /// Another issuer or audience.
    #[error("the token is meant for another service")]
    Foreign,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYet,
    /// The role and its parts contradict each other.
    #[error("the token's claims do not fit together")]
    Principal(#[from] BadPrincipal),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shops: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    business: Option<String>,
    iss: String,
    aud: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

struct Verified {
    principal: Arc<Principal>,
    not_before_s: i64,
    expires_s: i64,
}

/// Issues and verifies tokens. Made once; share it behind an `Arc`.
pub struct Tokens {
    names: TokenNames,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    remembered: Cache<Box<str>, Arc<Verified>>,
}

impl Tokens {
    /// For the token key of [`crate::config::Keys`].
    pub fn new(key: &Key, names: TokenNames) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked here against the host's clock; the library would read its own.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&names.issuer]);
        validation.set_audience(&[&names.audience]);
        Self {
            names,
            signing: EncodingKey::from_secret(key.expose()),
            verifying: DecodingKey::from_secret(key.expose()),
            validation,
            remembered: Cache::new(REMEMBERED),
        }
    }

    /// A token for `principal`, valid from `now` (epoch milliseconds) for `seconds`.
    pub fn issue(&self, principal: Principal, now: i64, seconds: u32) -> Result<String, TokenError> {
        let principal = principal.checked()?;
        let now_s = now.div_euclid(1_000);
        let claims = Claims {
            sub: principal.subject,
            role: principal.role,
            shops: principal.shops,
            business: principal.business,
            iss: self.names.issuer.clone(),
            aud: self.names.audience.clone(),
            iat: now_s,
            nbf: now_s,
            exp: now_s.saturating_add(i64::from(seconds)),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(|error| sort(&error))
    }

    /// Who presents `token` at `now` (epoch milliseconds). A remembered token is checked for its times only.
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<Principal>, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Malformed);
        }
        if let Some(verified) = self.remembered.get(token) {
            return verified.at(now).inspect_err(|_| drop(self.remembered.remove(token)));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|error| sort(&error))?
            .claims;
        let verified = Arc::new(Verified {
            not_before_s: claims.nbf,
            expires_s: claims.exp,
            principal: Arc::new(
                Principal { subject: claims.sub, role: claims.role, shops: claims.shops, business: claims.business }
                    .checked()?,
            ),
        });
        let principal = verified.at(now)?;
        self.remembered.insert(token.into(), verified);
        Ok(principal)
    }
}

impl Verified {
    fn at(&self, now: i64) -> Result<Arc<Principal>, TokenError> {
        let now_s = now.div_euclid(1_000);
        if now_s >= self.expires_s {
            Err(TokenError::Expired)
        } else if now_s.saturating_add(NOT_BEFORE_LEEWAY_S) < self.not_before_s {
            Err(TokenError::NotYet)
        } else {
            Ok(self.principal.clone())
        }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("names", &self.names).finish_non_exhaustive()
    }
}

fn sort(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            TokenError::Signature
        }
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience => TokenError::Foreign,
        // The library adds kinds; each is a token that it could not read.
        _ => TokenError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn tokens(audience: &str) -> Tokens {
        let names = TokenNames { issuer: "hookline".into(), audience: audience.into() };
        Tokens::new(&Key::new([3; 32]), names)
    }

    fn signed(claims: &serde_json::Value, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_secret(&[3; 32]);
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn claims() -> serde_json::Value {
        let now_s = NOW / 1_000;
        json!({"sub": "b-1", "role": "buyer", "iss": "hookline", "aud": "api", "iat": now_s, "nbf": now_s, "exp": now_s + 60})
    }

    #[test]
    fn an_issued_token_names_its_principal_until_it_expires() {
        let tokens = tokens("api");
        let shop = Principal { subject: "clerk".into(), role: Role::Shop, shops: vec!["s-1".into()], business: None };
        let token = tokens.issue(shop.clone(), NOW, 60).unwrap();
        for _ in 0..2 {
            assert_eq!(*tokens.verify(&token, NOW + 59_999).unwrap(), shop);
        }
        assert!(matches!(tokens.verify(&token, NOW + 60_000), Err(TokenError::Expired)));
        assert!(matches!(tokens.verify(&token, NOW - 6_000), Err(TokenError::NotYet)));
        assert!(tokens.verify(&token, NOW - 5_000).is_ok());
    }

    #[test]
    fn every_required_claim_is_required_and_typed() {
        let tokens = tokens("api");
        assert!(tokens.verify(&signed(&claims(), Algorithm::HS256), NOW).is_ok());
        for claim in ["sub", "role", "iss", "aud", "nbf", "exp"] {
            let mut without = claims();
            without.as_object_mut().unwrap().remove(claim);
            assert!(tokens.verify(&signed(&without, Algorithm::HS256), NOW).is_err(), "without {claim}");
            let mut odd = claims();
            odd[claim] = json!({"9": 9});
            assert!(tokens.verify(&signed(&odd, Algorithm::HS256), NOW).is_err(), "odd {claim}");
        }
        let mut textual = claims();
        textual["exp"] = json!("9999999999");
        assert!(tokens.verify(&signed(&textual, Algorithm::HS256), NOW).is_err());
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let ours = tokens("api");
        let elsewhere = tokens("billing").issue(Principal::buyer("b-1"), NOW, 60).unwrap();
        assert!(matches!(ours.verify(&elsewhere, NOW), Err(TokenError::Foreign)));
        assert!(matches!(ours.verify(&signed(&claims(), Algorithm::HS512), NOW), Err(TokenError::Signature)));
        let mut forged = ours.issue(Principal::buyer("b-1"), NOW, 60).unwrap();
        let last = forged.pop().unwrap();
        forged.push(if last == 'A' { 'Q' } else { 'A' });
        assert!(matches!(ours.verify(&forged, NOW), Err(TokenError::Signature)));
        // {"alg":"none"} with no signature
        assert!(ours.verify("eyJhbGciOiJub25lIn0.e30.", NOW).is_err());
        assert!(matches!(ours.verify(&"a".repeat(5_000), NOW), Err(TokenError::Malformed)));
    }

    #[test]
    fn a_principal_that_contradicts_itself_gets_no_token() {
        let shopless = Principal { role: Role::Shop, ..Principal::buyer("clerk") };
        assert!(matches!(tokens("api").issue(shopless, NOW, 60), Err(TokenError::Principal(BadPrincipal::Shops))));
    }
}
