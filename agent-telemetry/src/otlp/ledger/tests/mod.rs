//! Each request counted once: fixtures, orders of arrival, restarts.

mod fixtures;
mod random;

use std::time::Duration;

use agent_primitives::{
    AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, ToolName, Usd,
};

use super::super::seen::{Amount, Bucket, CallKeys, CallSeen, Channel, Seen, ToolSeen, What, Who};
use super::{Entry, Ledger, LedgerConfig};
use crate::{Body, ModelCall, Record, ToolOutcome};

const MODEL: &str = "claude-sonnet-4-5";

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_unix_seconds(1_700_000_000) + Duration::from_secs_f64(seconds)
}

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn who(name: &str) -> Who {
    Who {
        session: Some(session(name)),
        agent: Some(AgentId::new("claude-code").unwrap()),
        ..Who::default()
    }
}

fn call(usage: Option<TokenUsage>) -> CallSeen {
    CallSeen {
        keys: CallKeys::default(),
        provider: ProviderId::new("anthropic").unwrap(),
        model: ModelId::new(MODEL).unwrap(),
        usage,
        cost: None,
        latency: None,
        first_token: None,
        attempts: 1,
        failure: None,
        stop_reason: None,
        service_tier: None,
        streamed: false,
    }
}

fn seen(channel: Channel, seconds: f64, call: CallSeen) -> Seen {
    let what = What::Call(Box::new(call));
    Seen {
        who: who("s1"),
        at: at(seconds),
        channel,
        what,
    }
}

fn amount(channel: Channel, source: &'static str, bucket: Bucket, amount: u64) -> Seen {
    let amount = Amount {
        provider: ProviderId::new("anthropic").unwrap(),
        model: ModelId::new(MODEL).unwrap(),
        bucket,
        source,
        amount,
        since: at(0.0),
    };
    Seen {
        who: who("s1"),
        at: at(60.0),
        channel,
        what: What::Amount(amount),
    }
}

fn usage() -> TokenUsage {
    TokenUsage::new(10, 500)
        .with_cache_read(20_000)
        .with_cache_write_5m(300)
}

const COST: Usd = Usd::from_micros(12_345);

fn ledger() -> Ledger {
    Ledger::new(LedgerConfig::default())
}

/// All that is recorded of these.
fn recorded(ledger: &mut Ledger, all: impl IntoIterator<Item = Seen>) -> Vec<Record> {
    let mut out = Vec::new();
    for seen in all {
        ledger.see(seen, &mut out);
    }
    ledger.flush(Timestamp::UNIX_EPOCH, &mut out);
    out.into_iter().map(|it| it.record).collect()
}

fn calls(records: &[Record]) -> Vec<&ModelCall> {
    let calls = records.iter().filter_map(|it| match &it.body {
        Body::ModelCall(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

fn sum(records: &[Record]) -> TokenUsage {
    calls(records).iter().map(|it| it.usage).sum()
}

fn cost(records: &[Record]) -> Usd {
    calls(records).iter().filter_map(|it| it.cost).sum()
}
