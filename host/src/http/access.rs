//! Who may use which route: said where the route is added, written into the OpenAPI document, enforced from it.

use axum::http::Method;
use axum::routing::MethodRouter;
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Paths};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, RefOr, schema::Schema};

use super::Shared;
use crate::identity::Role;

/// Roles of an operation, in the document.
pub(super) const ROLES: &str = "x-roles";
const UPLOAD: &str = "x-upload";
const PUBLIC: &str = "public";

/// One handler with its documentation, as `routes!` makes it.
pub(super) type Documented = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<Shared>);

/// Who may use a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, without a token.
    Public,
    /// These roles. None at all: nobody.
    Roles(Vec<Role>),
}

impl Access {
    /// What the document says of an operation. Nothing, or nonsense, is nobody.
    pub(super) fn of(operation: &Operation) -> Self {
        let said = operation.extensions.as_ref().and_then(|extensions| extensions.get(ROLES));
        match said {
            Some(Value::String(word)) if word == PUBLIC => Self::Public,
            Some(Value::Array(words)) => {
                Self::Roles(words.iter().filter_map(Value::as_str).filter_map(|word| word.parse().ok()).collect())
            }
            _ => Self::Roles(Vec::new()),
        }
    }
}

/// Whether the operation takes a raw upload with its own limit.
pub(super) fn is_upload(operation: &Operation) -> bool {
    operation.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(UPLOAD))
}

/// Opens a route to roles.
pub(super) fn only(roles: &[Role], route: Documented) -> Documented {
    let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
    mark(route, ROLES, &json!(words), |operation| {
        operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    })
}

/// Opens a route to everybody.
pub(super) fn public(route: Documented) -> Documented {
    mark(route, ROLES, &json!(PUBLIC), |operation| operation.security = Some(Vec::new()))
}

/// Lets a route take a raw upload.
pub(super) fn upload(route: Documented) -> Documented {
    mark(route, UPLOAD, &json!(super::UPLOAD_LIMIT), |_| {})
}

fn mark(
    (schemas, mut paths, router): Documented,
    key: &str,
    value: &Value,
    also: impl Fn(&mut Operation),
) -> Documented {
    for item in paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            let extension = ExtensionsBuilder::new().add(key, value.clone()).build();
            operation.extensions.get_or_insert_default().merge(extension);
            also(operation);
        }
    }
    (schemas, paths, router)
}

/// Every operation of a document, in the order of paths. Only the four methods that this API uses exist.
pub(super) fn operations(document: &OpenApi) -> impl Iterator<Item = (&str, Method, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        [(Method::GET, &item.get), (Method::POST, &item.post), (Method::PUT, &item.put), (Method::DELETE, &item.delete)]
            .into_iter()
            .filter_map(move |(method, operation)| Some((path.as_str(), method, operation.as_ref()?)))
    })
}
