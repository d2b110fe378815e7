//! What the policies do over hours, on simulated time: a table of what was measured and what it was to be.
//!
//! ```text
//! cargo run --release --example simulations
//! ```
//!
//! Everything but the providers is the crate itself; those are models that answer with the statuses,
//! headers and bodies of real vendors. Every run is the same; `--seed N` gives another one. The exit
//! code is 1 when a bound does not hold.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod study;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::ValueExt;
use study::finding::{Finding, head};
use study::{amplification, flapping, herd, limits, replay, switch};

const HOUR: Duration = Duration::from_secs(3_600);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let seed = seed()?;
    println!("{}", head());
    let mut all_hold = true;
    let mut show = |findings: Vec<Finding>| {
        for finding in findings {
            println!("{finding}");
            all_hold &= finding.holds();
        }
    };
    show(amplification::findings(60_000, seed)?);
    show(limits::findings(HOUR, seed)?);
    show(switch::findings(HOUR, seed)?);
    show(herd::findings(seed)?);
    show(flapping::findings(HOUR, seed)?);
    show(replay::findings(100_000, seed)?);
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// 1 unless `--seed` gives another one.
fn seed() -> Result<u64, Box<dyn Error>> {
    let mut parser = lexopt::Parser::from_env();
    let mut seed = 1;
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("seed") => seed = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(seed)
}
