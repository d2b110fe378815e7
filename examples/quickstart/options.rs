//! The command line.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use agent_primitives::ModelId;
use agent_resilience::Profile;
use lexopt::prelude::*;
use support::{ApiKey, Dialect, HttpProvider, Recording};

use crate::skip_clock::Pace;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
One agent session from start to end, through everything that kills agents.

Usage: quickstart [OPTIONS]

  --session FILE        a recorded SWE-agent trajectory (.traj) instead of the built-in session
  --seed N              decides pauses and tool times; the same seed gives the same run [default: 7]
  --json                the story goes to stderr, and stdout gets one JSON object
  --dir DIR             where the checkpoint log and the database go [default: target/quickstart];
                        what an earlier run left there is replaced
  --provider NAME=URL   claude, groq or ollama at a real endpoint; keys come from the environment
                        (ANTHROPIC_API_KEY, GROQ_API_KEY). Waits are real then, and cost money.
  --model NAME=MODEL    the model to ask for there
  -h, --help            this text";

/// Folder of the checkpoint log, in the folder of the run.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// File of the telemetry database, there too.
pub(crate) const DATABASE: &str = "telemetry.db";
/// What the session hands on.
pub(crate) const HANDOFF: &str = "reviewer.handoff.json";

/// What each provider is able to do and what it costs, in dollars for a million tokens.
const PROFILES: &str = r#"{
    "claude": {"vendor": "anthropic", "strength": 3, "capabilities": {"context_window": 200000},
        "price": {"input": "3", "output": "15", "cache_read": "0.30", "cache_write_5m": "3.75", "cache_write_1h": "6"}},
    "groq": {"vendor": "groq", "strength": 2, "capabilities": {"vision": false, "context_window": 131072},
        "price": {"input": "0.59", "output": "0.79"}},
    "ollama": {"vendor": "ollama", "strength": 1, "capabilities": {"vision": false, "context_window": 262144},
        "price": {"input": "0", "output": "0"}}
}"#;

/// The providers, in order of preference.
pub(crate) const PROVIDERS: [&str; 3] = ["claude", "groq", "ollama"];

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Plays the providers, kills the host, shows what happens.
    Stage,
    /// The agent.
    Host,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Which process this is.
    pub(crate) role: Role,
    /// The recorded session.
    pub(crate) recording: Recording,
    /// Where it came from, to pass it on.
    pub(crate) session: Option<PathBuf>,
    /// Decides everything random.
    pub(crate) seed: u64,
    /// Whether to print one JSON object.
    pub(crate) json: bool,
    /// Where checkpoints and database go.
    pub(crate) dir: PathBuf,
    /// Endpoints by provider.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// Models by provider, where they differ from the usual ones.
    pub(crate) models: BTreeMap<String, String>,
    /// Time that earlier processes of this session skipped.
    pub(crate) skipped: Duration,
    /// How pauses pass.
    pub(crate) pace: Pace,
    /// Whether some provider is a real one.
    pub(crate) real_time: bool,
}

impl Options {
    /// The model to ask a provider for.
    pub(crate) fn model(&self, provider: &str) -> &str {
        match (self.models.get(provider), provider) {
            (Some(model), _) => model,
            (None, "claude") => "claude-sonnet-4-5",
            (None, "groq") => "llama-3.3-70b-versatile",
            (None, _) => "qwen3-coder",
        }
    }

    /// What the provider of this name is. The price is that of the usual model.
    ///
    /// # Errors
    /// Never: the names are those of [`PROVIDERS`].
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, Box<dyn Error>> {
        let mut profiles: BTreeMap<&str, Profile> = serde_json::from_str(PROFILES)?;
        let mut profile = profiles.remove(name).ok_or("it has no profile")?;
        if self.models.contains_key(name) {
            profile.price = None;
        }
        Ok(profile.model(ModelId::new(self.model(name))?))
    }

    /// The provider of this name, with its key from the environment.
    ///
    /// # Errors
    /// When its URL or key cannot be used.
    pub(crate) fn provider(&self, name: &str) -> Result<HttpProvider, Box<dyn Error>> {
        let (dialect, variable) = match name {
            "claude" => (Dialect::Anthropic, "ANTHROPIC_API_KEY"),
            "groq" => (Dialect::Groq, "GROQ_API_KEY"),
            _ => (Dialect::Ollama, "OLLAMA_API_KEY"),
        };
        let url = self.endpoints.get(name).ok_or("it has no endpoint")?;
        let provider = HttpProvider::new(name.parse()?, dialect, url)?.model(self.model(name));
        // Only a real endpoint gets a key.
        match std::env::var(variable) {
            Ok(key) if self.real_time => Ok(provider.key(ApiKey::new(&key)?)),
            _ => Ok(provider),
        }
    }

    /// Reads the arguments; `None` when help was asked for.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(crate) fn from_args() -> Result<Option<Self>, Box<dyn Error>> {
        Self::parse(lexopt::Parser::from_env())
            .map_err(|error| format!("{error}; see --help").into())
    }

    fn parse(mut args: lexopt::Parser) -> Result<Option<Self>, Box<dyn Error>> {
        let mut options = Self {
            role: Role::Stage,
            recording: Recording::sample(),
            session: None,
            seed: 7,
            json: false,
            dir: PathBuf::from("target/quickstart"),
            endpoints: BTreeMap::new(),
            models: BTreeMap::new(),
            skipped: Duration::ZERO,
            pace: Pace::Skipped,
            real_time: false,
        };
        while let Some(arg) = args.next()? {
            match arg {
                Long("session") => {
                    let path = PathBuf::from(args.value()?);
                    options.recording = Recording::load(&path)?;
                    options.session = Some(path);
                }
                Long("seed") => {
                    let seed = args.value()?;
                    options.seed = seed
                        .parse()
                        .map_err(|error| format!("--seed wants a whole number: {error}"))?;
                }
                Long("json") => options.json = true,
                Long("dir") => options.dir = args.value()?.into(),
                Long("provider") => {
                    let (name, url) = pair(&args.value()?.string()?)?;
                    options.endpoints.insert(name, url);
                    options.real_time = true;
                }
                Long("model") => {
                    let (name, model) = pair(&args.value()?.string()?)?;
                    options.models.insert(name, model);
                }
                // The stage passes these to the host.
                Long("host") => options.role = Role::Host,
                Long("endpoint") => {
                    let (name, url) = pair(&args.value()?.string()?)?;
                    options.endpoints.insert(name, url);
                }
                Long("skipped-ms") => {
                    options.skipped = Duration::from_millis(args.value()?.parse()?);
                }
                Long("real-time") => options.real_time = true,
                Long("shortened") => options.pace = Pace::Shortened,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.real_time {
            options.pace = Pace::Real;
        }
        Ok(Some(options))
    }
}

fn pair(text: &str) -> Result<(String, String), Box<dyn Error>> {
    match text.split_once('=') {
        Some((name, value)) if PROVIDERS.contains(&name) && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err(
            format!("{text:?} is not NAME=VALUE with claude, groq or ollama as the name").into(),
        ),
    }
}
