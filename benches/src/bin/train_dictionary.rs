//! Trains the dictionary that agent-checkpoint ships, and writes it where it lies, or to the path given:
//! `train_dictionary [PATH]`. The same build writes the same bytes.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "whoever runs it reads there what was made"
)]

use std::process::ExitCode;

use agent_benches::dictionary::{SHIPPED, SIZE, train};
use agent_benches::harness::Broken;

fn main() -> ExitCode {
    match run() {
        Ok(written) => {
            println!("{written}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("train_dictionary: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Broken> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| SHIPPED.to_owned());
    let dictionary = train(SIZE)?;
    std::fs::write(&path, &dictionary).map_err(Broken::when("write the dictionary"))?;
    Ok(format!("{path}: {} bytes", dictionary.len()))
}
