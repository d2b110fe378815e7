//! Grows a session to so many megabytes in each store and prints what writing and reading it takes: `large_session
//! [--megabytes 100] [--rounds 7] [--json PATH] [--scratch FOLDER]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the product"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_benches::harness::Broken;
use agent_benches::large::{Asked, Task, measure, perform};
use lexopt::{Arg, Parser, ValueExt};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("large_session: {broken}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    megabytes: u64,
    rounds: usize,
    json: Option<PathBuf>,
    scratch: Option<PathBuf>,
    task: Option<Task>,
}

fn options() -> Result<Options, Broken> {
    let doing =
        "read the arguments (known: --megabytes N, --rounds N, --json PATH, --scratch FOLDER)";
    let usage = Broken::when::<lexopt::Error>;
    let mut options = Options {
        megabytes: 100,
        rounds: 7,
        json: None,
        scratch: None,
        task: None,
    };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next().map_err(usage(doing))? {
        let name = match argument {
            Arg::Long(name) => name.to_owned(),
            other => return Err(Broken::new(doing, other.unexpected())),
        };
        let value = parser.value().map_err(usage(doing))?;
        match name.as_str() {
            "megabytes" => options.megabytes = value.parse().map_err(usage(doing))?,
            "rounds" => options.rounds = value.parse().map_err(usage(doing))?,
            "json" => options.json = Some(value.into()),
            "scratch" => options.scratch = Some(value.into()),
            "task" => {
                let task = value.string().map_err(usage(doing))?;
                options.task = Some(serde_json::from_str(&task).map_err(Broken::when(doing))?);
            }
            other => return Err(Broken::new(doing, format!("--{other} is none of them"))),
        }
    }
    Ok(options)
}

fn run() -> Result<(), Broken> {
    let options = options()?;
    let program = std::env::current_exe().map_err(Broken::when("find this program"))?;
    // Beside the program, so on the disk that builds go to and not in memory.
    let beside = program.parent().unwrap_or(Path::new("."));
    let scratch = options.scratch.unwrap_or_else(|| beside.join("scratch"));
    if let Some(task) = options.task {
        let outcome = perform(&task, &scratch)?;
        let json = serde_json::to_string(&outcome).map_err(Broken::when("tell the outcome"))?;
        println!("{json}");
        return Ok(());
    }
    let measured = measure(&Asked {
        bytes: options.megabytes.saturating_mul(1_000_000),
        more: 200,
        rounds: options.rounds,
        scratch,
        program: program.clone(),
    })?;
    println!("{measured}");
    let name = format!("large-session-{}.json", options.megabytes);
    let path = options.json.unwrap_or_else(|| beside.join(name));
    let json =
        serde_json::to_string_pretty(&measured).map_err(Broken::when("write the figures"))?;
    std::fs::write(&path, json + "\n").map_err(Broken::when("write the figures"))?;
    println!("figures: {}", path.display());
    Ok(())
}
