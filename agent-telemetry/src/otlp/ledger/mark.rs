//! What is found again after a restart.

use agent_primitives::{ModelId, ProviderId, SessionId, Timestamp, TokenUsage, ToolName, Usd};
use serde::{Deserialize, Serialize};

use super::super::seen::{CallKeys, CallSeen, ToolSeen, Who};
use super::key::Ids;
use super::once::{Channels, Told};
use super::session::{Account, Figures, ModelSums};
use crate::ToolOutcome;

/// One state. What a later version adds is left out by an earlier one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Mark {
    Call(Known<CallKnown>),
    Tool(Known<ToolName>),
    Session(SessionId, Figures),
    Sums(Account, Box<str>, ModelSums),
}

impl Mark {
    pub(super) fn write(&self) -> Vec<u8> {
        // Maps have keys of text alone, so that nothing can fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// By the name that stands first.
    pub(super) fn is_account(state: &[u8]) -> bool {
        state.starts_with(b"{\"S")
    }

    pub(super) fn read(state: &[u8]) -> Option<Self> {
        serde_json::from_slice(state).ok()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known<T> {
    at: Timestamp,
    session: Option<SessionId>,
    channels: u8,
    request: Option<Halves>,
    response: Option<Halves>,
    keys: Vec<Halves>,
    what: T,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CallKnown {
    provider: ProviderId,
    model: ModelId,
    usage: Option<TokenUsage>,
    cost: Option<Usd>,
}

/// A key, for formats whose numbers have 64 bits.
type Halves = (u64, u64);

#[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
const fn halves(key: u128) -> Halves {
    ((key >> 64) as u64, key as u64)
}

fn whole((high, low): Halves) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

impl<T> Known<T> {
    fn new<S>(told: &Told<S>, what: T) -> Self {
        Self {
            at: told.at,
            session: told.who.session.clone(),
            channels: told.channels.0,
            request: told.ids.request.map(halves),
            response: told.ids.response.map(halves),
            keys: told.keys.iter().copied().map(halves).collect(),
            what,
        }
    }

    fn told<S>(self, what: impl FnOnce(T) -> S) -> Told<S> {
        let who = Who {
            session: self.session,
            ..Who::default()
        };
        let ids = Ids {
            request: self.request.map(whole),
            response: self.response.map(whole),
            ..Ids::default()
        };
        Told {
            who,
            at: self.at,
            channels: Channels(self.channels),
            ids,
            keys: self.keys.into_iter().map(whole).collect(),
            recorded: true,
            what: what(self.what),
        }
    }
}

pub(super) fn of_call(told: &Told<CallSeen>) -> Mark {
    let call = &told.what;
    let what = CallKnown {
        provider: call.provider.clone(),
        model: call.model.clone(),
        usage: call.usage,
        cost: call.cost,
    };
    Mark::Call(Known::new(told, what))
}

pub(super) fn call(known: Known<CallKnown>) -> Told<CallSeen> {
    known.told(|call| CallSeen {
        keys: CallKeys::default(),
        provider: call.provider,
        model: call.model,
        usage: call.usage,
        cost: call.cost,
        latency: None,
        first_token: None,
        attempts: 1,
        failure: None,
        stop_reason: None,
        service_tier: None,
        streamed: false,
    })
}

pub(super) fn of_tool(told: &Told<ToolSeen>) -> Mark {
    Mark::Tool(Known::new(told, told.what.tool.clone()))
}

pub(super) fn tool(known: Known<ToolName>) -> Told<ToolSeen> {
    known.told(|tool| ToolSeen {
        call: None,
        span: None,
        item: None,
        tool,
        outcome: ToolOutcome::Ok,
        elapsed: None,
    })
}
