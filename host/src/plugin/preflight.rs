//! Structural limits, read from the bytes before anything compiles them. wasmparser's own limits are far too wide: a
//! function of 7 MB or 50,000 locals is valid and costs the compiler gigabytes.

use wasmparser::{ComponentInstance, FunctionBody, Instance, Operator, Parser, Payload};

use super::limits::{Exceeded, Limit, Structure};

/// Why a component is refused unread.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Too large or too deep.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// Machine code. Only our own compiler makes it.
    #[error("this is a compiled artefact; upload the component itself")]
    Precompiled,
    /// A core module.
    #[error("this is a core module, not a component; wrap it first")]
    CoreModule,
    /// Neither.
    #[error("this is not a WebAssembly component")]
    NotWasm,
    /// Cut off or damaged.
    #[error("the component is malformed: {0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
}

/// Checks size, kind and structure.
pub(super) fn check(bytes: &[u8], allowed: &Structure) -> Result<(), PreflightError> {
    Limit::ComponentBytes.check(bytes.len() as u64, allowed.component_bytes)?;
    kind(bytes)?;
    let mut count = Count { used: ZERO, allowed };
    for payload in Parser::new(0).parse_all(bytes) {
        count.payload(payload?)?;
    }
    Ok(())
}

fn kind(bytes: &[u8]) -> Result<(), PreflightError> {
    if bytes.starts_with(b"\x7fELF") || wasmtime::Engine::detect_precompiled(bytes).is_some() {
        Err(PreflightError::Precompiled)
    } else if Parser::is_component(bytes) {
        Ok(())
    } else if Parser::is_core_wasm(bytes) {
        Err(PreflightError::CoreModule)
    } else {
        Err(PreflightError::NotWasm)
    }
}

const ZERO: Structure = Structure {
    component_bytes: 0,
    functions: 0,
    body_bytes: 0,
    locals: 0,
    nesting: 0,
    branch_targets: 0,
    instances: 0,
    memories: 0,
    tables: 0,
    table_elements: 0,
    imports: 0,
    types: 0,
};

/// Sums over all modules and nested components; the largest of what belongs to one function.
struct Count<'a> {
    used: Structure,
    allowed: &'a Structure,
}

impl Count<'_> {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), PreflightError> {
        let (used, allowed) = (&mut self.used, self.allowed);
        let add = |limit: Limit, sum: &mut u64, more: u32, allowed: u64| {
            *sum = sum.saturating_add(u64::from(more));
            limit.check(*sum, allowed)
        };
        match payload {
            Payload::FunctionSection(s) => add(Limit::Functions, &mut used.functions, s.count(), allowed.functions)?,
            Payload::ComponentCanonicalSection(s) => {
                add(Limit::Functions, &mut used.functions, s.count(), allowed.functions)?;
            }
            // Instances made of exports of others run nothing and cost next to nothing: only their number is bounded.
            Payload::InstanceSection(instances) => {
                add(Limit::Types, &mut used.types, instances.count(), allowed.types)?;
                for instance in instances {
                    let real = u32::from(matches!(instance?, Instance::Instantiate { .. }));
                    add(Limit::Instances, &mut used.instances, real, allowed.instances)?;
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                add(Limit::Types, &mut used.types, instances.count(), allowed.types)?;
                for instance in instances {
                    let real = u32::from(matches!(instance?, ComponentInstance::Instantiate { .. }));
                    add(Limit::Instances, &mut used.instances, real, allowed.instances)?;
                }
            }
            Payload::MemorySection(s) => add(Limit::Memories, &mut used.memories, s.count(), allowed.memories)?,
            Payload::TableSection(tables) => {
                add(Limit::Tables, &mut used.tables, tables.count(), allowed.tables)?;
                for table in tables {
                    Limit::TableElements.check(table?.ty.initial, allowed.table_elements)?;
                }
            }
            Payload::ImportSection(s) => add(Limit::Imports, &mut used.imports, s.count(), allowed.imports)?,
            Payload::ComponentImportSection(s) => add(Limit::Imports, &mut used.imports, s.count(), allowed.imports)?,
            Payload::ComponentAliasSection(s) => add(Limit::Types, &mut used.types, s.count(), allowed.types)?,
            Payload::TypeSection(s) => add(Limit::Types, &mut used.types, s.count(), allowed.types)?,
            Payload::CoreTypeSection(s) => add(Limit::Types, &mut used.types, s.count(), allowed.types)?,
            Payload::ComponentTypeSection(s) => add(Limit::Types, &mut used.types, s.count(), allowed.types)?,
            Payload::CodeSectionEntry(body) => function(&body, allowed)?,
            _ => {}
        }
        Ok(())
    }
}

fn function(body: &FunctionBody<'_>, allowed: &Structure) -> Result<(), PreflightError> {
    Limit::BodyBytes.check(body.range().len() as u64, allowed.body_bytes)?;
    let mut locals = 0_u64;
    for local in body.get_locals_reader()? {
        locals = locals.saturating_add(u64::from(local?.0));
        Limit::Locals.check(locals, allowed.locals)?;
    }
    let mut depth = 0_u64;
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                depth += 1;
                Limit::Nesting.check(depth, allowed.nesting)?;
            }
            Operator::End => depth = depth.saturating_sub(1),
            Operator::BrTable { targets } => {
                Limit::BranchTargets.check(u64::from(targets.len()), allowed.branch_targets)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Grant;
    use crate::plugin::Limits;

    fn refused(wat: &str) -> Limit {
        let bytes = wat::parse_str(wat).unwrap();
        match check(&bytes, &Limits::of(&Grant::default()).structure) {
            Err(PreflightError::Exceeded(exceeded)) => exceeded.limit,
            other => panic!("{other:?}"),
        }
    }

    fn module(body: &str) -> String {
        format!("(component (core module {body}))")
    }

    #[test]
    fn compile_bombs_are_refused_unread() {
        let many = "(func)".repeat(10_001);
        assert_eq!(refused(&module(&many)), Limit::Functions);
        assert_eq!(refused(&module(&format!("(func (local {}))", "i64 ".repeat(1_001)))), Limit::Locals);
        let deep = format!("(func {} {})", "block ".repeat(201), "end ".repeat(201));
        assert_eq!(refused(&module(&deep)), Limit::Nesting);
        let table = format!("(func (br_table {} (i32.const 0)))", "0 ".repeat(1_002));
        assert_eq!(refused(&module(&table)), Limit::BranchTargets);
        let long = format!("(func {})", "(drop (i64.const 123456789012345))".repeat(8_000));
        assert_eq!(refused(&module(&long)), Limit::BodyBytes);
        let instances = "(core instance (instantiate $m))".repeat(33);
        assert_eq!(refused(&format!("(component (core module $m) {instances})")), Limit::Instances);
        assert_eq!(refused(&module("(table 20001 funcref)")), Limit::TableElements);
    }

    #[test]
    fn what_is_no_component_is_named() {
        let structure = Limits::of(&Grant::default()).structure;
        let check = |bytes: &[u8]| check(bytes, &structure).unwrap_err();
        assert!(matches!(check(b"\x7fELF rest"), PreflightError::Precompiled));
        assert!(matches!(check(&wat::parse_str("(module)").unwrap()), PreflightError::CoreModule));
        assert!(matches!(check(b"hello"), PreflightError::NotWasm));
        assert!(matches!(check(&vec![0; 1024 * 1024 + 1]), PreflightError::Exceeded(_)));
        let whole = wat::parse_str("(component (core module (func)))").unwrap();
        assert!(matches!(check(&whole[..whole.len() - 3]), PreflightError::Malformed(_)));
    }
}
