//! One agent session from start to end, through everything that kills agents: rate limits, overload,
//! an open circuit breaker, a context that overflows, a stream that breaks off, and `kill -9`.
//!
//! ```text
//! cargo run --release --example quickstart
//! cargo run --release --example quickstart -- --help
//! ```
//!
//! `host.rs` is the agent: what you would write yourself, with `spent.rs`. The rest is the stage: `stage.rs` starts the
//! providers and kills the agent's process, `faults.rs` plans what goes wrong, `timeline.rs` and
//! `summary.rs` show it.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod faults;
mod host;
mod options;
mod skip_clock;
mod spent;
mod stage;
mod summary;
mod timeline;

use std::process::ExitCode;

use options::{Options, Role};

fn main() -> ExitCode {
    let options = match Options::from_args() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("quickstart: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("quickstart: no async runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = match options.role {
        Role::Stage => runtime.block_on(stage::run(options)),
        Role::Host => runtime.block_on(host::run(options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
