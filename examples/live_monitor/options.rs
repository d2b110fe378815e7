//! The arguments.

use std::error::Error;
use std::time::Duration;

use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
live_monitor [--demo] [--seconds N] [--speed N] [--agents N] [--seed N] [--once]

  --demo       agents that tell recorded sessions to a recorder; there is nothing else to watch, so
               it may be left out
  --seconds N  how long; 20 unless given, 2 with --once
  --speed N    how many times faster than they were the sessions go; 40 unless given
  --agents N   how many work at the same time, up to 64; 4 unless given
  --seed N     what goes wrong; 7 unless given
  --once       one view at the end, without moving the cursor

On a terminal the view is drawn anew up to ten times a second, elsewhere a line is written each
second, and the view at the end.

Ends with 0, with 1 where the recorder fails, and with 2 where the arguments cannot be used.";

const AGENTS_MOST: u32 = 64;
const SPEED_MOST: u32 = 10_000;

/// What is asked for.
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) speed: u32,
    pub(crate) agents: u32,
    pub(crate) seed: u64,
    pub(crate) once: bool,
}

impl Options {
    /// `None` where help was asked for.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        let mut seconds = None;
        let (mut faster, mut agents, mut seed, mut once) = (40, 4, 7, false);
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("demo") => {}
                Long("seconds") => seconds = Some(args.value()?.parse::<u32>()?),
                Long("speed") => faster = args.value()?.parse()?,
                Long("agents") => agents = args.value()?.parse()?,
                Long("seed") => seed = args.value()?.parse()?,
                Long("once") => once = true,
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if !(1..=SPEED_MOST).contains(&faster) {
            return Err(format!("a speed of {faster} is not from 1 to {SPEED_MOST}").into());
        }
        if !(1..=AGENTS_MOST).contains(&agents) {
            return Err(format!("{agents} agents are not from 1 to {AGENTS_MOST}").into());
        }
        let seconds = seconds.unwrap_or(if once { 2 } else { 20 });
        Ok(Some(Self {
            time: Duration::from_secs(seconds.into()),
            speed: faster,
            agents,
            seed,
            once,
        }))
    }
}
