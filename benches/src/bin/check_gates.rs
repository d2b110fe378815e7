//! Counts instructions and allocations of each path in the gates file and holds them against it:
//! `check_gates FILE RUSTC [--write]`, where RUSTC is what `rustc --version` says.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the product"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent_benches::gates::{Counters, Gates, Report};
use agent_benches::harness::Broken;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(broken) => {
            eprintln!("check_gates: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Broken> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, rustc, write) = match arguments.as_slice() {
        [file, rustc] => (Path::new(file), rustc, false),
        [file, rustc, option] if option == "--write" => (Path::new(file), rustc, true),
        _ => {
            let doing = "read the arguments (FILE RUSTC [--write])";
            return Err(Broken::new(doing, "there are others"));
        }
    };
    let mut gates = Gates::open(file)?;
    let counters = Counters::of(&folder()?);
    let measured = if write {
        counters.measure_to_write(&gates.gates)?
    } else {
        counters.measure_above_again(&gates, rustc)?
    };
    if write {
        // The table shows the new figures on both sides; the old ones are in the history.
        gates.take(rustc, &measured);
        gates.save(file)?;
    }
    let report = Report::new(&gates, rustc, &measured);
    println!("{report}");
    Ok(report.passes())
}

/// The counting programs are built beside this one.
fn folder() -> Result<PathBuf, Broken> {
    let program = std::env::current_exe().map_err(Broken::when("find the counting programs"))?;
    Ok(program.parent().unwrap_or(Path::new(".")).to_owned())
}
