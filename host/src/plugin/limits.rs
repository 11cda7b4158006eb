//! Every limit of a plugin: its name, its default, and the setting of the line's grant that raises it.

use crate::domain::catalogue::Grant;
use crate::domain::hook::Hook;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bytes of input of one call, the journal not counted.
pub(super) const INPUT_BYTES: u64 = 64 * KIB;
/// Bytes of one answer.
pub(super) const ANSWER_BYTES: u64 = 32 * KIB;
/// Bytes of one hook's journal.
pub(super) const JOURNAL_BYTES: u64 = 256 * KIB;
/// Bytes of log of one call.
pub(super) const LOG_BYTES: u64 = 16 * KIB;
/// Bytes that one host call may copy out of a plugin; only a guard, what an answer may hold is [`ANSWER_BYTES`].
pub(super) const COPY_BYTES: usize = 2 * 1024 * 1024;
/// Fuel of one call, of a compiled language.
const FUEL: u64 = 11_000_000;
/// Fuel for each line of the cart or the order.
const FUEL_PER_LINE: u64 = 500_000;
/// Core instances of one component.
pub(super) const INSTANCES: u32 = 32;
/// Memories of one component.
pub(super) const MEMORIES: u32 = 4;
/// Tables of one component.
pub(super) const TABLES: u32 = 16;
/// Elements of one table.
pub(super) const TABLE_ELEMENTS: u32 = 20_000;
/// Memory that any grant can give, MiB: what a slot of the pool is built for.
pub(super) const MEMORY_MIB_MAX: u32 = 256;

/// What can be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it; units are in `Limit::unit`")]
pub enum Limit {
    ComponentBytes,
    Functions,
    BodyBytes,
    Locals,
    Nesting,
    BranchTargets,
    Instances,
    Memories,
    Tables,
    TableElements,
    Imports,
    Types,
    Memory,
    Fuel,
    WallTime,
    Input,
    Answer,
    Journal,
    Calls,
    Log,
}

impl Limit {
    /// The name that errors, metrics and the report use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ComponentBytes => "component size",
            Self::Functions => "functions",
            Self::BodyBytes => "function body",
            Self::Locals => "locals of a function",
            Self::Nesting => "nesting",
            Self::BranchTargets => "br_table targets",
            Self::Instances => "instances",
            Self::Memories => "memories",
            Self::Tables => "tables",
            Self::TableElements => "table elements",
            Self::Imports => "imports",
            Self::Types => "types",
            Self::Memory => "memory",
            Self::Fuel => "fuel",
            Self::WallTime => "wall time",
            Self::Input => "input",
            Self::Answer => "answer",
            Self::Journal => "journal",
            Self::Calls => "calls of a hook",
            Self::Log => "log",
        }
    }

    /// What it counts; empty for plain counts.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ComponentBytes
            | Self::BodyBytes
            | Self::Memory
            | Self::Input
            | Self::Answer
            | Self::Journal
            | Self::Log => " bytes",
            Self::WallTime => " ms",
            Self::Functions
            | Self::Locals
            | Self::Nesting
            | Self::BranchTargets
            | Self::Instances
            | Self::Memories
            | Self::Tables
            | Self::TableElements
            | Self::Imports
            | Self::Types
            | Self::Fuel
            | Self::Calls => "",
        }
    }

    /// What raises it.
    pub const fn raised_by(self) -> &'static str {
        match self {
            Self::ComponentBytes => "grant.component_kib or grant.interpreted",
            Self::Functions | Self::BodyBytes | Self::BranchTargets => "grant.interpreted",
            Self::Memory => "grant.memory_mib or grant.interpreted",
            Self::Fuel => "grant.fuel or grant.interpreted",
            Self::WallTime => "grant.quote_ms or grant.hook_ms",
            Self::Calls => "grant.calls",
            Self::Locals
            | Self::Nesting
            | Self::Instances
            | Self::Memories
            | Self::Tables
            | Self::TableElements
            | Self::Imports
            | Self::Types
            | Self::Input
            | Self::Answer
            | Self::Journal
            | Self::Log => "no setting, it is fixed",
        }
    }
}

/// A limit that was exceeded: which, the use that exceeded it, and what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {used}{unit} used, {allowed}{unit} allowed; raised by {}", limit.name(), limit.raised_by(), unit = limit.unit())]
pub struct Exceeded {
    /// Which limit.
    pub limit: Limit,
    /// The use, as far as it was counted: it may have become larger.
    pub used: u64,
    /// What is allowed.
    pub allowed: u64,
}

