//! Sends 10 000 data points a second of a hundred sessions to a receiver with a processor on a database, prints what
//! that took, and fails where the sums are not those that were sent, or too much was written: `otlp_soak [--short | --beside-large]`.
//!
//! With `--beside-large` bodies of 60 MiB come one after another meanwhile, which shows how long others wait for them.
//! The senders are a process of their own (`otlp_soak --send ADDRESS SECONDS`), so that the memory is the host's alone.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::process::{Command, ExitCode};

use agent_benches::harness::Broken;
use agent_benches::soak::{send, soak};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(broken) => {
            eprintln!("otlp_soak: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Broken> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => host(60, "--send"),
        ["--short"] => host(5, "--send"),
        ["--beside-large"] => host(20, "--send-beside-large"),
        [how @ ("--send" | "--send-beside-large"), address, seconds] => {
            let doing = "read the arguments";
            let address = address.parse().map_err(Broken::when(doing))?;
            let seconds = seconds.parse().map_err(Broken::when(doing))?;
            let sent = serde_json::to_string(&send(address, seconds, *how != "--send")?);
            println!("{}", sent.map_err(Broken::when("write the figures"))?);
            Ok(true)
        }
        _ => Err(Broken::new(
            "read the arguments",
            "known: --short, --beside-large",
        )),
    }
}

fn host(seconds: u32, how: &str) -> Result<bool, Broken> {
    let folder = tempfile::tempdir().map_err(Broken::when("make a folder"))?;
    let program = std::env::current_exe().map_err(Broken::when("find this program"))?;
    let soak = soak(folder.path(), seconds, Command::new(program).arg(how))?;
    println!("{soak}");
    let fault = soak.fault();
    if let Some(fault) = &fault {
        eprintln!("otlp_soak: {fault}");
    }
    Ok(fault.is_none())
}
