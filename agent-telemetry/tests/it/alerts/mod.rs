//! Alerts from outside: records in, notifications out, on a virtual clock.

mod bounds;
mod burn;
mod clock;
mod deliver;
mod file;
mod fires;
mod guarded;
mod late;
mod outcomes;
mod panics;
mod prompt;
mod restart;
mod rules;
mod sessions;
#[cfg(feature = "webhook")]
mod webhook;

use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, FailureKind, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, Usd,
};
use agent_telemetry::alert::{Alerts, Condition, Notification, Rule, Rules};
use agent_telemetry::{ModelCall, Record};

/// A Friday in November 2026, at noon.
pub(crate) const NOON: i64 = 1_795_176_000;

/// So many seconds after noon.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOON + seconds)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A call of an agent in a session: figures are set by the test.
pub(crate) fn call(when: i64, change: impl FnOnce(ModelCall) -> ModelCall) -> Record {
    let call = ModelCall::new(
        ProviderId::new("claude").unwrap(),
        ModelId::new("small").unwrap(),
    );
    Record::new(at(when), change(call.latency(seconds(1))))
        .of_agent(AgentId::new("coder").unwrap())
        .of_session(SessionId::new("s1").unwrap())
}

pub(crate) fn good(when: i64) -> Record {
    call(when, |call| call)
}

pub(crate) fn failed(when: i64) -> Record {
    call(when, |call| call.failed(FailureKind::Server))
}

pub(crate) fn tokens(when: i64, tokens: u64) -> Record {
    call(when, |call| call.usage(TokenUsage::new(tokens, 0)))
}

pub(crate) fn cost(when: i64, dollars: &str) -> Record {
    let cost: Usd = dollars.parse().unwrap();
    call(when, |call| call.cost(cost))
}

pub(crate) fn attempt(when: i64, failure: Option<FailureKind>) -> Record {
    let attempt = Attempt::new(ProviderId::new("claude").unwrap(), 1, seconds(1));
    let attempt = match failure {
        Some(kind) => attempt.failed(kind),
        None => attempt,
    };
    Record::new(at(when), attempt)
}

pub(crate) fn rules(rules: impl IntoIterator<Item = Rule>) -> Rules {
    Rules::new(rules.into_iter().collect()).unwrap()
}

/// One rule over everything.
pub(crate) fn alerts(when: Condition) -> Alerts {
    alerts_of(Rule::new("rule", when))
}

pub(crate) fn alerts_of(rule: Rule) -> Alerts {
    Alerts::new(&rules([rule]), at(0))
}

/// What a host that ticks once a second hears, by the second at which it hears it.
pub(crate) fn hear(alerts: &mut Alerts, records: &[Record], until: i64) -> Vec<String> {
    let mut heard = Vec::new();
    let mut records = records.iter().peekable();
    for second in 0..=until {
        let mut told = alerts.tick(at(second));
        while let Some(record) = records.next_if(|it| it.at <= at(second)) {
            told.extend(alerts.observe(record));
        }
        heard.extend(told.iter().map(|it| shown(it, second)));
    }
    heard
}

/// `firing 60`, and what it is about where it is about something.
fn shown(told: &Notification, heard: i64) -> String {
    let when = told.at.unix_seconds() - NOON;
    assert!(
        (0..=1).contains(&(heard - when)),
        "told {when}, heard {heard}"
    );
    let mut text = format!("{} {when}", told.status);
    let subject = told.subject.to_string();
    if subject != "all" {
        text += ": ";
        text += &subject;
    }
    text
}
