//! Who may use which route: the table comes from the document, and every cell of it is tried.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{Host, somebody};
use crate::health::Part;
use crate::http::access::{Access, operations};
use crate::identity::Role;

fn example(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{order_no}" => "42",
        "{payment_no}" => "P42",
        "{shipment_no}" => "S42",
        "{code}" => "goods",
        "{digest}" => "0000000000000000000000000000000000000000000000000000000000000000",
        part if part.starts_with('{') => "x",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn the_table_of_rights() {
    let document = crate::http::document();
    let table = operations(&document).map(|(path, method, operation)| {
        let access = match Access::of(operation) {
            Access::Public => "public".to_owned(),
            Access::Roles(roles) => roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(" "),
        };
        format!("{:6} {path:60} {access}", method.as_str())
    });
    insta::assert_snapshot!(table.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn every_route_is_closed_to_everybody_it_does_not_name() {
    let host = Host::start().await;
    let document = crate::http::document();
    for (path, method, operation) in operations(&document) {
        let call = async |bearer: Option<&str>| {
            let mut request = Request::builder().method(method.clone()).uri(example(path));
            if let Some(bearer) = bearer {
                request = request.header("authorization", format!("Bearer {bearer}"));
            }
            host.answer(request.body(Body::empty()).unwrap()).await
        };
        let name = format!("{method} {path}");
        let Access::Roles(roles) = Access::of(operation) else {
            assert_ne!(call(None).await.status, StatusCode::UNAUTHORIZED, "{name}");
            continue;
        };
        assert!(!roles.is_empty(), "{name} names nobody");
        for bearer in [None, Some("nonsense"), Some("hk_0123456789abcdef_0000000000000000000000000000000000000000000")]
        {
            let answer = call(bearer).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {bearer:?}");
            assert_eq!(answer.body["type"], "urn:hookline:problem:unauthorized");
        }
        for role in Role::ALL {
            let answer = call(Some(&host.token(somebody(role)))).await;
            let closed = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(closed, !roles.contains(&role), "{name} {role}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let host = Host::start().await;
    let answer = host.send(None, "GET", "/api/v2/orders", "").await;
    assert_eq!((answer.status, &answer.body["status"]), (StatusCode::NOT_FOUND, &404.into()));
    let answer = host.send(None, "PATCH", "/api/v1/orders", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "GET, POST");
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_host_is_ready_once_all_its_parts_are() {
    let host = Host::start().await;
    let answer = host.send(None, "GET", "/health/ready", "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["parts"]["store"], "not checked yet", "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"));
    for part in Part::ALL {
        host.app.health.set(part, None);
    }
    assert_eq!(host.send(None, "GET", "/health/ready", "").await.status, StatusCode::OK);
}
