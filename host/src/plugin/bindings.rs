//! The contract's types and typed calls, generated from `wit/v1`. They never leave this room.
//!
//! Generated once, from the larger world: a plugin of the smaller one is the same but for the `aftersale` export, which
//! is looked for at load.

wasmtime::component::bindgen!({
    path: "../wit/v1",
    world: "business-with-aftersale",
    exports: { default: async },
});