impl Limit {
    /// `Err` if `used` is more than `allowed`.
    pub(super) const fn check(self, used: u64, allowed: u64) -> Result<(), Exceeded> {
        if used > allowed { Err(Exceeded { limit: self, used, allowed }) } else { Ok(()) }
    }
}

/// What a component may look like before anything compiles it: compile time and memory grow faster than its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of `Limit`")]
pub struct Structure {
    pub component_bytes: u64,
    pub functions: u64,
    pub body_bytes: u64,
    pub locals: u64,
    pub nesting: u64,
    pub branch_targets: u64,
    pub instances: u64,
    pub memories: u64,
    pub tables: u64,
    pub table_elements: u64,
    pub imports: u64,
    pub types: u64,
}

/// The limits of one business line: the defaults, raised by its grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What a component may look like.
    pub structure: Structure,
    /// Bytes of all memories of an instance together.
    pub memory_bytes: u64,
    /// Fuel of a call.
    pub fuel: u64,
    /// More fuel for each line of the cart or the order.
    pub fuel_per_line: u64,
    /// Wall time of a quote, milliseconds.
    pub quote_ms: u64,
    /// Wall time of any other hook, milliseconds.
    pub hook_ms: u64,
    /// Calls and waits of one hook.
    pub calls: u64,
}

impl Limits {
    /// The limits that a grant gives. Memory never exceeds what a slot of the pool is built for.
    pub fn of(grant: &Grant) -> Self {
        let interpreted = grant.interpreted;
        let raised = |setting: Option<u64>, compiled: u64, interpreter: u64| {
            setting.unwrap_or(0).max(if interpreted { interpreter } else { compiled })
        };
        let memory_mib = raised(grant.memory_mib.map(u64::from), 16, 64).min(u64::from(MEMORY_MIB_MAX));
        Self {
            structure: Structure {
                component_bytes: raised(grant.component_kib.map(|kib| u64::from(kib) * KIB), MIB, 32 * MIB),
                functions: raised(None, 10_000, 20_000),
                body_bytes: raised(None, 64 * KIB, 512 * KIB),
                locals: 1_000,
                nesting: 200,
                branch_targets: raised(None, 1_000, 4_000),
                instances: u64::from(INSTANCES),
                memories: u64::from(MEMORIES),
                tables: u64::from(TABLES),
                table_elements: u64::from(TABLE_ELEMENTS),
                imports: 1_000,
                types: 10_000,
            },
            memory_bytes: memory_mib * MIB,
            fuel: raised(grant.fuel, FUEL, 400_000_000),
            fuel_per_line: raised(None, FUEL_PER_LINE, 20_000_000),
            quote_ms: grant.quote_ms.map_or(50, u64::from),
            hook_ms: grant.hook_ms.map_or(2_000, u64::from),
            calls: grant.calls.map_or(16, u64::from),
        }
    }

    /// Wall time of a call of `hook`, milliseconds.
    pub const fn wall_ms(&self, hook: Hook) -> u64 {
        match hook {
            Hook::Pricing => self.quote_ms,
            Hook::Deduct | Hook::Ship | Hook::Receive | Hook::QuoteRefund | Hook::Revoke => self.hook_ms,
        }
    }

    /// Fuel of a call that sees `lines` lines.
    pub const fn fuel_for(&self, lines: usize) -> u64 {
        self.fuel.saturating_add(self.fuel_per_line.saturating_mul(lines as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_limit_the_use_and_the_setting() {
        let error = Limit::Memory.check(20, 16).unwrap_err();
        insta::assert_snapshot!(error, @"memory: 20 bytes used, 16 bytes allowed; raised by grant.memory_mib or grant.interpreted");
    }

    #[test]
    fn a_grant_raises_and_never_lowers() {
        let plain = Limits::of(&Grant::default());
        assert_eq!((plain.memory_bytes, plain.fuel, plain.quote_ms), (16 * MIB, 11_000_000, 50));
        let small = Limits::of(&Grant { memory_mib: Some(1), fuel: Some(5), ..Grant::default() });
        assert_eq!((small.memory_bytes, small.fuel), (plain.memory_bytes, plain.fuel));
        let huge = Limits::of(&Grant { memory_mib: Some(4_000), interpreted: true, ..Grant::default() });
        assert_eq!((huge.memory_bytes, huge.structure.functions), (256 * MIB, 20_000));
    }
}
