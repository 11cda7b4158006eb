//! hookline
fn main() {}
