//! The command line.

use std::error::Error;
use std::path::PathBuf;

use agent_primitives::ProviderId;
use lexopt::prelude::*;

use crate::stage::Outage;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Several providers behind one chain: who answers, who rests, and who decides.

Usage: provider_fallback COMMAND [OPTIONS]

  status               how each provider stands, who is asked next, and what is left of the limits
  health               asks each provider now whether it works, at no cost, and says what came
  fallback [--to NAME] from now on this provider only; without a name, the next one that may answer
  return [--mended]    back to choosing by preference; --mended forgets why the preferred one rests
  ask TEXT             one request through the chain: who answers, on which way, at what cost
  run                  plays an outage of the preferred provider: switch, probe, return; time is skipped

  --explain            with ask: why this provider, and why not the others
  --config FILE        the providers; see examples/provider_fallback/providers.json. Keys come from
                       the environment. Without it, scripted providers on loopback answer
  --fault NAME=WHAT    one scripted provider fails: rate_limited, overloaded, quota, auth, server,
                       unavailable or reset; may be given several times
  --state FILE         what one run leaves to the next: who is pinned, who rests, what was spent
                       [default: target/provider_fallback/state.json]
  --json               one JSON object on stdout
  -h, --help           this text

Ends with 0, with 1 where nobody can answer, and with 2 where arguments or files cannot be used.";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Status,
    Health,
    Fallback { to: Option<ProviderId> },
    Return { mended: bool },
    Ask { text: String, explain: bool },
    Run,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) command: Command,
    pub(crate) config: Option<PathBuf>,
    pub(crate) state: PathBuf,
    pub(crate) outages: Vec<Outage>,
    pub(crate) json: bool,
}

impl Options {
    /// Reads the arguments; `None` where help was asked for.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        Self::parse(lexopt::Parser::from_env())
    }

    fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut words: Vec<String> = Vec::new();
        let (mut config, mut outages, mut json) = (None, Vec::new(), false);
        let mut state = PathBuf::from("target/provider_fallback/state.json");
        let (mut to, mut mended, mut explain) = (None, false, false);
        while let Some(arg) = args.next()? {
            match arg {
                Value(word) => words.push(word.string()?),
                Long("to") => to = Some(args.value()?.string()?.parse()?),
                Long("mended") => mended = true,
                Long("explain") => explain = true,
                Long("config") => config = Some(PathBuf::from(args.value()?)),
                Long("fault") => outages.push(args.value()?.string()?.parse()?),
                Long("state") => state = args.value()?.into(),
                Long("json") => json = true,
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        let mut words = words.into_iter();
        let word = words.next().ok_or("no command")?;
        let command = match word.as_str() {
            "status" => Command::Status,
            "health" => Command::Health,
            "fallback" => Command::Fallback { to: to.take() },
            "return" => Command::Return {
                mended: std::mem::take(&mut mended),
            },
            "ask" => Command::Ask {
                text: words
                    .next()
                    .filter(|text| !text.trim().is_empty())
                    .ok_or("ask wants a text")?,
                explain: std::mem::take(&mut explain),
            },
            "run" => Command::Run,
            other => return Err(format!("{other:?} is no command").into()),
        };
        if let Some(more) = words.next() {
            return Err(format!("{more:?} is one word too many; quote a text").into());
        }
        for (is_left, option) in [
            (to.is_some(), "--to"),
            (mended, "--mended"),
            (explain, "--explain"),
        ] {
            if is_left {
                return Err(format!("{option} does not go with {word}").into());
            }
        }
        if config.is_some() && (command == Command::Run || !outages.is_empty()) {
            return Err(
                "run and --fault are for scripted providers; leave --config out with them".into(),
            );
        }
        Ok(Some(Self {
            command,
            config,
            state,
            outages,
            json,
        }))
    }
}
