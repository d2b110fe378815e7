//! Requests to models.

use agent_primitives::{FailureKind, TokenUsage, Usd};

use super::super::super::seen::{CallKeys, CallSeen, Seen, What};
use super::super::super::value::Value;
use super::super::super::wire::SpanStatus;
use super::super::field::Field;
use super::super::item::{Item, millis, seconds};
use super::super::usage::{self, Convention};
use super::super::{failure, id, provider};

/// Dearer calls than of 10²⁶ dollars are not believed.
const PICOS_END: i128 = 10_i128.pow(38);

/// `claude_code.api_request` and its kin.
pub(in super::super) fn claude_call(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    push(item, Convention::Exclusive, out);
}

/// A span of the `GenAI` conventions or of one of their relatives.
pub(in super::super) fn genai_call(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    push(item, Convention::Inclusive, out);
    if item.facts.bool(Field::Compacted) == Some(true) {
        out.push(item.seen(What::Compacted {
            before: None,
            after: None,
            automatic: true,
        }));
    }
}

/// An event of the `GenAI` conventions, which is told within the span of its call.
pub(in super::super) fn genai_event(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    item.span = item.within;
    push(item, Convention::Inclusive, out);
}

pub(in super::super) fn gemini_call(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    push(item, Convention::Gemini, out);
}

/// `codex.sse_event`: a call where its answer is complete or broke off. Other pieces of answers say nothing.
pub(in super::super) fn codex_answer(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let kind = item.facts.text(Field::EventKind);
    let is_failed = item.facts.has(Field::ErrorText);
    let ends = match kind {
        Some("response.completed") => is_failed || item.facts.has(Field::Input),
        Some("response.failed") | None => is_failed,
        Some(_) => false,
    };
    if ends {
        push(item, Convention::Inclusive, out);
    }
}

/// `codex.api_request`: a call where it failed. What came of the others `codex.sse_event` tells.
pub(in super::super) fn codex_request(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    if failure::is_told(&item.facts) {
        push(item, Convention::Inclusive, out);
    }
}

fn push(item: &mut Item<'_>, convention: Convention, out: &mut Vec<Seen>) {
    if let Some(call) = call(item, convention) {
        out.push(item.seen(What::Call(Box::new(call))));
    }
}

fn call(item: &mut Item<'_>, convention: Convention) -> Option<CallSeen> {
    let notes = &mut item.notes;
    let facts = &item.facts;
    let (provider, model) = provider::of(facts, item.source.sender, notes)?;
    let failure = failed(item);
    let notes = &mut item.notes;
    let usage = usage::of(&item.facts, convention, notes);
    let facts = &item.facts;
    // The conventions count no tokens for a call that failed (semantic-conventions-genai#374).
    let usage = usage.or(failure.map(|_| TokenUsage::ZERO));
    let first_token = facts.double(Field::FirstTokenMs).and_then(millis);
    let first_token = first_token.or_else(|| facts.double(Field::FirstTokenS).and_then(seconds));
    let attempts = facts.count(Field::Attempts).unwrap_or(1).max(1);
    let stop_reason = failure::stop_reason(facts);
    let service_tier = failure::service_tier(facts);
    let streamed = facts.bool(Field::Streamed);
    let streamed = streamed.unwrap_or(first_token.is_some());
    let cost = cost(item);
    let latency = item.elapsed();
    Some(CallSeen {
        keys: keys(item),
        provider,
        model,
        usage,
        cost,
        latency,
        first_token,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        failure,
        stop_reason,
        service_tier,
        streamed,
    })
}

fn failed(item: &Item<'_>) -> Option<FailureKind> {
    let is_failed = item.status == SpanStatus::Error || failure::is_told(&item.facts);
    is_failed.then(|| failure::kind(&item.facts))
}

fn keys(item: &mut Item<'_>) -> CallKeys {
    let notes = &mut item.notes;
    let facts = &item.facts;
    let told = facts.text(Field::Request);
    let response = facts.text(Field::Response);
    // Claude Code names its requests under the key of the answer.
    let is_request = |id: &&str| id.starts_with("req_");
    let request = told
        .or_else(|| response.filter(is_request))
        .or_else(|| facts.text(Field::ClientRequest));
    let response = response.filter(|it| !is_request(it));
    CallKeys {
        request: request.and_then(|it| id::key(it, notes)),
        response: response.and_then(|it| id::key(it, notes)),
        span: item.span,
        item: item.fingerprint,
    }
}

fn cost(item: &Item<'_>) -> Option<Usd> {
    let facts = &item.facts;
    if let Some(picos) = facts.get(Field::CostPicos).and_then(picos) {
        return Some(picos);
    }
    if let Some(micros) = facts.count(Field::CostMicros) {
        return i64::try_from(micros).ok().map(Usd::from_micros);
    }
    facts.double(Field::CostUsd).and_then(dollars)
}

/// As a number, or as a text where it is beyond one of 64 bits.
fn picos(value: &Value<'_>) -> Option<Usd> {
    let picos = match value {
        Value::Int(picos) => i128::from(*picos),
        value => value.text()?.parse().ok()?,
    };
    (0..PICOS_END)
        .contains(&picos)
        .then(|| Usd::from_picos(picos))
}

/// Dollars to the nearest pico-dollar, where they are fewer than 10²⁶.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(in super::super) fn dollars(amount: f64) -> Option<Usd> {
    let picos = (amount * 1e12).round();
    let fits = (0.0..1e38).contains(&picos);
    fits.then(|| Usd::from_picos(picos as i128))
}
