//! A run of an agent replayed step by step: what was asked, decided and passed over, what failed, who took over.
//!
//! ```text
//! cargo run --release --example decision_trace -- --demo
//! cargo run --release --example decision_trace -- --db telemetry.db                    # the latest session
//! cargo run --release --example decision_trace -- --db telemetry.db --session demo-3 --step
//! cargo run --release --example decision_trace -- --jsonl folder --session demo-3 --json
//! ```
//!
//! `demo.rs` is a real run over a recorded session: a chain of three scripted providers behind HTTP, one of which is
//! overloaded in the midst of it. `source.rs` reads records, `trace.rs` puts them in their place, `told.rs` says them.
//!
//! Ends with 0 where there was a session to replay, with 1 where the records cannot be read, with 2 where the arguments
//! cannot be used, and with 3 where there is no such session.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod demo;
mod figures;
mod options;
mod source;
mod told;
mod trace;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use options::{Form, Options};
use trace::{Step, Trace};

const UNREADABLE: u8 = 1;
const REFUSED: u8 = 2;
const NOBODY: u8 = 3;

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("decision_trace: {error}; see --help");
            return ExitCode::from(REFUSED);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOBODY),
        // Whoever reads it has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("decision_trace: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::from(UNREADABLE)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether there was a session to replay.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    if options.demo {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(demo::fill(options.source.path()))?;
        eprintln!("demo: a run told to {}", options.source.path().display());
    }
    let sessions = source::sessions(&options.source)?;
    let Some(session) = options.session.clone().or_else(|| sessions.latest()) else {
        eprintln!("decision_trace: there is no session in it");
        return Ok(false);
    };
    if !sessions.knows(&session) {
        let known = sessions.some();
        eprintln!("decision_trace: there is no session {session}; there are {known}");
        return Ok(false);
    }
    let records = source::records(&options.source, &sessions.family(&session))?;
    let trace = Trace::of(records, &sessions, options.all);
    let mut output = std::io::stdout().lock();
    let json = options.form == Form::Json;
    if !json {
        writeln!(output, "{}", trace.head(&session))?;
    }
    let mut input = std::io::stdin().lock();
    let mut waits = options.form == Form::Stepwise;
    for step in &trace.steps {
        show(&mut output, step, json)?;
        if waits {
            output.flush()?;
            let mut line = String::new();
            // The end of the input is the end of waiting.
            waits = input.read_line(&mut line)? > 0;
            if line.trim() == "q" {
                return Ok(true);
            }
        }
    }
    if !json {
        writeln!(output, "{}", trace.tail())?;
    }
    Ok(true)
}

fn show(output: &mut impl Write, step: &Step, json: bool) -> Result<(), Box<dyn Error>> {
    if json {
        writeln!(output, "{}", serde_json::to_string(step)?)?;
    } else {
        write!(output, "{step}")?;
    }
    Ok(())
}
