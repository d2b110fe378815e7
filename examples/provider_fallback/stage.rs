//! Scripted providers on loopback, for a machine that has no keys.

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use agent_primitives::ProviderId;
use support::{Fault, Message, Recording, Rule, Script, ScriptedProvider, Target};

use crate::config::{Config, ProviderConfig};

/// What one scripted provider does wrong, as long as the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) name: ProviderId,
    fault: Fault,
    /// Some faults a list of models does not meet.
    target: Target,
}

impl FromStr for Outage {
    type Err = Box<dyn Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, what) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not NAME=WHAT"))?;
        let (fault, target) = match what {
            "rate_limited" => {
                let retry_after = Some(Duration::from_secs(90));
                (Fault::RateLimited { retry_after }, Target::Chat)
            }
            "overloaded" => (Fault::Overloaded, Target::Any),
            "quota" => (Fault::InsufficientQuota, Target::Chat),
            "auth" => (Fault::Unauthorized, Target::Any),
            "server" => (Fault::ServerError, Target::Any),
            "unavailable" => (Fault::Unavailable, Target::Any),
            "reset" => (Fault::Reset, Target::Any),
            _ => {
                return Err(format!(
                    "{what:?} is no fault; write rate_limited, overloaded, quota, auth, server, unavailable or reset"
                )
                .into());
            }
        };
        Ok(Self {
            name: name.parse()?,
            fault,
            target,
        })
    }
}

/// Starts a provider of each name in `config` that answers to `question`, and sets their URLs.
///
/// # Errors
/// When an outage names nobody, or the system gives no port.
pub(crate) async fn start(
    config: &mut Config,
    question: &str,
    outages: &[Outage],
) -> Result<Vec<ScriptedProvider>, Box<dyn Error>> {
    let names: Vec<_> = config.providers.iter().map(|p| p.name.as_str()).collect();
    for outage in outages {
        if !names.contains(&outage.name.as_str()) {
            let (name, names) = (&outage.name, names.join(", "));
            return Err(format!("nobody is named {name} to fail; there are {names}").into());
        }
    }
    let mut servers = Vec::new();
    for provider in &mut config.providers {
        let rules = outages
            .iter()
            .filter(|outage| outage.name == provider.name)
            .map(|outage| {
                Rule::new(outage.fault.clone())
                    .target(outage.target)
                    .always()
            });
        let server = ScriptedProvider::builder(answering(provider, question)?)
            .script(Script::new(rules))
            .start()
            .await?;
        provider.url = server.url();
        provider.key_env = None;
        servers.push(server);
    }
    Ok(servers)
}

/// A session of one question and one answer.
pub(crate) fn answering(
    provider: &ProviderConfig,
    question: &str,
) -> Result<Recording, Box<dyn Error>> {
    let answer = format!(
        "I am {}, a scripted provider. You said: {question}",
        provider.name
    );
    let messages = vec![Message::user(question), Message::assistant(answer)];
    Ok(Recording::from_messages(messages)?)
}
