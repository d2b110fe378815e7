//! A recorder watched in the terminal: sessions, rates, cost, failures, context and the last events, as they happen.
//!
//! ```text
//! cargo run --release --example live_monitor                         # agents at work for 20 seconds, watched
//! cargo run --release --example live_monitor -- --seconds 60 --speed 5
//! cargo run --release --example live_monitor -- --once               # one view, after two seconds
//! cargo run --release --example live_monitor -- --seconds 5 | cat    # a line a second
//! ```
//!
//! `demo.rs` is the agents, which tell recorded sessions to a real recorder. The rest is what a host would put beside
//! its own: `view.rs` follows the subscription, `screen.rs` shows it.
//!
//! Ends with 0, with 1 where the recorder fails, and with 2 where the arguments cannot be used. Ctrl-C may end it at
//! any time: nothing of the terminal is changed that would have to be put back.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod demo;
mod figures;
mod options;
mod screen;
mod view;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_telemetry::{Live, LiveConfig, MemorySink, Telemetry};

use options::Options;
use view::View;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;
/// Between two pictures: at most ten a second.
const FRAME: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Records that the demo keeps; nobody reads them again.
const KEPT: usize = 1_024;

fn main() -> ExitCode {
    let options = match Options::from_env() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("live_monitor: {error}; see --help");
            return ExitCode::from(REFUSED);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("live_monitor: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let telemetry = Telemetry::builder(MemorySink::with_capacity(KEPT)).start()?;
    let live = telemetry.subscribe(LiveConfig::new())?;
    let agents = demo::start(&telemetry, options);
    let shown = watch(live, options);
    agents.stop();
    telemetry.shutdown(SHUTDOWN)?;
    Ok(shown?)
}

/// Follows the records until the time is up.
fn watch(mut live: Live, options: &Options) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    let is_terminal = output.is_terminal();
    let every = if is_terminal { FRAME } else { SECOND };
    let began = Instant::now();
    let ends = began + options.time;
    let mut next = began + every;
    let mut view = View::default();
    if is_terminal && !options.once {
        write!(output, "{}", screen::CLEAR)?;
    }
    loop {
        let now = Instant::now();
        if now >= ends {
            break;
        }
        match live.recv(next.min(ends).saturating_duration_since(now)) {
            Ok(item) => view.add(&item),
            Err(error) if error.is_empty() => {}
            Err(error) => {
                writeln!(output, "{error}")?;
                return Ok(());
            }
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + every;
        if options.once {
            continue;
        }
        let totals = live.totals();
        if is_terminal {
            write!(
                output,
                "{}",
                screen::redrawn(&screen::picture(&totals, &view))
            )?;
        } else {
            writeln!(output, "{}", screen::line(&totals))?;
        }
        output.flush()?;
    }
    let totals = live.totals();
    if options.once || !is_terminal {
        write!(output, "{}", screen::picture(&totals, &view))?;
    } else {
        write!(
            output,
            "{}",
            screen::redrawn(&screen::picture(&totals, &view))
        )?;
    }
    output.flush()
}
