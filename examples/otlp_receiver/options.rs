//! The arguments.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use agent_primitives::Usd;
use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
otlp_receiver [--bind ADDRESS] [--db FILE] [--token TOKEN] [--budget DOLLARS] [--seconds N] [--demo]

  --bind ADDRESS    where to listen; 127.0.0.1:4318 unless given
  --db FILE         keep what comes in this database; forgotten unless given
  --token TOKEN     take only requests with this bearer token; needed beyond the own machine
  --budget DOLLARS  tell of sessions that cost more; 5 unless given
  --seconds N       end after so long; until Ctrl-C unless given, 6 with --demo
  --demo            agents of its own that speak OTLP through the OpenTelemetry SDK, on a free port

Ends with 0, with 1 where it cannot work, and with 2 where the arguments cannot be used.";

/// What is asked for.
pub(crate) struct Options {
    pub(crate) bind: String,
    pub(crate) db: Option<PathBuf>,
    pub(crate) token: Option<String>,
    pub(crate) budget: Usd,
    pub(crate) time: Option<Duration>,
    pub(crate) demo: bool,
}

impl Options {
    /// `None` where help was asked for.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        let (mut bind, mut db, mut token, mut seconds) = (None, None, None, None);
        let (mut budget, mut demo) = (Usd::from_micros(5_000_000), false);
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("bind") => bind = Some(args.value()?.string()?),
                Long("db") => db = Some(args.value()?.into()),
                Long("token") => token = Some(args.value()?.string()?),
                Long("budget") => budget = args.value()?.string()?.parse()?,
                Long("seconds") => seconds = Some(args.value()?.parse::<u32>()?),
                Long("demo") => demo = true,
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let seconds = seconds.or(demo.then_some(6));
        let usual = if demo {
            "127.0.0.1:0"
        } else {
            "127.0.0.1:4318"
        };
        Ok(Some(Self {
            bind: bind.unwrap_or_else(|| usual.to_owned()),
            db,
            token,
            budget,
            time: seconds.map(|it| Duration::from_secs(it.into())),
            demo,
        }))
    }
}
