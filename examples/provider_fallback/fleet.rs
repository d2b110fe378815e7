//! The providers, the chain over them, and what an earlier run knew.

use std::error::Error;
use std::sync::{Arc, Mutex};

use agent_primitives::{Clock, Fanout, Observer, ProviderId, SystemClock};
use agent_resilience::classify::Verdict;
use agent_resilience::{
    CallOptions, Failure, FallbackChain, Metering, Needs, Provider, SpendBudget,
};
use async_trait::async_trait;
use support::{ChatReply, ChatRequest, HttpProvider, Message};

use crate::config::{Config, ProviderConfig};
use crate::state::{Memory, State};

pub(crate) type Chain = FallbackChain<ChatRequest, ChatReply>;

/// Everything that a command works with.
pub(crate) struct Fleet {
    pub(crate) members: Vec<(ProviderConfig, HttpProvider)>,
    pub(crate) chain: Chain,
    pub(crate) budget: SpendBudget,
    pub(crate) memory: Memory,
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
    /// When a URL, a key or a setting cannot be used.
    pub(crate) async fn gather(
        config: Config,
        state: State,
        keys: Keys,
        hears: impl Observer + 'static,
    ) -> Result<Self, Box<dyn Error>> {
        let mut members = Vec::new();
        for provider in config.providers {
            let mut client = provider.client(&provider.url)?;
            if keys == Keys::Read
                && let Some(key) = provider.key()?
            {
                client = client.key(key);
            }
            members.push((provider, client));
        }
        let memory = Memory::of(state);
        let (now, own) = (SystemClock.timestamp(), config.chain.rest.first);
        let mut builder = Chain::builder().config(config.chain);
        for (provider, client) in &members {
            let known = memory.state().rests.get(&provider.name).copied();
            let member = Member {
                client: client.clone(),
                replays: Mutex::new(known.map(|rest| rest.verdict(now, own))),
            };
            builder = builder.provider_with(member, provider.profile());
        }
        let hears = Arc::new(hears);
        let budget = SpendBudget::new(&config.budget)?.observer(Arc::clone(&hears));
        if let Some(spent) = &memory.state().spent {
            budget.restore(spent);
        }
        let fleet = Self {
            members,
            chain: builder.build()?,
            budget,
            memory,
        };
        fleet.resume().await;
        let chain = fleet
            .chain
            .observed_by(Fanout::new().with(fleet.memory.clone()).with(hears));
        Ok(Self { chain, ..fleet })
    }

    /// Brings the chain to where the state says that it was; what is over, or concerns nobody here, is
    /// forgotten.
    async fn resume(&self) {
        let now = SystemClock.timestamp();
        let rests = {
            let mut state = self.memory.state();
            let is_here = |name: &ProviderId| self.members.iter().any(|(p, _)| p.name == *name);
            state
                .rests
                .retain(|name, rest| is_here(name) && rest.until > now);
            state.limits.retain(|name, _| is_here(name));
            state.last = state.last.take().filter(is_here);
            state.pinned = state.pinned.take().filter(is_here);
            state.rests.clone()
        };
        for name in rests.keys() {
            // Fails as it did; nobody listens yet, and nothing is sent.
            let question = ChatRequest::new("", vec![Message::user("")]);
            let options = CallOptions::new().pin(name.clone());
            let _ = self.chain.call_with(&question, &options).await;
        }
        let pinned = self.memory.state().pinned.clone();
        if let Some(name) = pinned {
            // It is here, so it can be pinned.
            let _ = self.chain.pin(&name);
        }
    }

    /// Who would be asked now.
    pub(crate) fn next(&self) -> Option<ProviderId> {
        let place = self.chain.explain(&Needs::default()).chosen()?;
        self.chain.providers().into_iter().nth(place)
    }

    /// Who is preferred to all others.
    pub(crate) fn preferred(&self) -> Option<&ProviderId> {
        self.members.first().map(|(provider, _)| &provider.name)
    }

    /// The configuration of a provider.
    pub(crate) fn config(&self, name: &ProviderId) -> Option<&ProviderConfig> {
        let mut members = self.members.iter().map(|(provider, _)| provider);
        members.find(|provider| provider.name == *name)
    }
}

/// A client that first fails once more as it did in an earlier run.
struct Member {
    client: HttpProvider,
    replays: Mutex<Option<Verdict>>,
}

#[async_trait]
impl Provider<ChatRequest> for Member {
    type Reply = ChatReply;

    fn id(&self) -> &ProviderId {
        self.client.id()
    }

    async fn call(&self, request: &ChatRequest) -> Result<ChatReply, Failure> {
        let known = self.replays.lock().ok().and_then(|mut known| known.take());
        match known {
            Some(verdict) => Err(Failure::new(verdict)),
            None => self.client.call(request).await,
        }
    }

    fn metering(&self, reply: &ChatReply) -> Metering {
        self.client.metering(reply)
    }

    async fn probe(&self) -> Option<Result<(), Failure>> {
        self.client.probe().await
    }
}
