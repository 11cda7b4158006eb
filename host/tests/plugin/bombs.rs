//! Small files that cost a compiler gigabytes or minutes: refused by their structure, and where the structure is not
//! looked at, ended by the child's own limits while the host goes on.

use std::fmt::Write as _;

use hookline::domain::catalogue::Grant;
use hookline::plugin::{CompileError, PreflightError, UploadError};

use crate::support::{business, room};

/// Many locals, all alive over many branches: register allocation grows with their product.
fn bomb(locals: usize, blocks: usize) -> Vec<u8> {
    let mut wat =
        format!("(component (core module (func (export \"f\") (param i32) (local {})\n", "i64 ".repeat(locals));
    for at in 0..blocks {
        let local = at % locals + 1;
        let _ = writeln!(
            wat,
            "(block (br_if 0 (local.get 0)) (local.set {local} (i64.add (local.get {}) (i64.const 1))))",
            (at * 7_919) % locals + 1
        );
    }
    wat.push_str(")))");
    wat::parse_str(wat).unwrap()
}

#[tokio::test]
async fn a_bomb_is_refused_before_anything_compiles_it() {
    let error = room().check(&business("line"), &bomb(5_000, 3_000), &Grant::default(), "{}").await.unwrap_err();
    assert!(matches!(error, UploadError::Preflight(PreflightError::Exceeded(_))), "{error}");
}

#[tokio::test]
async fn the_child_ends_within_its_limits_and_the_next_compilation_works() {
    let room = room();
    let error = room.compile(&bomb(49_000, 60_000)).await.unwrap_err();
    eprintln!("the bomb: {error}");
    assert!(matches!(error, CompileError::Died { .. } | CompileError::CpuTime | CompileError::WallTime), "{error}");
    assert!(room.compile(&wat::parse_str("(component)").unwrap()).await.is_ok());
}

#[tokio::test]
async fn what_does_not_compile_says_why() {
    let invalid = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    let error = room().compile(&invalid).await.unwrap_err();
    assert!(matches!(&error, CompileError::Invalid(reason) if reason.contains("type mismatch")), "{error}");
    let memory64 = wat::parse_str("(component (core module (memory i64 1)))").unwrap();
    assert!(matches!(room().compile(&memory64).await, Err(CompileError::Invalid(_))));
    let threads = wat::parse_str("(component (core module (memory 1 1 shared)))").unwrap();
    assert!(matches!(room().compile(&threads).await, Err(CompileError::Invalid(_))));
}
