//! Weighs code, status and sentence against each other.

use std::time::Duration;

use agent_primitives::FailureKind;

use super::body::Facts;
use super::hint::{self, When, parse_hint};
use super::prose;
use super::vendor::{self, Vendor};
use super::verdict::{Evidence, Verdict};

/// The verdict on what a body and its status say, without hints and limits.
pub(super) fn judge(vendor: Vendor, outer: u16, facts: &Facts<'_>) -> Verdict {
    // Under a success, and where a gateway only says that something failed behind it, the status is
    // where the body says it. A bill stays a bill.
    let status = match facts.status() {
        Some(inner) if !(400..500).contains(&outer) || inner == 402 => inner,
        _ => outer,
    };
    let reading = vendor::by_code(vendor, status, facts).filter(|reading| {
        // A text inside an error that says "your fault" may be a part of the request.
        !(facts.is_quoted && is_final_status(outer) && may_pass(reading.kind))
    });
    if let Some(reading) = reading {
        let mut verdict = Verdict::new(reading.kind).evidence(reading.evidence);
        verdict.context = reading.context;
        if let Some(scope) = reading.scope {
            verdict.scope = scope;
        }
        return verdict;
    }
    let sentence = prose::kind(facts.message());
    let (kind, evidence) = match (vendor::by_status(vendor, status), sentence) {
        (Some(by_status), Some(kind)) if narrows(by_status, kind) => (kind, Evidence::Prose),
        (Some(kind), _) => (kind, Evidence::Status),
        (None, Some(kind)) => (kind, Evidence::Prose),
        (None, None) => (FailureKind::Unknown, Evidence::Assumed),
    };
    let mut verdict = Verdict::new(kind).evidence(evidence);
    if kind == FailureKind::ContextTooLong {
        verdict.context = prose::context_numbers(facts.message());
    }
    verdict
}

const fn is_final_status(status: u16) -> bool {
    matches!(status, 400..=404 | 413 | 422)
}

const fn may_pass(kind: FailureKind) -> bool {
    use FailureKind as Kind;
    matches!(
        kind,
        Kind::RateLimited
            | Kind::Overloaded
            | Kind::Server
            | Kind::Timeout
            | Kind::Network
            | Kind::StreamCut
    )
}

/// The delay or the date that the details of a body name.
pub(super) fn hint_in_body(facts: &Facts<'_>) -> Option<When> {
    let seconds = || facts.retry_seconds.map(Duration::from_secs);
    let stated = facts.retry.as_deref().and_then(parse_hint);
    stated.or_else(|| seconds().map(When::In))
}

/// What the sentence says of the time, where time can help; a sentence without a digit says nothing.
pub(super) fn hint_in_sentence(verdict: &Verdict, facts: &Facts<'_>) -> Option<When> {
    let helps = may_pass(verdict.kind) || verdict.kind == FailureKind::QuotaExhausted;
    let message = facts.message();
    (helps && message.bytes().any(|byte| byte.is_ascii_digit()))
        .then(|| hint::in_prose(message))
        .flatten()
}

/// Azure tells a used-up day from a minute by the length of the wait alone.
pub(super) fn a_day_is_a_quota(vendor: Vendor, verdict: &mut Verdict, facts: &Facts<'_>) {
    let is_day = |when| matches!(when, When::In(delay) if delay >= Duration::from_secs(86_400));
    if vendor == Vendor::AzureOpenAi
        && verdict.kind == FailureKind::RateLimited
        && (verdict.retry_after.is_some_and(is_day)
            || hint_in_sentence(verdict, facts).is_some_and(is_day))
    {
        let Verdict {
            retry_after,
            limits,
            ..
        } = *verdict;
        *verdict = Verdict::new(FailureKind::QuotaExhausted).evidence(Evidence::Details);
        (verdict.retry_after, verdict.limits) = (retry_after, limits);
    }
}

/// Whether a sentence may be believed beside a status: where it tells of something that must not be
/// retried, and never the other way. A message about a bad request quotes it, and may quote the words
/// "rate limit".
fn narrows(status: FailureKind, sentence: FailureKind) -> bool {
    use FailureKind as Kind;
    match status {
        Kind::RateLimited | Kind::Overloaded => {
            matches!(
                sentence,
                Kind::QuotaExhausted | Kind::ContextTooLong | Kind::Overloaded
            )
        }
        Kind::Permission => matches!(sentence, Kind::QuotaExhausted | Kind::ContentPolicy),
        Kind::PayloadTooLarge => sentence == Kind::ContextTooLong,
        Kind::Server => matches!(
            sentence,
            Kind::QuotaExhausted
                | Kind::ContextTooLong
                | Kind::Overloaded
                | Kind::Timeout
                | Kind::RateLimited
        ),
        Kind::InvalidRequest => matches!(
            sentence,
            Kind::QuotaExhausted
                | Kind::ContextTooLong
                | Kind::PayloadTooLarge
                | Kind::ContentPolicy
                | Kind::Auth
                | Kind::NotFound
        ),
        _ => false,
    }
}
