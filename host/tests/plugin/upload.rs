//! What an upload is refused for, and that the refusal names it.

use hookline::domain::catalogue::Grant;
use hookline::plugin::{ContractError, Limit, NotLoaded, PreflightError, UploadError};

use crate::support::{NOBODY, business, component, quote, room};

async fn refusal(bytes: &[u8]) -> UploadError {
    room().check(&business("line"), bytes, &Grant::default(), "{}").await.map(|(report, _)| report).unwrap_err()
}

async fn refusal_of(wat: &str) -> UploadError {
    refusal(&wat::parse_str(wat).unwrap()).await
}

#[tokio::test]
async fn what_is_no_component_is_refused_by_kind() {
    assert!(matches!(refusal(b"").await, UploadError::Preflight(PreflightError::NotWasm)));
    assert!(matches!(refusal(b"#!/bin/sh").await, UploadError::Preflight(PreflightError::NotWasm)));
    assert!(matches!(refusal_of("(module)").await, UploadError::Preflight(PreflightError::CoreModule)));
    let huge = refusal(&vec![0; 100 * 1024 * 1024]).await;
    assert!(matches!(&huge, UploadError::Preflight(PreflightError::Exceeded(e)) if e.limit == Limit::ComponentBytes));
    insta::assert_snapshot!(huge, @"component size: 104857600 bytes used, 1048576 bytes allowed; raised by grant.component_kib or grant.interpreted");
}

#[tokio::test]
async fn machine_code_is_refused() {
    let own = std::fs::read(env!("CARGO_BIN_EXE_hookline")).unwrap();
    let head = own.get(..100_000).unwrap();
    assert!(matches!(refusal(head).await, UploadError::Preflight(PreflightError::Precompiled)));
    let artefact = room().compile(&wat::parse_str("(component)").unwrap()).await.unwrap();
    let sealed = artefact.seal(b"key", NOBODY);
    let code = sealed.get(32..).unwrap();
    assert!(matches!(refusal(code).await, UploadError::Preflight(PreflightError::Precompiled)));
}

#[tokio::test]
async fn a_missing_export_and_a_forbidden_import_are_named() {
    let empty = refusal_of("(component)").await;
    assert!(matches!(&empty, UploadError::Contract(ContractError::MissingExport(_))));
    insta::assert_snapshot!(empty, @"the component does not export hookline:business/pricing@1.0.0");
    for import in [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0",
        "evil:host/api",
        "hookline:business/log@2.0.0",
    ] {
        let error = refusal_of(&format!(r#"(component (import "{import}" (instance)))"#)).await;
        assert!(
            matches!(&error, UploadError::Contract(ContractError::ForbiddenImport(name)) if name == import),
            "{error}"
        );
    }
}

#[tokio::test]
async fn exports_of_other_types_are_refused() {
    let wrong = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $x (export "quote" (func $f)) (export "deduct" (func $f)) (export "ship" (func $f))
            (export "receive" (func $f)))
        (export "hookline:business/pricing@1.0.0" (instance $x))
        (export "hookline:business/deduct@1.0.0" (instance $x))
        (export "hookline:business/ship@1.0.0" (instance $x))
        (export "hookline:business/receive@1.0.0" (instance $x)))"#;
    let error = refusal_of(wrong).await;
    assert!(matches!(&error, UploadError::Trial { .. } | UploadError::Load(_)), "{error}");
}

#[tokio::test]
async fn a_damaged_component_is_refused() {
    let goods = component("goods");
    let cut = refusal(goods.get(..goods.len() / 2).unwrap()).await;
    assert!(matches!(&cut, UploadError::Preflight(PreflightError::Malformed(_))), "{cut}");
    let mut flipped = goods.clone();
    for at in (2_000..goods.len()).step_by(997) {
        if let Some(byte) = flipped.get_mut(at) {
            *byte ^= 0xff;
        }
    }
    refusal(&flipped).await;
}

#[tokio::test]
async fn a_version_that_is_not_loaded_is_said_so() {
    let room = room();
    let answer = room.quote(&business("line"), NOBODY, quote(1, "{}")).await;
    assert_eq!(answer.unwrap_err(), NotLoaded::Version { business: business("line"), digest: NOBODY });
    assert!(room.activate(&business("line"), Some(NOBODY)).is_err());
}
