//! Taking addresses and secrets out of records. No peer does this to records in Rust, so ours stand alone.

use std::borrow::Cow;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage};
use agent_telemetry::{
    Body, ModelCall, ProjectId, Record, Redaction, Severity, UserKey, Violation,
};

use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

const KEY: UserKey = UserKey::from_bytes([7; 16]);
const CLEAN: &str = "function parse_header is 104 lines long, at most 80 are allowed";
const SECRET: &str = "key sk-ant-api03-abcdefghijklmnop is written into the source";

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("redaction of a record", |name| {
        let clean = [
            ("model call", named(call()?)?),
            ("violation", named(violation(CLEAN))?),
            ("text of 4 000 bytes", named(violation(long()))?),
        ];
        let mut cases = Vec::new();
        for (name, record) in clean {
            cases.push(unchanged(name, record)?);
        }
        cases.push(masked(
            "violation with a secret",
            named(violation(SECRET))?,
        )?);
        Ok(Group::new(name, cases))
    })]
}

fn call() -> Result<Body, Broken> {
    let doing = "name a model";
    let provider = ProviderId::new("anthropic").map_err(Broken::when(doing))?;
    let model = ModelId::new("claude-sonnet-4-5-20250929").map_err(Broken::when(doing))?;
    let usage = TokenUsage::new(2_000, 300);
    Ok(ModelCall::new(provider, model).usage(usage).into())
}

/// Static texts, so that copying the record before the calls allocates nothing.
fn violation(message: impl Into<Cow<'static, str>>) -> Body {
    let found = Violation::new("long_function", Severity::Warning, message);
    found.at("src/http/parser/header.rs", 41).into()
}

/// A text like others, as long as a recorder keeps.
fn long() -> String {
    let mut text = CLEAN.repeat(64);
    text.truncate(4_000);
    text
}

/// With the names that a record of a session has.
fn named(body: Body) -> Result<Record, Broken> {
    let doing = "name a session";
    Ok(Record::new(Timestamp::UNIX_EPOCH, body)
        .of_project(ProjectId::new("acme/website").map_err(Broken::when(doing))?)
        .of_session(SessionId::new("fix-login-0198d0b4").map_err(Broken::when(doing))?)
        .of_agent(AgentId::new("coder").map_err(Broken::when(doing))?))
}

/// A record that has nothing to be taken out.
fn unchanged(name: &'static str, record: Record) -> Result<Case, Broken> {
    let mut seen = record.clone();
    Redaction::default().redact(&mut seen, KEY);
    if seen != record {
        return Err(Broken::new("redact a record", "a clean one has changed"));
    }
    Ok(ours(name, move |calls| {
        let redaction = Redaction::default();
        let mut record = record.clone();
        for _ in 0..calls {
            redaction.redact(std::hint::black_box(&mut record), KEY);
        }
    }))
}

/// A record whose message has something in it each time.
fn masked(name: &'static str, record: Record) -> Result<Case, Broken> {
    let mut seen = record.clone();
    Redaction::default().redact(&mut seen, KEY);
    if seen == record {
        return Err(Broken::new("redact a record", "its secret is still there"));
    }
    Ok(ours(name, move |calls| {
        let redaction = Redaction::default();
        let mut record = record.clone();
        for _ in 0..calls {
            if let Body::Violation(it) = &mut record.body {
                it.message = Cow::Borrowed(SECRET);
            }
            redaction.redact(std::hint::black_box(&mut record), KEY);
        }
    }))
}

fn ours(name: &'static str, run: impl Fn(u32) + Send + Sync + 'static) -> Case {
    Case::looped(Kind::Ours, name, version_of("agent-telemetry"), run)
}
