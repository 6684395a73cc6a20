//! `cargo xtask mutants`: changes the rules of the engine one place at a time and counts how many of the changes a test
//! notices. Each change is built and tested, which takes seconds: the whole engine takes hours, so a run can be stopped
//! at any time and goes on from there, and `--sample` looks at an even part of it.

use crate::programs::{cargo, output, program, succeed, target_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "zhupi-engine";
/// A change that makes a loop endless is noticed by this, in seconds.
const TIMEOUT: &str = "60";
/// Random instances a test run walks through; the full number is for `cargo xtask test`.
const WALKS: (&str, &str) = ("ZHUPI_TEST_WALKS", "300");
/// What became of a mutant, by the list it stands in.
const LISTS: [(&str, Outcome); 5] = [
    ("caught.txt", Outcome::Caught),
    ("previously_caught.txt", Outcome::Caught),
    ("timeout.txt", Outcome::Caught),
    ("missed.txt", Outcome::Missed),
    ("unviable.txt", Outcome::Unviable),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Caught,
    Missed,
    /// It does not compile.
    Unviable,
}

/// `--file F` (repeatable) looks at these files only, `--sample K/N` at the K-th of N parts (from 0), `--report` at
/// nothing: it tells what is known.
pub fn mutants(args: &[String]) -> Result<(), String> {
    let wanted = Wanted::read(args)?;
    let tool = tool()?;
    let mut known = Known::load();
    known.take_in();
    if !wanted.report {
        run(&tool, &wanted)?;
        known.take_in();
    }
    known.save()?;
    let all = list(&tool, &Wanted::default())?;
    print!("{}", known.report(&all));
    Ok(())
}

#[derive(Default)]
struct Wanted {
    files: Vec<String>,
    sample: Option<String>,
    report: bool,
}

impl Wanted {
    fn read(args: &[String]) -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (arg.as_str(), arg == "--report") {
                (_, true) => wanted.report = true,
                ("--file", _) => wanted.files.extend(args.next().cloned()),
                ("--sample", _) => wanted.sample = args.next().cloned(),
                (other, _) => return Err(format!("mutants does not know `{other}`")),
            }
        }
        Ok(wanted)
    }

    fn arguments(&self) -> Vec<String> {
        let files = self.files.iter().flat_map(|file| ["--file".to_owned(), file.clone()]);
        let sample = self.sample.iter().flat_map(|part| {
            ["--shard".to_owned(), part.clone(), "--sharding".to_owned(), "round-robin".to_owned()]
        });
        files.chain(sample).collect()
    }
}

/// The tool, built into a folder of ours where it is not there yet.
fn tool() -> Result<PathBuf, String> {
    let folder = target_dir().join("tools");
    let tool = folder.join("bin").join("cargo-mutants");
    if !tool.exists() {
        let root = folder.to_string_lossy().into_owned();
        succeed(&mut cargo(&["install", "cargo-mutants", "--locked", "--root", &root]))?;
    }
    Ok(tool)
}

fn command(tool: &Path, wanted: &Wanted) -> Command {
    let mut command = program("nice");
    command.args(["-n", "19"]).arg(tool).args(["mutants", "--package", PACKAGE]).args(wanted.arguments());
    command
}

