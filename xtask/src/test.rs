//! `cargo xtask test`: every check and test there is, and a plain word about each that could not be run.
//!
//! The closing numbers are the test runners' own, summed. A check that runs no tests (formatting, lints, licences, docs)
//! adds nothing when it passes and one failure when it fails; so does a test run that ends before it could count.

use crate::openapi::UPDATE;
use crate::postgres::Postgres;
use crate::programs::{cargo, output};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const POSTGRES_URL: &str = "ZHUPI_TEST_POSTGRES";

/// Runs all of it; an error if anything failed.
pub fn test() -> Result<(), String> {
    let started = Instant::now();
    let mut report = Report::default();
    report.check("formatting", &mut cargo(&["fmt", "--all", "--check"]));
    report.check(
        "lints",
        &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]),
    );
    check_licences(&mut report);
    run_tests(&mut report);
    report.count(
        "documentation examples",
        &mut cargo(&["test", "--workspace", "--doc", "--locked", "--no-fail-fast"]),
    );
    report.check(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "--deny warnings"),
    );
    report.print(started.elapsed());
    if report.failed() == 0 { Ok(()) } else { Err(String::new()) }
}

fn check_licences(report: &mut Report) {
    let name = "licences and sources";
    match output(&mut cargo(&["deny", "--version"])) {
        Ok(_) => {
            report.check(name, &mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]))
        }
        Err(_) => report.skip(name, "cargo-deny is not installed (`cargo install --locked cargo-deny`)"),
    }
}

/// All tests of all crates. Those of the store and the server run on SQLite, and once more on PostgreSQL when they are
/// told where it is; the server's, which run on one database at a time, are then run again.
fn run_tests(report: &mut Report) {
    let mut tests =
        cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--locked", "--no-fail-fast"]);
    tests.env_remove(UPDATE);
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        let name = format!("tests, on SQLite and on the PostgreSQL given in {POSTGRES_URL}");
        report.count(&name, tests.env(POSTGRES_URL, url));
        return run_server_on_sqlite(report);
    }
    match Postgres::start() {
        Ok(server) => {
            let name = format!("tests, on SQLite and on {}", server.version());
            report.count(&name, tests.env(POSTGRES_URL, server.url()));
            run_server_on_sqlite(report);
        }
        Err(why) => {
            report.count("tests, on SQLite", &mut tests);
            if std::env::var("CI").is_ok_and(|value| value == "true") {
                report.fail("tests, on PostgreSQL", &format!("{why} (in CI they must run)"));
            } else {
                report.skip("tests, on PostgreSQL", &why);
            }
        }
    }
}

fn run_server_on_sqlite(report: &mut Report) {
    let mut tests =
        cargo(&["test", "--package", "zhupi-server", "--test", "it", "--locked", "--no-fail-fast"]);
    tests.env_remove(UPDATE).env_remove(POSTGRES_URL);
    report.count("tests of the server, on SQLite", &mut tests);
}

#[derive(Default)]
struct Report {
    lines: Vec<Line>,
}

struct Line {
    name: String,
    outcome: Outcome,
    took: Duration,
}

enum Outcome {
    Passed,
    Failed(String),
    Counted(Counts),
    NotRun(String),
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Report {
    fn check(&mut self, name: &str, command: &mut Command) {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let outcome = match command.status() {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(status) => Outcome::Failed(status.to_string()),
            Err(error) => Outcome::Failed(format!("did not start: {error}")),
        };
        self.add(name, outcome, started.elapsed());
    }

    fn count(&mut self, name: &str, command: &mut Command) {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let outcome = match count_tests(command) {
            Ok(counts) => Outcome::Counted(counts),
            Err(why) => Outcome::Failed(why),
        };
        self.add(name, outcome, started.elapsed());
    }

    fn fail(&mut self, name: &str, why: &str) {
        self.add(name, Outcome::Failed(why.to_owned()), Duration::ZERO);
    }

    fn skip(&mut self, name: &str, why: &str) {
        self.add(name, Outcome::NotRun(why.to_owned()), Duration::ZERO);
    }

    fn add(&mut self, name: &str, outcome: Outcome, took: Duration) {
        self.lines.push(Line { name: name.to_owned(), outcome, took });
    }

    fn passed(&self) -> u64 {
        self.lines.iter().map(|line| line.outcome.counts().passed).sum()
    }

    fn failed(&self) -> u64 {
        self.lines.iter().map(|line| line.outcome.counts().failed).sum()
    }

    fn print(&self, took: Duration) {
        println!("\n=== what was run, in {} s", took.as_secs());
        for line in &self.lines {
            let seconds = line.took.as_secs_f64();
            match &line.outcome {
                Outcome::Passed => println!("ok       {} ({seconds:.1} s)", line.name),
                Outcome::Counted(Counts { passed, failed: 0 }) => {
                    println!("ok       {}: {passed} passed ({seconds:.1} s)", line.name);
                }
                Outcome::Counted(Counts { passed, failed }) => {
                    println!("FAILED   {}: {passed} passed, {failed} failed ({seconds:.1} s)", line.name);
                }
                Outcome::Failed(why) => println!("FAILED   {}: {why} ({seconds:.1} s)", line.name),
                Outcome::NotRun(why) => println!("NOT RUN  {}: {why}", line.name),
            }
        }
        println!("{} passed, {} failed", self.passed(), self.failed());
    }
}

impl Outcome {
    fn counts(&self) -> Counts {
        match self {
            Outcome::Passed | Outcome::NotRun(_) => Counts::default(),
            Outcome::Failed(_) => Counts { passed: 0, failed: 1 },
            Outcome::Counted(counts) => *counts,
        }
    }
}

/// Shows what the runners print, and adds up what they say at the end of each test program.
fn count_tests(command: &mut Command) -> Result<Counts, String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("did not start: {error}"))?;
    let mut counts = Counts::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|error| format!("its output cannot be read: {error}"))?;
            println!("{line}");
            if let Some(more) = read_result(&line) {
                counts.passed += more.passed;
                counts.failed += more.failed;
            }
        }
    }
    let status = child.wait().map_err(|error| format!("did not end: {error}"))?;
    if !status.success() && counts.failed == 0 {
        // Something did not compile, or a test program died before it could count.
        counts.failed = 1;
    }
    Ok(counts)
}

/// Reads `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn read_result(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("test result: ")?;
    let number_before = |word: &str| {
        let (before, _) = rest.split_once(word)?;
        before.split_whitespace().next_back()?.parse().ok()
    };
    Some(Counts { passed: number_before(" passed")?, failed: number_before(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::{Counts, read_result};

    #[test]
    fn the_runners_own_numbers_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(read_result(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(read_result("running 12 tests"), None);
    }
}
