//! A failure is classified once: from what a provider sent to a [`Verdict`] that every policy
//! decides from.
//!
//! Signals are weighed in this order: the transport, the structured code in the body, details beside
//! it, headers, the status, and the sentence for people last. Sentences mislead: a quota error says
//! "rate limit", and a retry loop that believes it never ends.
//!
//! ```
//! use std::time::Duration;
//! use agent_primitives::FailureKind;
//! use agent_resilience::classify::{self, Remedy, Vendor, When};
//!
//! let mut headers = http::HeaderMap::new();
//! headers.insert("retry-after", "20".parse()?);
//! let body = br#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#;
//! let verdict = classify::http(Vendor::Anthropic, 429, &headers, body);
//! assert_eq!(verdict.kind, FailureKind::RateLimited);
//! assert_eq!(verdict.remedy(), Remedy::Wait(When::In(Duration::from_secs(20))));
//!
//! // The same status, and waiting would never help.
//! let body = br#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#;
//! let verdict = classify::http(Vendor::OpenAi, 429, &headers, body);
//! assert_eq!(verdict.remedy(), Remedy::SwitchProvider);
//! # Ok::<(), http::header::InvalidHeaderValue>(())
//! ```

mod body;
mod headers;
mod hint;
mod limits;
mod prose;
mod transport;
mod vendor;
mod verdict;

use agent_primitives::FailureKind;
use http::HeaderMap;

pub use headers::headers;
pub use hint::{When, parse_hint};
pub use limits::{LimitSnapshot, LimitWindow, LimitedResource};
pub use transport::transport;
pub use vendor::{UnknownVendor, Vendor};
pub use verdict::{Classify, ContextNumbers, Evidence, Remedy, Verdict};

use body::Facts;

/// Classifies a reply with a status that means failure. Never panics, whatever the bytes are; at
/// most the first 64 KiB of `body` are read.
///
/// A status below 400 with a body that says nothing is [`FailureKind::Unknown`].
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Evidence, Vendor};
///
/// let page = b"<html><h1>502 Bad Gateway</h1></html>";
/// let verdict = classify::http(Vendor::OpenAi, 502, &http::HeaderMap::new(), page);
/// assert_eq!((verdict.kind, verdict.evidence), (FailureKind::Server, Evidence::Status));
/// ```
pub fn http(vendor: Vendor, status: u16, headers: &HeaderMap, body: &[u8]) -> Verdict {
    let facts = Facts::read(body);
    let mut verdict = judge(vendor, status, &facts);
    verdict.limits = headers::read(vendor, headers);
    verdict.retry_after = hint::in_headers(headers)
        .or_else(|| {
            (verdict.kind == FailureKind::RateLimited)
                .then(|| verdict.limits.empty_until())
                .flatten()
        })
        .or_else(|| hint::in_prose(facts.message()));
    verdict
}

/// Classifies the data of a stream event, an NDJSON line or a whole body that arrived under status
/// 200; `None` when it is not an error.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Vendor};
///
/// let data = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
/// let verdict = classify::stream_event(Vendor::Anthropic, data).unwrap();
/// assert_eq!(verdict.kind, FailureKind::Overloaded);
/// let data = br#"{"choices":[{"delta":{"content":"an error"}}]}"#;
/// assert_eq!(classify::stream_event(Vendor::OpenAi, data), None);
/// ```
pub fn stream_event(vendor: Vendor, data: &[u8]) -> Option<Verdict> {
    let facts = Facts::read(data);
    if !facts.is_error {
        return None;
    }
    let mut verdict = judge(vendor, 200, &facts);
    if verdict.kind == FailureKind::Unknown {
        verdict = Verdict::new(FailureKind::StreamCut);
    }
    verdict.retry_after = hint::in_prose(facts.message());
    Some(verdict.evidence(Evidence::Stream))
}

fn judge(vendor: Vendor, status: u16, facts: &Facts<'_>) -> Verdict {
    // Under a success, the status is where the body says it.
    let status = if status < 400 {
        facts.status().unwrap_or(status)
    } else {
        status
    };
    if let Some(reading) = vendor::by_code(vendor, status, facts) {
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

/// Whether a sentence may be believed beside a status: where it tells of something that must not be
/// retried, and never the other way. A message about a bad request quotes it, and may quote the words
/// "rate limit".
fn narrows(status: FailureKind, sentence: FailureKind) -> bool {
    use FailureKind as Kind;
    match status {
        Kind::RateLimited | Kind::Overloaded => {
            matches!(sentence, Kind::QuotaExhausted | Kind::ContextTooLong)
        }
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
