//! Looks into a store of sessions, and brings one back: what is there, whether it is whole, what a checkpoint holds,
//! what going back would change; and sessions of other agents are taken in.
//!
//! ```text
//! cargo run --example quickstart                         # leaves a store behind
//! cargo run --example session_recovery -- list
//! cargo run --example session_recovery -- verify
//! cargo run --example session_recovery -- show quickstart
//! cargo run --example session_recovery -- recover quickstart
//! cargo run --example session_recovery -- restore quickstart 12 --yes
//! cargo run --example session_recovery -- import ~/.codex/sessions/2026/03/02/rollout-….jsonl
//! ```
//!
//! What only reads takes no lock: it works beside a program that writes the session.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod carry;
mod change;
mod columns;
mod diff;
mod failure;
mod list;
mod options;
mod place;
mod recover;
mod show;
mod verify;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use failure::Failure;
use options::{Command, Options};
use place::Place;

/// What a command has to say: the text for a person, the value for a program, and whether all is well.
struct Said {
    text: String,
    value: serde_json::Value,
    is_well: bool,
}

impl Said {
    fn new(text: String, value: serde_json::Value) -> Self {
        Self {
            text,
            value,
            is_well: true,
        }
    }
}

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("session_recovery: {error}; see --help");
            return ExitCode::from(failure::USAGE);
        }
    };
    match run(&options) {
        Ok(said) => {
            let text = if options.json {
                format!("{}\n", said.value)
            } else {
                said.text
            };
            if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
                // Whoever reads has seen enough.
                if error.kind() != ErrorKind::BrokenPipe {
                    eprintln!("session_recovery: {error}");
                    return ExitCode::from(failure::PROBLEM);
                }
            }
            ExitCode::from(if said.is_well { 0 } else { failure::PROBLEM })
        }
        Err(failure) => {
            eprintln!("session_recovery: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(options: &Options) -> Result<Said, Failure> {
    if let Command::Import(import) = &options.command {
        return carry::import(&Place::made(options.dir.as_deref())?, import);
    }
    let place = Place::found(options.dir.as_deref())?;
    match &options.command {
        Command::List { session: None } => list::sessions(&place),
        Command::List {
            session: Some(session),
        } => list::checkpoints(&place, session),
        Command::Latest { session } => show::latest(&place, session),
        Command::Show {
            session,
            checkpoint,
            full,
        } => show::show(&place, session, checkpoint.as_deref(), *full),
        Command::Raw { session } => show::raw(&place, session),
        Command::Diff { session, from, to } => diff::diff(&place, session, from, to),
        Command::Verify { session } => verify::verify(&place, session.as_deref()),
        Command::Recover {
            session,
            takes_over,
        } => recover::recover(&place, session, *takes_over),
        Command::Restore {
            session,
            checkpoint,
            yes,
        } => change::restore(&place, session, checkpoint, *yes),
        Command::Fork {
            session,
            checkpoint,
            name,
        } => change::fork(&place, session, checkpoint, name),
        Command::Prune { session, keep, how } => change::prune(&place, session, *keep, *how),
        Command::Export(export) => carry::export(&place, export),
        Command::Import(import) => carry::import(&place, import),
    }
}
