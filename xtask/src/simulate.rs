//! `cargo xtask simulate`: random instances of random templates, without end, until an invariant breaks or one has seen
//! enough. A failure prints its seed, and `--seed` begins there again.

use crate::programs::{cargo, succeed};

/// `--seed N` begins there, `--count N` ends after so many.
pub fn simulate(args: &[String]) -> Result<(), String> {
    let mut walk = cargo(&["test", "--release", "--package", "zhupi-engine", "--test", "it", "--locked"]);
    walk.args(["random::simulate", "--", "--exact", "--ignored", "--nocapture"]);
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let name = match option.as_str() {
            "--seed" => "ZHUPI_SIMULATE_SEED",
            "--count" => "ZHUPI_SIMULATE_COUNT",
            other => return Err(format!("`{other}` is no option of `cargo xtask simulate`")),
        };
        let value = args.next().ok_or_else(|| format!("`{option}` needs a number"))?;
        let number: u64 = value.parse().map_err(|_| format!("`{option}` needs a number, not `{value}`"))?;
        walk.env(name, number.to_string());
    }
    succeed(&mut walk)
}
