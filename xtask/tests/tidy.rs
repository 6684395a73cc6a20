//! Rules of the house that neither a type nor a lint can hold. Each test lists every place that breaks its rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Files longer than this are where people get lost.
const MOST_CODE_LINES: usize = 600;

/// Files that may be longer, each with the reason.
const LONGER: &[(&str, &str)] = &[
    ("crates/server/tests/it/esign.rs", "the calls of one surface, replayed one after another"),
    ("crates/server/tests/it/wps.rs", "the calls of one surface, replayed one after another"),
];

#[test]
fn sql_stands_in_the_store_only() {
    // The floors of the benchmark are bare SQL on purpose, and tests may look into a database.
    let starts = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"CREATE TABLE ", "\"WITH "];
    let elsewhere = sources(&["crates", "xtask/src"]).into_iter().filter(|file| !file.is_in("crates/store/"));
    none(elsewhere.filter(|file| !file.is_test()).flat_map(|file| file.lines_with(&starts)));
}

#[test]
fn axum_and_the_drivers_stay_in_their_crates() {
    let axum = sources(&["crates/engine", "crates/store"]).into_iter();
    none(axum.flat_map(|file| file.lines_with(&["axum::", "use axum"])));
    let drivers = sources(&["crates"]).into_iter().filter(|file| !file.is_in("crates/store/"));
    none(
        drivers
            .filter(|file| !file.is_test())
            .flat_map(|file| file.lines_with(&["rusqlite::", "tokio_postgres::"])),
    );
}

#[test]
fn a_surface_knows_neither_another_surface_nor_our_own_api() {
    let surfaces = ["wps", "crm", "esign", "bpm"];
    none(sources(&["crates/server/src/compat"]).into_iter().flat_map(|file| {
        let inside = file.path.trim_start_matches("crates/server/src/compat/");
        let own = inside.split(['/', '.']).next().unwrap_or_default();
        let foreign = surfaces.iter().filter(|name| **name != own).map(|name| format!("compat::{name}"));
        let relative = surfaces.iter().filter(|name| **name != own).map(|name| format!("super::{name}"));
        let banned: Vec<String> = foreign.chain(relative).chain(["crate::api".to_owned()]).collect();
        file.lines_with(&banned)
    }));
}

#[test]
fn the_engine_has_no_clock_no_chance_and_no_io() {
    let banned = [
        "std::time::SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "now_v7",
        "new_v4",
        "rand::",
        "tokio::",
        "std::fs",
        "std::net",
        "std::env",
        "println!",
        "tracing::",
    ];
    none(sources(&["crates/engine/src"]).into_iter().flat_map(|file| file.lines_with(&banned)));
}

#[test]
fn the_environment_is_read_in_the_configuration_only() {
    let code =
        sources(&["crates"]).into_iter().filter(|file| !file.is_test() && !file.path.ends_with("/config.rs"));
    none(code.flat_map(|file| file.lines_with(&["env::var"])));
}

#[test]
fn nothing_is_left_for_later_or_silenced() {
    let banned = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("d", "bg!("),
        concat!("#[ig", "nore"),
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("// TO", "DO"),
        concat!("// FIX", "ME"),
    ];
    none(sources(&["crates", "bench", "xtask"]).into_iter().flat_map(|file| file.lines_with(&banned)));
}

#[test]
fn each_file_says_first_what_it_is() {
    let files = sources(&["crates", "bench", "xtask"]);
    none(files.into_iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path));
}

#[test]
fn modules_stand_beside_their_folders() {
    let files = sources(&["crates", "bench", "xtask"]);
    none(files.into_iter().map(|file| file.path).filter(|path| path.ends_with("/mod.rs")));
}

