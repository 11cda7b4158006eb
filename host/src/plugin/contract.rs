//! The contract as names: what a component must export and may import.

use wasmparser::{Encoding, Parser, Payload};

/// The version of the contract that this host speaks.
pub(super) const VERSION: &str = "1.0.0";
/// The optional interface.
pub(super) const AFTERSALE: &str = "hookline:business/aftersale@1.0.0";
const REQUIRED: [&str; 4] = [
    "hookline:business/pricing@1.0.0",
    "hookline:business/deduct@1.0.0",
    "hookline:business/ship@1.0.0",
    "hookline:business/receive@1.0.0",
];
/// The one import that does something.
pub(super) const LOG: &str = "hookline:business/log@1.0.0";
/// Interfaces of ours that hold types only.
pub(super) const TYPES: [&str; 2] = ["hookline:business/types@1.0.0", "hookline:business/calls@1.0.0"];
/// WASI packages with a stub; everything else of WASI is refused.
const WASI: [&str; 6] = ["io", "cli", "clocks", "random", "filesystem", "sockets"];

/// How a component and the contract don't fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ContractError {
    #[error("the component does not export {0}")]
    MissingExport(&'static str),
    #[error("the component imports {0}, which no plugin may use")]
    ForbiddenImport(String),
}

/// What a component wants and has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Surface {
    /// Reads the outermost component's imports and exports.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, wasmparser::BinaryReaderError> {
        let mut surface = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 1 => {
                    for import in imports {
                        surface.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 1 => {
                    for export in exports {
                        surface.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// Every required export is there, and no import is forbidden.
    pub(super) fn check(&self) -> Result<(), ContractError> {
        if let Some(name) = self.imports.iter().find(|name| !importable(name)) {
            return Err(ContractError::ForbiddenImport(name.clone()));
        }
        match REQUIRED.iter().find(|name| !self.exports.iter().any(|export| export == *name)) {
            Some(missing) => Err(ContractError::MissingExport(missing)),
            None => Ok(()),
        }
    }

    pub(super) fn has_aftersale(&self) -> bool {
        self.exports.iter().any(|name| name == AFTERSALE)
    }
}

fn importable(name: &str) -> bool {
    name == LOG || TYPES.contains(&name) || wasi(name).is_some()
}

/// Package and interface of a WASI 0.2 import that has a stub: `wasi:io/streams@0.2.6` → (`io`, `streams`).
pub(super) fn wasi(name: &str) -> Option<(&str, &str)> {
    let (path, version) = name.strip_prefix("wasi:")?.split_once('@')?;
    let (package, interface) = path.split_once('/')?;
    (version.starts_with("0.2.") && WASI.contains(&package)).then_some((package, interface))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_known_by_name() {
        assert_eq!(wasi("wasi:io/streams@0.2.6"), Some(("io", "streams")));
        for name in ["wasi:http/types@0.2.0", "wasi:io/streams@0.3.0", "wasi:keyvalue/store@0.2.0", "env", "wasi:io"] {
            assert!(!importable(name), "{name}");
        }
        assert!(importable("hookline:business/log@1.0.0"));
        assert!(!importable("hookline:business/log@1.1.0"));
    }

    #[test]
    fn a_missing_export_is_named() {
        let surface = Surface { imports: vec![], exports: REQUIRED[..3].iter().map(ToString::to_string).collect() };
        assert_eq!(surface.check(), Err(ContractError::MissingExport(REQUIRED[3])));
    }
}
