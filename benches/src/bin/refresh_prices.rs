//! Brings the price table that agent-telemetry ships up to date with a price map of the LiteLLM
//! project, and says what changed: `refresh_prices MAP DAY`, such as
//! `refresh_prices model_prices_and_context_window.json 2026-11-20`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "whoever runs it reads there what was made"
)]

use std::fs;
use std::process::ExitCode;

use agent_benches::harness::Broken;
use agent_benches::shipped_prices::{SHIPPED, refresh};

fn main() -> ExitCode {
    match run() {
        Ok(written) => {
            println!("{written}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("refresh_prices: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Broken> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [map, day] = arguments.as_slice() else {
        return Err(Broken::new(
            "read the arguments",
            "name the map and its day: refresh_prices MAP 2026-11-20",
        ));
    };
    let map = fs::read_to_string(map).map_err(Broken::when("read the map"))?;
    let before = fs::read_to_string(SHIPPED).map_err(Broken::when("read the table"))?;
    let after = refresh(&before, &map, day)?;
    fs::write(SHIPPED, &after).map_err(Broken::when("write the table"))?;
    let changed = after.lines().filter(|line| !before.contains(*line)).count();
    Ok(format!(
        "{SHIPPED}: {} bytes, {changed} lines are new",
        after.len()
    ))
}
