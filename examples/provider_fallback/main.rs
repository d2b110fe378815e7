//! A chain of providers as a command-line program: who answers, who rests, and who decides.
//!
//! ```text
//! cargo run --example provider_fallback -- status
//! cargo run --example provider_fallback -- health
//! cargo run --example provider_fallback -- ask "hello" --fault claude=rate_limited
//! cargo run --example provider_fallback -- fallback --to groq
//! cargo run --example provider_fallback -- return
//! cargo run --example provider_fallback -- run
//! ```
//!
//! Without `--config`, scripted providers on loopback answer, so that all of it works anywhere. With one
//! (`providers.json` shows every field), it is a program for real ones. What one run learns, the next one
//! knows: `state.rs` keeps it in a small file.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod ask;
mod config;
mod demo;
mod fleet;
mod keyless;
mod look;
mod options;
mod stage;
mod state;
mod switch;
mod table;

use std::error::Error;
use std::process::ExitCode;

use config::Config;
use fleet::{Fleet, Keys};
use options::{Command, Options};
use state::State;

const NOBODY: u8 = 1;
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("provider_fallback: {error}; see --help");
            return ExitCode::from(UNUSABLE);
        }
    };
    // One thread: `run` skips time, which it can do only where nobody works behind its back.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(&options)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOBODY),
        Err(error) => {
            eprintln!("provider_fallback: {error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// Whether somebody can answer.
async fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let (mut config, is_real) = match &options.config {
        Some(path) => (Config::load(path)?, true),
        None => (Config::sample()?, false),
    };
    if options.command == Command::Run {
        return demo::run(&config, options.json).await;
    }
    let state = State::load(&options.state)?;
    let question = match &options.command {
        Command::Ask { text, .. } => text,
        _ => "",
    };
    // They answer until the end of the program.
    let _servers = if is_real {
        Vec::new()
    } else {
        stage::start(&mut config, question, &options.outages).await?
    };
    let keys = match options.command {
        Command::Ask { .. } | Command::Health => Keys::Read,
        _ => Keys::LeftAlone,
    };
    let mut fleet = Fleet::gather(config, state, keys, ask::hears)?;
    let someone = match &options.command {
        Command::Status => return look::status(&fleet, options.json),
        Command::Health => return look::health(&fleet, options.json).await,
        Command::Fallback { to } => switch::fallback(&mut fleet, to.as_ref(), options.json),
        Command::Return { mended } => switch::back(&mut fleet, *mended, options.json),
        Command::Ask { text, explain } => ask::ask(&mut fleet, text, *explain, options.json).await,
        Command::Run => return Err("run leaves nothing behind".into()),
    }?;
    fleet.leave().save(&options.state)?;
    Ok(someone)
}