#[test]
fn files_stay_short_enough_to_read() {
    none(sources(&["crates", "bench", "xtask"]).into_iter().filter_map(|file| {
        let long = file.code_lines() > MOST_CODE_LINES;
        let excused = LONGER.iter().any(|(path, _)| *path == file.path);
        match (long, excused) {
            (true, false) => Some(format!("{}: {} lines of code", file.path, file.code_lines())),
            (false, true) => Some(format!("{}: no longer needs to be excused", file.path)),
            (true, true) | (false, false) => None,
        }
    }));
}

#[test]
fn nothing_speaks_of_one_machine() {
    let banned =
        [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    none(texts().into_iter().flat_map(|file| file.lines_with(&banned)));
}

#[test]
fn each_migration_is_listed() {
    let list = fs::read_to_string(root().join("crates/store/src/migrate.rs")).unwrap_or_default();
    let migrations = files_below(&root().join("crates/store/migrations"), &["sql"]);
    none(migrations.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        (!list.contains(name)).then(|| format!("{name} is not listed in migrate.rs"))
    }));
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    none(texts().into_iter().filter(|file| file.path.ends_with(".md")).flat_map(|file| {
        let folder = root().join(&file.path).parent().map(Path::to_owned).unwrap_or_default();
        let targets: Vec<String> = file
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
            .map(|(it, _)| it.to_owned())
            .collect();
        let missing = targets.into_iter().filter(move |target| {
            let path = target.split('#').next().unwrap_or_default();
            !path.is_empty()
                && !path.contains("://")
                && !path.starts_with("mailto:")
                && !folder.join(path).exists()
        });
        let path = file.path.clone();
        missing.map(move |target| format!("{path}: {target}")).collect::<Vec<_>>()
    }));
}

/// The table of settings in the code is the one people read.
#[test]
fn the_readme_lists_every_setting_with_its_default() {
    let code = fs::read_to_string(root().join("crates/server/src/config.rs")).unwrap_or_default();
    let readme = fs::read_to_string(root().join("README.md")).unwrap_or_default();
    let (_, table) = code.split_once("pub const SETTINGS").unwrap_or_default();
    let (table, _) = table.split_once("];").unwrap_or_default();
    let calls = table.split("setting(").skip(1).map(|it| (it, true));
    let secrets = table.split("secret(").skip(1).map(|it| (it, false));
    none(calls.chain(secrets).filter_map(|(call, has_default)| {
        let mut texts = call.split('"').skip(1).step_by(2);
        let (name, default) = (texts.next()?, if has_default { texts.next()? } else { "" });
        let default = if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
        let row = format!("| `{name}` | {default} |");
        (!readme.contains(&row)).then(|| format!("README.md has no row `{row}`"))
    }));
}

/// The first column pair of each table in `docs/compat/*.md` names a method and a path of the surface. Calls that are
/// done must stand in that surface's code as a route; `refused` ones need not.
#[test]
fn documented_calls_of_the_surfaces_have_a_route() {
    none(files_below(&root().join("docs/compat"), &["md"]).iter().flat_map(|document| {
        let surface = document.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let code: String = sources(&["crates/server/src/compat"])
            .into_iter()
            .filter(|file| file.path.contains(&format!("/compat/{surface}")))
            .map(|file| file.text)
            .collect();
        let text = fs::read_to_string(document).unwrap_or_default();
        let missing: Vec<String> = documented_paths(&text)
            .into_iter()
            .filter(|path| !routes_in(&code).any(|route| fits(path, &route)))
            .map(|path| format!("docs/compat/{surface}.md: no route for `{path}`"))
            .collect();
        missing
    }));
}

/// Paths in code ticks of the table rows that begin with a method and are not marked as refused or not there.
fn documented_paths(document: &str) -> Vec<String> {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let rows = document.lines().filter(|line| line.starts_with('|'));
    rows.filter(|row| methods.iter().any(|method| row.contains(method)))
        .filter(|row| !row.contains("refused") && !row.contains("not there"))
        .filter_map(|row| {
            let call = row.split('`').nth(1)?;
            let path = call.split_whitespace().find(|word| word.starts_with('/'))?;
            Some(path.split('?').next().unwrap_or_default().to_owned())
        })
        .collect()
}

