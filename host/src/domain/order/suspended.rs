//! A hook that waits for an answer or a signal.

use serde::{Deserialize, Serialize};

use super::coded;
use crate::domain::ids::{Millis, SignalName};

coded!(
    /// The hooks of a shop order that can be suspended.
    SuspendedHook {
        /// deduct
        Deduct = 1, "deduct";
        /// ship
        Ship = 2, "ship";
        /// receive
        Receive = 3, "receive";
        /// aftersale.revoke
        Revoke = 4, "revoke";
    }
);

/// A hook that asked for something and is run again when it is there. Its input is frozen; its journal is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// Which hook.
    pub hook: SuspendedHook,
    /// The decision's time and trigger, frozen at the first run.
    pub now: Millis,
    /// Where its journal begins: a hook that runs again for another cause goes on after the entries of the one before.
    #[serde(default)]
    pub base: u32,
    /// Where its journal ends.
    pub journal: u32,
    /// Set while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Waiting>,
    /// The frozen input, JSON.
    pub input: String,
}

/// What a suspended hook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The signal that ends it early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalName>,
    /// When it ends.
    pub until: Millis,
    /// Whether the last entry's call is sent again afterwards.
    #[serde(default)]
    pub redo_last: bool,
}
