//! `cargo xtask bench`: measures the rules without I/O, by the benches of the engine; then builds the measuring program
//! and the server optimised, gives them a PostgreSQL of their own and lets them run. What is measured there, and how, is
//! the business of the package `zhupi-bench`.

use crate::postgres::Postgres;
use crate::programs::{cargo, program, succeed, target_dir};

/// Builds, starts, waits. `args` go to the measuring program as they are.
pub fn bench(args: &[String]) -> Result<(), String> {
    let only = args.windows(2).find_map(|pair| (pair[0] == "--only").then_some(pair[1].as_str()));
    match only {
        Some("engine") => return measure_rules(args),
        None => measure_rules(args)?,
        Some(_) => {}
    }
    succeed(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "zhupi",
        "--package",
        "zhupi-bench",
    ]))?;
    let release = target_dir().join("release");
    let mut measure = program(release.join("zhupi-bench"));
    measure.args(args).arg("--server").arg(release.join("zhupi"));
    if only == Some("sqlite") {
        return succeed(&mut measure);
    }
    let postgres = Postgres::start()?;
    measure.args(["--postgres", &postgres.url(), "--postgres-process", &postgres.process_id()?.to_string()]);
    succeed(&mut measure)
}

/// The figures of the engine: one decision, a preview, a regression run.
fn measure_rules(args: &[String]) -> Result<(), String> {
    let mut measure =
        cargo(&["bench", "--quiet", "--locked", "--package", "zhupi-engine", "--bench", "rules", "--"]);
    if args.iter().any(|arg| arg == "--quick") {
        measure.arg("--quick");
    }
    succeed(&mut measure)
}
