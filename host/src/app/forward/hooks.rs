//! The hooks that move an order, as one thing: an input with a journal that a plugin answers with a step.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::{App, loading};
use crate::domain::hook::{
    DeductInput, Deducted, Hook, JournalEntry, ReceiveInput, Received, RevokeInput, Revoked, ShipInput, Shipped, Step,
};
use crate::domain::ids::{BusinessCode, Digest};
use crate::domain::order::SuspendedHook;
use crate::plugin::{Call, NotLoaded};

/// A hook's input.
pub(super) trait Input: Clone + Send + Serialize + DeserializeOwned {
    /// What the hook answers when it is done.
    type Done: Send + Serialize;
    const HOOK: Hook;
    const SUSPENDED: SuspendedHook;

    fn journal(&mut self) -> &mut Vec<JournalEntry>;

    fn ask(
        self,
        app: &App,
        business: &BusinessCode,
        plugin: Digest,
    ) -> impl Future<Output = Result<Call<Step<Self::Done>>, NotLoaded>> + Send;
}

macro_rules! input {
    ($input:ty, $done:ty, $hook:ident, $method:ident) => {
        impl Input for $input {
            type Done = $done;
            const HOOK: Hook = Hook::$hook;
            const SUSPENDED: SuspendedHook = SuspendedHook::$hook;

            fn journal(&mut self) -> &mut Vec<JournalEntry> {
                &mut self.journal
            }

            async fn ask(
                self,
                app: &App,
                business: &BusinessCode,
                plugin: Digest,
            ) -> Result<Call<Step<Self::Done>>, NotLoaded> {
                loading::at_hand(app, business, plugin).await;
                app.plugins.$method(business, plugin, self).await
            }
        }
    };
}

input!(DeductInput, Deducted, Deduct, deduct);
input!(ShipInput, Shipped, Ship, ship);
input!(ReceiveInput, Received, Receive, receive);
input!(RevokeInput, Revoked, Revoke, revoke);
