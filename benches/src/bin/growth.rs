//! Prints what a session costs on disk after 100, 1 000 and 10 000 turns, and fails where it costs more than it
//! may: `growth [--short]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the product"
)]

use std::process::ExitCode;

use agent_benches::growth::{Growth, HEADER, Pace, grow};
use agent_benches::harness::Broken;

/// Most bytes of the log for each byte of JSON: a checkpoint per message, and per turn.
const LOG: [f64; 2] = [0.41, 0.36];
/// Most bytes on disk for each byte of JSON once the log is sealed, from a thousand turns on.
const SEALED: f64 = 0.25;
/// Twice the turns may take so many times the bytes, for each byte of JSON, from a thousand turns on: what is said in
/// the first fifty turns and in the next differs by more.
const LINEAR: f64 = 1.03;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(broken) => {
            eprintln!("growth: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Broken> {
    let is_short = std::env::args().any(|argument| argument == "--short");
    let stops: &[usize] = if is_short {
        &[100, 1_000]
    } else {
        &[100, 1_000, 10_000]
    };
    let mut holds = true;
    println!("{HEADER}  bytes(n)/bytes(n/2)");
    for (pace, most) in [Pace::Message, Pace::Turn].into_iter().zip(LOG) {
        for turns in stops {
            let half = grown(pace, turns / 2)?;
            let whole = grown(pace, *turns)?;
            let twice = ratio(whole.log, half.log);
            println!("{whole}  {twice:.3}");
            let per_byte = whole.log_per_byte() / half.log_per_byte();
            let is_long = *turns >= 1_000;
            holds &= whole.log_per_byte() <= most;
            holds &= !is_long || per_byte <= LINEAR && whole.sealed_per_byte() <= SEALED;
        }
    }
    if !holds {
        eprintln!("growth: more than {LOG:?} in the log, {SEALED} sealed, or {LINEAR} of linear");
    }
    Ok(holds)
}

fn grown(pace: Pace, turns: usize) -> Result<Growth, Broken> {
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder to write to"))?;
    grow(folder.path(), pace, turns)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with three digits; sizes are far below 2^52"
)]
fn ratio(bytes: u64, of: u64) -> f64 {
    bytes as f64 / of.max(1) as f64
}
