//! Rate-limit headers of each vendor.

use std::time::Duration;

use agent_primitives::Timestamp;
use http::HeaderMap;

use super::hint::parse_hint;
use super::limits::{LimitSnapshot, LimitWindow, LimitedResource};
use super::vendor::{Dialect, Vendor};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads the rate-limit headers of any reply, failed or not, that arrived at `now`: resets become
/// dates. Headers that are missing or malformed are left out.
///
/// Sources: the vendors' "Rate limits" pages. Anthropic sends `anthropic-ratelimit-*` with RFC 3339
/// resets; `OpenAI` and compatible services `x-ratelimit-*` with durations such as `6m0s`. Groq counts
/// requests by the day and tokens by the minute. Ollama sends none.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_resilience::classify::{self, LimitedResource, Vendor};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("anthropic-ratelimit-requests-remaining", "0".parse()?);
/// let snapshot = classify::headers(Vendor::Anthropic, &headers, Timestamp::UNIX_EPOCH);
/// assert!(snapshot.tightest(LimitedResource::Requests).unwrap().is_empty());
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn headers(vendor: Vendor, headers: &HeaderMap, now: Timestamp) -> LimitSnapshot {
    read(vendor, headers).resolved(now)
}

/// The same with resets as they were sent.
pub(super) fn read(vendor: Vendor, headers: &HeaderMap) -> LimitSnapshot {
    use LimitedResource::{InputTokens, OutputTokens, Requests, Tokens};
    let mut snapshot = LimitSnapshot::NONE;
    let mut add = |resource, period, names| {
        snapshot.push(window(headers, resource, period, names));
    };
    match vendor.dialect() {
        Dialect::Anthropic => {
            let names = [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ];
            add(Requests, Some(MINUTE), names);
            let names = [
                "anthropic-ratelimit-tokens-limit",
                "anthropic-ratelimit-tokens-remaining",
                "anthropic-ratelimit-tokens-reset",
            ];
            add(Tokens, Some(MINUTE), names);
            let names = [
                "anthropic-ratelimit-input-tokens-limit",
                "anthropic-ratelimit-input-tokens-remaining",
                "anthropic-ratelimit-input-tokens-reset",
            ];
            add(InputTokens, Some(MINUTE), names);
            let names = [
                "anthropic-ratelimit-output-tokens-limit",
                "anthropic-ratelimit-output-tokens-remaining",
                "anthropic-ratelimit-output-tokens-reset",
            ];
            add(OutputTokens, Some(MINUTE), names);
        }
        Dialect::OpenAi => {
            let groq = vendor == Vendor::Groq;
            let names = [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ];
            add(Requests, groq.then_some(DAY), names);
            let names = [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ];
            add(Tokens, groq.then_some(MINUTE), names);
        }
        Dialect::Ollama => {}
    }
    snapshot
}

fn window(
    headers: &HeaderMap,
    resource: LimitedResource,
    period: Option<Duration>,
    [limit, remaining, reset]: [&str; 3],
) -> LimitWindow {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    LimitWindow {
        period,
        limit: text(limit).and_then(|t| t.trim().parse().ok()),
        remaining: text(remaining).and_then(|t| t.trim().parse().ok()),
        reset: text(reset).and_then(parse_hint),
        ..LimitWindow::new(resource)
    }
}
