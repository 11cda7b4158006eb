//! The OpenAPI document is a promise: a change of it is a change of the snapshot.

use crate::http::access::operations;

#[test]
fn the_document_is_as_promised() {
    insta::assert_snapshot!(crate::http::document_text().unwrap());
}

#[test]
fn every_operation_says_what_it_is() {
    let document = crate::http::document();
    let mut ids = Vec::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(operation.summary.as_deref().is_some_and(|summary| !summary.is_empty()), "{name}");
        assert_eq!(operation.tags.as_ref().map(Vec::len), Some(1), "{name}");
        let named = serde_json::to_string(&operation.parameters).unwrap();
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            assert!(named.contains(&format!("\"name\":\"{part}\"")), "{name} does not describe {part}");
        }
        ids.push(operation.operation_id.clone());
    }
    assert!(ids.len() > 40);
}
