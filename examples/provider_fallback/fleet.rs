//! The providers, the chain over them, and what an earlier run knew.

use std::error::Error;
use std::sync::Arc;

use agent_primitives::{Observer, ProviderId};
use agent_resilience::{FallbackChain, Needs, SpendBudget};
use support::{ChatReply, ChatRequest, HttpProvider};

use crate::config::{Config, ProviderConfig};
use crate::keyless::Keyless;
use crate::state::State;

pub(crate) type Chain = FallbackChain<ChatRequest, ChatReply>;

/// Everything that a command works with.
pub(crate) struct Fleet {
    pub(crate) members: Vec<Member>,
    pub(crate) chain: Chain,
    pub(crate) budget: SpendBudget,
    /// As the run before left it, and as this one changes it.
    pub(crate) state: State,
}

/// One provider of the file.
pub(crate) struct Member {
    pub(crate) config: ProviderConfig,
    pub(crate) client: HttpProvider,
    /// Why it cannot be called: its key is not there.
    pub(crate) missing: Option<String>,
}

/// Whether the keys are needed: to call somebody, and not to look at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Read,
    LeftAlone,
}

impl Fleet {
    /// Builds the clients and the chain, and brings the chain to where `state` says that it was.
    ///
    /// # Errors
    /// When a URL or a setting cannot be used, or nobody has the key that it needs.
    pub(crate) fn gather(
        config: Config,
        mut state: State,
        keys: Keys,
        hears: impl Observer + 'static,
    ) -> Result<Self, Box<dyn Error>> {
        let hears = Arc::new(hears);
        let budget = SpendBudget::new(&config.budget)?.observer(Arc::clone(&hears));
        if let Some(spent) = &state.spent {
            budget.restore(spent);
        }
        let mut builder = Chain::builder().config(config.chain).observer(hears);
        let mut members = Vec::new();
        for provider in config.providers {
            let mut client = provider.client(&provider.url)?;
            let key = match keys {
                Keys::Read => provider.key(),
                Keys::LeftAlone => Ok(None),
            };
            let mut missing = None;
            match key {
                Ok(Some(key)) => client = client.key(key),
                Ok(None) => {}
                Err(error) => missing = Some(error.to_string()),
            }
            let (name, profile) = (provider.name.clone(), provider.profile());
            builder = match missing.clone() {
                Some(missing) => builder.provider_with(Keyless { name, missing }, profile),
                None => builder.provider_with(client.clone(), profile),
            };
            members.push(Member {
                config: provider,
                client,
                missing,
            });
        }
        if let Some(Member {
            missing: Some(missing),
            ..
        }) = members.first()
            && members.iter().all(|member| member.missing.is_some())
        {
            return Err(missing.clone().into());
        }
        let chain = builder.build()?;
        chain.restore(&state.chain);
        // The file may be of another configuration.
        let is_here = |name: &ProviderId| members.iter().any(|member| member.config.name == *name);
        state.limits.retain(|name, _| is_here(name));
        state.last = state.last.filter(is_here);
        state.pinned = state.pinned.filter(is_here);
        if let Some(name) = &state.pinned {
            chain.pin(name)?;
        }
        Ok(Self {
            members,
            chain,
            budget,
            state,
        })
    }

    /// What the next run is to know.
    pub(crate) fn leave(mut self) -> State {
        self.state.chain = self.chain.snapshot();
        self.state.spent = Some(self.budget.snapshot());
        self.state
    }

    /// Who would be asked now.
    pub(crate) fn next(&self) -> Option<ProviderId> {
        let place = self.chain.explain(&Needs::default()).chosen()?;
        self.chain.providers().into_iter().nth(place)
    }

    /// Who is preferred to all others.
    pub(crate) fn preferred(&self) -> Option<&ProviderId> {
        self.members.first().map(|member| &member.config.name)
    }

    /// The configuration of a provider.
    pub(crate) fn config(&self, name: &ProviderId) -> Option<&ProviderConfig> {
        let mut members = self.members.iter().map(|member| &member.config);
        members.find(|provider| provider.name == *name)
    }
}
