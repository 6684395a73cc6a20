//! `cargo xtask openapi`: the description of our own API, written anew from the code.

use crate::programs::{cargo, output, root};

const FILE: &str = "docs/openapi.json";

/// Asks the program for the document and keeps it. A test of the server compares the two.
pub fn write() -> Result<(), String> {
    let document =
        output(&mut cargo(&["run", "--quiet", "--locked", "--package", "zhupi", "--", "openapi"]))?;
    std::fs::write(root().join(FILE), document + "\n")
        .map_err(|error| format!("cannot write {FILE}: {error}"))?;
    println!("wrote {FILE}");
    Ok(())
}
