//! Prints what a recorder with an open database takes while nothing is recorded, and fails where that is more than
//! it may: `idle [--short]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::ExitCode;
use std::time::Duration;

use agent_benches::harness::Broken;
use agent_benches::idle::idle;

/// Most resident memory that a recorder takes.
const MEMORY: u64 = 5 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(broken) => {
            eprintln!("idle: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Broken> {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let watched = Duration::from_secs(if is_short { 2 } else { 30 });
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let seen = idle(folder.path(), watched)?;
    println!("{seen}");
    let rests = seen.rests(MEMORY);
    if !rests {
        eprintln!("idle: more than one thread that never wakes, or than {MEMORY} bytes");
    }
    Ok(rests)
}
