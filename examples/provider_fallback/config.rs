//! Who may answer: the providers, read from a file.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use agent_primitives::{ModelId, ProviderId};
use agent_resilience::{FallbackConfig, Profile, Settings, SpendBudgetConfig};
use serde::Deserialize;
use support::{ApiKey, Dialect, HttpProvider};

/// The file that is committed beside this one, which shows every field. Without `--config` it names the
/// scripted providers.
const SAMPLE: &str = include_str!("providers.json");

/// A configuration file is a page or two.
const BYTES_MAX: u64 = 1024 * 1024;

/// What a configuration file holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// In order of preference.
    pub(crate) providers: Vec<ProviderConfig>,
    /// How they are tried.
    #[serde(default)]
    pub(crate) chain: FallbackConfig,
    /// What they may cost together; anything unless set.
    #[serde(default)]
    pub(crate) budget: SpendBudgetConfig,
}

/// One provider: where it is and what it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderConfig {
    pub(crate) name: ProviderId,
    pub(crate) dialect: Dialect,
    pub(crate) url: String,
    pub(crate) model: ModelId,
    /// The variable of the environment that holds the key. A key has no place in a file.
    #[serde(default)]
    pub(crate) key_env: Option<String>,
    /// What it is able to do, what it costs, what it shares with the others.
    #[serde(default)]
    pub(crate) profile: Profile,
}

impl Config {
    /// The committed sample.
    ///
    /// # Errors
    /// Never: the tests read it.
    pub(crate) fn sample() -> Result<Self, Box<dyn Error>> {
        Self::parse(SAMPLE)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// One line that names the file and says what is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Self, Box<dyn Error>> {
        read(path)
            .and_then(|text| Self::parse(&text))
            .map_err(|error| format!("{}: {error}", path.display()).into())
    }

    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let config: Self = serde_json::from_str(text)?;
        if config.providers.is_empty() {
            return Err("\"providers\" is empty; name at least one".into());
        }
        let mut names = BTreeSet::new();
        for provider in &config.providers {
            if !names.insert(&provider.name) {
                return Err(format!(
                    "two providers are named {}; give each its own name",
                    provider.name
                )
                .into());
            }
        }
        let of = |part: &str, error: &dyn Error| format!("{part}: {error}");
        config
            .chain
            .validate()
            .map_err(|error| of("chain", &error))?;
        config
            .budget
            .validate()
            .map_err(|error| of("budget", &error))?;
        Ok(config)
    }
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    if std::fs::metadata(path)?.len() > BYTES_MAX {
        return Err(format!("larger than {BYTES_MAX} bytes").into());
    }
    Ok(std::fs::read_to_string(path)?)
}

impl ProviderConfig {
    /// The client of this provider, at `url`.
    ///
    /// # Errors
    /// When nothing can be reached at such a URL.
    pub(crate) fn client(&self, url: &str) -> Result<HttpProvider, Box<dyn Error>> {
        let client = HttpProvider::new(self.name.clone(), self.dialect, url)
            .map_err(|error| format!("{}: {error}", self.name))?;
        Ok(client.model(self.model.as_str()))
    }

    /// The key, where it needs one.
    ///
    /// # Errors
    /// When the environment has no such variable, or no key in it.
    pub(crate) fn key(&self) -> Result<Option<ApiKey>, Box<dyn Error>> {
        let Some(variable) = &self.key_env else {
            return Ok(None);
        };
        let key = std::env::var(variable).map_err(|_| {
            let name = &self.name;
            format!("{name} needs a key: set {variable}, or take \"key_env\" out of the file where none is needed")
        })?;
        let key = ApiKey::new(&key).map_err(|error| format!("{variable}: {error}"))?;
        Ok(Some(key))
    }

    /// Its profile, with the model of this file where the profile names none.
    pub(crate) fn profile(&self) -> Profile {
        let mut profile = self.profile.clone();
        profile.model.get_or_insert_with(|| self.model.clone());
        profile
    }
}
