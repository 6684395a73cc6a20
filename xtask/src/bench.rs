//! `cargo xtask bench`: builds the measuring program and the server optimised, gives them a PostgreSQL of their own and
//! lets them run. What is measured, and how, is the business of the package `zhupi-bench`.

use crate::postgres::Postgres;
use crate::programs::{cargo, program, succeed, target_dir};

/// Builds, starts, waits. `args` go to the measuring program as they are.
pub fn bench(args: &[String]) -> Result<(), String> {
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
    let only_sqlite = args.windows(2).any(|pair| pair == ["--only", "sqlite"]);
    if only_sqlite {
        return succeed(&mut measure);
    }
    let postgres = Postgres::start()?;
    measure.args(["--postgres", &postgres.url(), "--postgres-process", &postgres.process_id()?.to_string()]);
    succeed(&mut measure)
}
