//! The operators' routes: thin, the use cases are in `app::admin`.

pub(super) mod accounts;
pub(super) mod businesses;
pub(super) mod keys;
pub(super) mod plugins;
pub(super) mod reconcile;
pub(super) mod resources;
pub(super) mod stuck;
pub(super) mod wallets;

/// Done; there is nothing to say.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub(super) struct Done {
    /// Always true.
    done: bool,
}

/// It is done.
const DONE: Done = Done { done: true };