fn list(tool: &Path, wanted: &Wanted) -> Result<BTreeSet<String>, String> {
    let text = output(command(tool, wanted).arg("--list"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Survivors are what it looks for, so finding some is no failure of the run.
fn run(tool: &Path, wanted: &Wanted) -> Result<(), String> {
    let mut command = command(tool, wanted);
    command.args(["--iterate", "--jobs", "1", "--profile", "mutants", "--minimum-test-timeout", TIMEOUT]);
    command.arg("--output").arg(folder()).args(["--", "--lib", "--test", "it"]).env(WALKS.0, WALKS.1);
    let status = command.status().map_err(|error| format!("cargo-mutants did not start: {error}"))?;
    match status.code() {
        Some(0 | 2 | 3) => Ok(()),
        _ => Err(format!("cargo-mutants failed: {status}")),
    }
}

fn folder() -> PathBuf {
    target_dir().join("mutants")
}

/// What became of each mutant, by its name, over all runs.
struct Known {
    outcomes: BTreeMap<String, Outcome>,
}

impl Known {
    fn load() -> Self {
        let text = fs::read_to_string(folder().join("known.txt")).unwrap_or_default();
        let line = |line: &str| {
            let (list, name) = line.split_once(' ')?;
            let (_, outcome) = LISTS.iter().find(|(it, _)| *it == list)?;
            Some((name.to_owned(), *outcome))
        };
        Self { outcomes: text.lines().filter_map(line).collect() }
    }

    /// Takes in what the last run has written, even if it was stopped.
    fn take_in(&mut self) {
        for (list, outcome) in LISTS {
            let text = fs::read_to_string(folder().join("mutants.out").join(list)).unwrap_or_default();
            self.outcomes.extend(text.lines().map(|name| (name.to_owned(), outcome)));
        }
    }

    fn save(&self) -> Result<(), String> {
        let word =
            |outcome: &Outcome| LISTS.iter().find(|(_, it)| it == outcome).map_or("", |(list, _)| list);
        let lines: String =
            self.outcomes.iter().map(|(name, outcome)| format!("{} {name}\n", word(outcome))).collect();
        let path = folder().join("known.txt");
        fs::create_dir_all(folder())
            .and_then(|()| fs::write(&path, lines))
            .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))
    }

    /// The survivors, and the share caught of each file and of all. What does not compile counts for nothing.
    fn report(&self, all: &BTreeSet<String>) -> String {
        let mut files: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut whole = Counts::default();
        let mut text = String::new();
        for name in all {
            let outcome = self.outcomes.get(name).copied();
            let file = name.split(':').next().unwrap_or_default();
            files.entry(file).or_default().add(outcome);
            whole.add(outcome);
            if outcome == Some(Outcome::Missed) {
                text.push_str(&format!("missed  {name}\n"));
            }
        }
        for (file, counts) in files.into_iter().chain([("all files", whole)]) {
            text.push_str(&format!("{counts}  {file}\n"));
        }
        text
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    caught: usize,
    missed: usize,
    not_looked_at: usize,
}

impl Counts {
    fn add(&mut self, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Caught) => self.caught += 1,
            Some(Outcome::Missed) => self.missed += 1,
            Some(Outcome::Unviable) => {}
            None => self.not_looked_at += 1,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tried = self.caught + self.missed;
        let share = (self.caught * 100).checked_div(tried);
        let share = share.map_or_else(|| "   –".to_owned(), |share| format!("{share:3} %"));
        write!(f, "{share} caught ({} of {tried}), {} not looked at", self.caught, self.not_looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Outcome};

    #[test]
    fn the_share_leaves_out_what_does_not_compile() {
        let outcomes = [
            ("a.rs:1:1: one", Outcome::Caught),
            ("a.rs:2:1: two", Outcome::Missed),
            ("a.rs:3:1: three", Outcome::Unviable),
            ("gone.rs:1:1: four", Outcome::Missed),
        ];
        let known = Known { outcomes: outcomes.map(|(name, it)| (name.to_owned(), it)).into() };
        let names = ["a.rs:1:1: one", "a.rs:2:1: two", "a.rs:3:1: three", "b.rs:1:1: five"];
        let report = known.report(&names.map(str::to_owned).into());
        let expected = "missed  a.rs:2:1: two\n 50 % caught (1 of 2), 0 not looked at  a.rs\n   – caught (0 of 0), \
                        1 not looked at  b.rs\n 50 % caught (1 of 2), 1 not looked at  all files\n";
        assert_eq!(report, expected);
    }
}
