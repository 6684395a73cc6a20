//! Zhupi's one binary: one file per command.

mod args;
mod commands;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = args::read().and_then(|task| {
        let runtime = tokio::runtime::Runtime::new().map_err(|cause| format!("cannot start: {cause}"))?;
        runtime.block_on(commands::run(task))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("zhupi: {message}");
            ExitCode::FAILURE
        }
    }
}
