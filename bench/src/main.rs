//! Measures Zhupi's write path against the bare databases, on this machine and in the same run. `cargo xtask bench`
//! starts it; docs/operations.md says how to read what it prints.

mod database;
mod floor_postgres;
mod floor_sqlite;
mod http;
mod load;
mod meter;
mod product;
mod recipe;
mod report;
mod rows;
mod runs;
mod scratch;
mod statement;
mod subject;
mod world;

use crate::database::Database;
use crate::scratch::Scratch;
use crate::world::Failure;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The program's own allocator, since the write path is measured inside this process too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked for.
struct Wanted {
    quick: bool,
    only: Option<String>,
    /// The program `zhupi`; without it nothing is measured over HTTP.
    server: Option<PathBuf>,
    postgres: Option<(String, u32)>,
}

fn main() -> ExitCode {
    let wanted = match read_args() {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = tokio::runtime::Runtime::new().map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            // Dropping the work half-way stops the servers and removes the files.
            tokio::select! {
                outcome = measure(&wanted) => outcome,
                _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(wanted: &Wanted) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    eprintln!("files in {}", scratch.path().display());
    let recipe = Arc::new(product::write_recipe(scratch.path()).await?);
    println!("one action, as the product writes it: {}", recipe.describe());
    let size = if wanted.quick { runs::Size::quick() } else { runs::Size::full() };
    let mut goals = Vec::new();
    for database in databases(wanted, &scratch) {
        runs::measure(&database, &recipe, &size, scratch.path(), wanted.server.as_deref(), &mut goals)
            .await?;
    }
    if let Some(program) = wanted.server.as_deref().filter(|_| wanted.only.as_deref() != Some("postgres")) {
        runs::measure_start(scratch.path(), program, &mut goals).await?;
    }
    report::print_goals(&goals);
    Ok(())
}

fn databases(wanted: &Wanted, scratch: &Scratch) -> Vec<Database> {
    let is_wanted = |name: &str| wanted.only.as_deref().is_none_or(|only| only == name);
    let sqlite = Database::Sqlite { folder: scratch.path().to_owned() };
    let mut found: Vec<Database> = is_wanted("sqlite").then_some(sqlite).into_iter().collect();
    if let Some((server, process)) = wanted.postgres.as_ref().filter(|_| is_wanted("postgres")) {
        found.push(Database::Postgres { server: server.clone(), process: *process });
    }
    found
}

fn read_args() -> Result<Wanted, String> {
    const USAGE: &str = "usage: cargo xtask bench [--quick] [--only engine|sqlite|postgres]";
    let mut args = std::env::args().skip(1);
    let (mut quick, mut only, mut server, mut url, mut process) = (false, None, None, None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => quick = true,
            "--only" => {
                only = Some(args.next().filter(|it| it == "sqlite" || it == "postgres").ok_or(USAGE)?)
            }
            "--server" => server = args.next().map(PathBuf::from),
            "--postgres" => url = args.next(),
            "--postgres-process" => process = args.next().and_then(|it| it.parse().ok()),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(Wanted { quick, only, server, postgres: url.zip(process) })
}
