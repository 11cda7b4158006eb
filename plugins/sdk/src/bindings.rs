//! The generated side of the contract. Authors never see it: [`crate::types`] renames what they need.

#![expect(clippy::same_length_and_capacity, reason = "generated code takes strings over from the host")]

/// World `business`: the hooks that every line has.
pub mod business {
    wit_bindgen::generate!({
        path: "../../wit/v1",
        world: "business",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_business",
    });
}

/// What `business-with-aftersale` has beyond `business`; the linker merges the two.
pub mod with_aftersale {
    wit_bindgen::generate!({
        path: "../../wit/v1",
        inline: "
            package hookline:sdk;
            world aftersale-alone { export hookline:business/aftersale@1.0.0; }
        ",
        world: "hookline:sdk/aftersale-alone",
        with: {
            "hookline:business/types@1.0.0": crate::bindings::business::hookline::business::types,
            "hookline:business/calls@1.0.0": crate::bindings::business::hookline::business::calls,
        },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_aftersale",
    });
}
