//! Prints what a database holds, in sums by session, as one line of JSON: `otlp_figures FILE`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::ExitCode;

use agent_benches::harness::Broken;
use agent_benches::held::Held;
use agent_telemetry::SqliteStore;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(broken) => {
            eprintln!("otlp_figures: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Broken> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(file), None) = (arguments.next(), arguments.next()) else {
        return Err(Broken::new(
            "read the arguments",
            "the name of a file is wanted",
        ));
    };
    let store = SqliteStore::open_read_only(file).map_err(Broken::when("open the database"))?;
    let held = Held::of(&store).map_err(Broken::when("read the database"))?;
    let said = serde_json::to_string(&held).map_err(Broken::when("write the figures"))?;
    println!("{said}");
    Ok(())
}
