//! `cargo xtask openapi`: the description of our own API, written anew from the code. The test that compares the two
//! writes it when it is told to.

use crate::programs::{cargo, succeed};

/// Set, the test keeps what it finds instead of refusing it.
pub const UPDATE: &str = "UPDATE";

pub fn write() -> Result<(), String> {
    let args = ["test", "--quiet", "--locked", "--package", "zhupi-server", "--test", "it", "openapi"];
    succeed(cargo(&args).env(UPDATE, "1"))?;
    println!("docs/openapi.json is what the code says");
    Ok(())
}
