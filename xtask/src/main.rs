//! Everything one does with the repository, as `cargo xtask <task>`. It knows no rule of the product and links none of
//! it: it starts programs, watches them and says what came of it.

mod bench;
mod mutants;
mod openapi;
mod postgres;
mod programs;
mod run;
mod simulate;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <task> [options]

  run [options of `zhupi serve`]   build Zhupi and start it with demo data on http://127.0.0.1:8080
  test                             every check and test there is, on both databases
  openapi                          write docs/openapi.json anew from the code
  bench [--quick] [--only engine|sqlite|postgres]
                                   measure the rules without I/O, and the write path against the bare databases
  simulate [--seed N] [--count N]   walk random instances through random templates, without end unless told how many
  mutants [--file F] [--sample K/N] [--report]
                                   change the rules of the engine one place at a time, and count what tests notice";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match task.as_str() {
        "run" => run::run(&rest),
        run::ANNOUNCE => run::announce(&rest),
        "test" => test::test(),
        "openapi" => openapi::write(),
        "bench" => bench::bench(&rest),
        "mutants" => mutants::mutants(&rest),
        "simulate" => simulate::simulate(&rest),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
