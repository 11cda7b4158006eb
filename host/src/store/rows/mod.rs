//! How domain values become rows and rows become domain values: per table its columns, a `put` and a `take`.

pub(crate) mod aftersales;
pub(crate) mod catalogue;
pub(crate) mod money;
pub(crate) mod orders;
pub(crate) mod work;