/// Every quoted path in the code of a surface.
fn routes_in(code: &str) -> impl Iterator<Item = String> + '_ {
    code.split('"')
        .filter(|text| text.starts_with('/') && !text.contains(char::is_whitespace))
        .map(str::to_owned)
}

/// A route may stand under a nest, so its end decides; a `{name}` in it stands for anything.
fn fits(path: &str, route: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (path, route) = (parts(path), parts(route));
    let same = |(ours, theirs): (&String, &String)| theirs.starts_with('{') || ours == theirs;
    !route.is_empty() && path.len() >= route.len() && path.iter().rev().zip(route.iter().rev()).all(same)
}

/// What these documents claim is shown by tests; the last column of their tables names them.
#[test]
fn the_tests_that_documents_name_are_there() {
    let tests: String =
        sources(&["crates"]).into_iter().filter(File::is_test).map(|file| file.text).collect();
    none(["docs/patterns.md", "docs/checker.md", "docs/rules.md"].into_iter().flat_map(|path| {
        let document = fs::read_to_string(root().join(path)).unwrap_or_default();
        let rows = document.lines().filter(|line| line.starts_with("| ") && !line.ends_with("Tests |"));
        let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit_once("| "));
        let names: Vec<&str> = cells.flat_map(|(_, cell)| cell.split('`').skip(1).step_by(2)).collect();
        assert!(names.len() > 30, "the tables of {path} have changed their shape");
        let missing = names.into_iter().filter(|name| !tests.contains(&format!("fn {name}()")));
        missing.map(|name| format!("{path}: there is no test `{name}`")).collect::<Vec<_>>()
    }));
}

struct File {
    path: String,
    text: String,
}

impl File {
    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// `path:line: text` of each line of code with one of `needles` in it; what stands in a comment does not count,
    /// unless the needle is itself a comment.
    fn lines_with(&self, needles: &[impl AsRef<str>]) -> Vec<String> {
        let comments_count = needles.iter().any(|needle| needle.as_ref().starts_with("//"));
        let is_code = |line: &str| {
            comments_count || !self.path.ends_with(".rs") || !line.trim_start().starts_with("//")
        };
        let hit = |line: &str| needles.iter().any(|needle| line.contains(needle.as_ref()));
        let lines = self.text.lines().enumerate().filter(|(_, line)| is_code(line) && hit(line));
        lines.map(|(number, line)| format!("{}:{}: {}", self.path, number + 1, line.trim())).collect()
    }

    /// Lines that are neither empty nor a comment, up to the unit tests.
    fn code_lines(&self) -> usize {
        let code = self.text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    }
}

fn none(found: impl Iterator<Item = String>) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn sources(folders: &[&str]) -> Vec<File> {
    folders.iter().flat_map(|folder| read(&files_below(&root().join(folder), &["rs"]))).collect()
}

/// Everything people wrote: code, documents, settings.
fn texts() -> Vec<File> {
    let kinds = ["rs", "md", "toml", "sql", "json", "yml", "run"];
    let top = fs::read_dir(root()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = top
        .filter(|path| path.is_file() && path.extension().is_some_and(|it| it == "md" || it == "toml"))
        .collect();
    for folder in ["crates", "bench", "xtask", "docs", ".ci"] {
        paths.extend(files_below(&root().join(folder), &kinds));
    }
    read(&paths)
}

fn read(paths: &[PathBuf]) -> Vec<File> {
    let relative = |path: &Path| path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
    let file = |path: &PathBuf| Some(File { path: relative(path), text: fs::read_to_string(path).ok()? });
    paths.iter().filter_map(file).collect()
}

fn files_below(folder: &Path, kinds: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path, kinds));
        } else {
            let kind =
                path.extension().or(path.file_name()).and_then(|kind| kind.to_str()).unwrap_or_default();
            if kinds.contains(&kind) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap_or_default()
}
