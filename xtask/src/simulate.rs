//! `cargo xtask simulate`: random instances of random templates, without end, until an invariant breaks or one has seen
//! enough. A failure prints its seed, and `--seed` begins there again.

use crate::programs::{cargo, succeed};
use std::time::Instant;

/// Instances between two reports.
const ROUND: u64 = 20_000;

/// `--seed N` begins there, `--count N` ends after so many, at the end of a round.
pub fn simulate(args: &[String]) -> Result<(), String> {
    let (mut seed, mut count) = (0, u64::MAX);
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| format!("`{option}` needs a number"))?;
        let number = value.parse().map_err(|_| format!("`{option}` needs a number, not `{value}`"))?;
        match option.as_str() {
            "--seed" => seed = number,
            "--count" => count = number,
            other => return Err(format!("`{other}` is no option of `cargo xtask simulate`")),
        }
    }
    let end = seed.saturating_add(count);
    while seed < end {
        let started = Instant::now();
        walk(seed)?;
        let rate = ROUND as f64 / started.elapsed().as_secs_f64();
        println!("seeds {seed} to {}: every invariant held, {rate:.0} instances a second", seed + ROUND - 1);
        seed += ROUND;
    }
    Ok(())
}

fn walk(seed: u64) -> Result<(), String> {
    let mut walk =
        cargo(&["test", "--quiet", "--release", "--package", "zhupi-engine", "--test", "it", "--locked"]);
    walk.arg("random::").env("ZHUPI_TEST_SEED", seed.to_string()).env("ZHUPI_TEST_WALKS", ROUND.to_string());
    succeed(&mut walk)
}
