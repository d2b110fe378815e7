//! A failure is classified once: from what a provider sent to a [`Verdict`] that every policy
//! decides from.
//!
//! Signals are weighed in this order: the transport, the structured code in the body, details beside
//! it, headers, the status, and the sentence for people last. Sentences mislead: a quota error says
//! "rate limit", and a retry loop that believes it never ends. So a sentence may turn a failure that
//! would be retried into one that is not, and never the other way; and a code that says that nothing is
//! left to pay with wins wherever in the body it stands.
//!
//! | vendor | what is read beside status, `retry-after` and sentence |
//! |---|---|
//! | Anthropic | `error.type`, `details.error_code`, the claim of a plan's limit, `stop_reason` |
//! | `OpenAI`, Groq, vLLM, Cerebras | `error.code` before `error.type`, `response.failed`, `incomplete_details.reason`, `finish_reason` |
//! | Azure `OpenAI`, GitHub Models | also `innererror.code`; the length of the wait; `x-ratelimit-type` |
//! | GitHub Copilot | `error.code`, `x-ratelimit-exceeded` |
//! | Gemini, Vertex AI | `error.status`, `quotaId`, `retryDelay`, `reason`; `finishReason`, `blockReason` |
//! | Mistral, Z.ai | `code` or `type`, by each vendor's own numbers; `finish_reason` |
//! | Bedrock | `__type`, `x-amzn-errortype`, the name of an event; `stopReason` |
//! | `OpenRouter` | `error.code` as a status; `metadata`: `error_type`, `reason`, `reasons`, `limit_source`, `raw` |
//! | Cohere, Ollama | sentences only; `finish_reason`, `done_reason` |
//! | llama.cpp | `error.type` with `n_prompt_tokens` and `n_ctx` |
//! | any other | the words of all |
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
mod judge;
mod limits;
mod prose;
mod transport;
mod vendor;
mod verdict;

use agent_primitives::FailureKind;
use http::HeaderMap;

#[cfg(feature = "async-openai")]
pub use crate::adapters::openai_error;
#[cfg(feature = "reqwest")]
pub use crate::adapters::response;
pub use headers::headers;
pub use hint::{When, parse_hint};
pub use limits::{LimitSnapshot, LimitWindow, LimitedResource};
pub use transport::transport;
pub use vendor::{UnknownVendor, Vendor};
pub use verdict::{Classify, ContextNumbers, Evidence, Remedy, Verdict};

pub(crate) use body::READ_AT_MOST;

use body::Facts;
use judge::{a_day_is_a_quota, hint_in_body, hint_in_sentence, judge};

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
    let mut facts = Facts::read(body);
    facts.read_headers(vendor, headers);
    let mut verdict = judge(vendor, status, &facts);
    verdict.limits = headers::read(vendor, headers);
    verdict.retry_after = hint::in_headers(headers)
        .or_else(|| hint_in_body(&facts))
        .or_else(|| {
            (verdict.kind == FailureKind::RateLimited)
                .then(|| verdict.limits.empty_until())
                .flatten()
        })
        .or_else(|| hint_in_sentence(&verdict, &facts));
    a_day_is_a_quota(vendor, &mut verdict, &facts);
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
    let facts = Facts::read_event(data);
    if !facts.is_error {
        return stopped(&facts);
    }
    let mut verdict = judge(vendor, 200, &facts);
    if verdict.kind == FailureKind::Unknown {
        verdict = Verdict::new(FailureKind::StreamCut);
    }
    verdict.retry_after = hint_in_body(&facts).or_else(|| hint_in_sentence(&verdict, &facts));
    a_day_is_a_quota(vendor, &mut verdict, &facts);
    Some(verdict.evidence(Evidence::Stream))
}

/// The failure that the reason for which an answer ended stands for.
fn stopped(facts: &Facts<'_>) -> Option<Verdict> {
    let kind = if facts.is_blocked {
        FailureKind::ContentPolicy
    } else {
        vendor::stop::meaning(facts.stop.as_deref()?)?
    };
    Some(Verdict::new(kind).evidence(Evidence::Stream))
}
