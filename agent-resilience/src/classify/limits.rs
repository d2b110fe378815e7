//! Rate-limit headers, read into one shape.

use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::hint::{When, parse_hint};
use super::vendor::{Dialect, Vendor};

/// What a provider says is left of its rate limits.
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::classify::{self, Vendor, When};
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("x-ratelimit-limit-tokens", "6000".parse()?);
/// headers.insert("x-ratelimit-remaining-tokens", "120".parse()?);
/// headers.insert("x-ratelimit-reset-tokens", "7.66s".parse()?);
/// let tokens = classify::limits(Vendor::Groq, &headers).tokens.unwrap();
/// assert_eq!((tokens.limit, tokens.remaining), (Some(6_000), Some(120)));
/// assert_eq!(tokens.reset, Some(When::In(Duration::from_millis(7_660))));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LimitSnapshot {
    /// Requests.
    pub requests: Option<LimitWindow>,
    /// Tokens of either kind.
    pub tokens: Option<LimitWindow>,
    /// Input tokens, where counted apart.
    pub input_tokens: Option<LimitWindow>,
    /// Output tokens, where counted apart.
    pub output_tokens: Option<LimitWindow>,
}

/// One limit and what is left of it.
///
/// ```
/// use agent_resilience::classify::LimitWindow;
///
/// let window = LimitWindow { limit: Some(50), remaining: Some(0), ..LimitWindow::default() };
/// assert!(window.is_empty());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitWindow {
    /// How much is allowed in the period.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// When the whole limit is free again; usually later than the moment at which the next request
    /// fits.
    pub reset: Option<When>,
    /// The period, where the vendor fixes it.
    pub period: Option<Duration>,
}

impl LimitWindow {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.remaining == Some(0)
    }
}

impl LimitSnapshot {
    /// Nothing is known.
    pub const NONE: Self = Self {
        requests: None,
        tokens: None,
        input_tokens: None,
        output_tokens: None,
    };

    /// When the limits that are used up are free again: the latest of them, dates before durations.
    pub(super) fn empty_until(&self) -> Option<When> {
        [
            self.requests,
            self.tokens,
            self.input_tokens,
            self.output_tokens,
        ]
        .into_iter()
        .flatten()
        .filter(LimitWindow::is_empty)
        .filter_map(|window| window.reset)
        .max_by_key(|when| match when {
            When::In(delay) => (false, delay.as_nanos()),
            When::At(at) => (true, u128::try_from(at.unix_nanos()).unwrap_or(0)),
        })
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads the rate-limit headers of any reply, failed or not. Headers that are missing or malformed
/// are left out.
///
/// Sources: the vendors' "Rate limits" pages. Anthropic sends `anthropic-ratelimit-*` with RFC 3339
/// resets; `OpenAI` and compatible services `x-ratelimit-*` with durations such as `6m0s`. Groq counts
/// requests by the day and tokens by the minute. Ollama sends none.
pub fn limits(vendor: Vendor, headers: &HeaderMap) -> LimitSnapshot {
    let window = |names: [&str; 3], period| window(headers, names, period);
    match vendor.dialect() {
        Dialect::Anthropic => LimitSnapshot {
            requests: window(
                [
                    "anthropic-ratelimit-requests-limit",
                    "anthropic-ratelimit-requests-remaining",
                    "anthropic-ratelimit-requests-reset",
                ],
                Some(MINUTE),
            ),
            tokens: window(
                [
                    "anthropic-ratelimit-tokens-limit",
                    "anthropic-ratelimit-tokens-remaining",
                    "anthropic-ratelimit-tokens-reset",
                ],
                Some(MINUTE),
            ),
            input_tokens: window(
                [
                    "anthropic-ratelimit-input-tokens-limit",
                    "anthropic-ratelimit-input-tokens-remaining",
                    "anthropic-ratelimit-input-tokens-reset",
                ],
                Some(MINUTE),
            ),
            output_tokens: window(
                [
                    "anthropic-ratelimit-output-tokens-limit",
                    "anthropic-ratelimit-output-tokens-remaining",
                    "anthropic-ratelimit-output-tokens-reset",
                ],
                Some(MINUTE),
            ),
        },
        Dialect::OpenAi => {
            let groq = vendor == Vendor::Groq;
            LimitSnapshot {
                requests: window(
                    [
                        "x-ratelimit-limit-requests",
                        "x-ratelimit-remaining-requests",
                        "x-ratelimit-reset-requests",
                    ],
                    groq.then_some(DAY),
                ),
                tokens: window(
                    [
                        "x-ratelimit-limit-tokens",
                        "x-ratelimit-remaining-tokens",
                        "x-ratelimit-reset-tokens",
                    ],
                    groq.then_some(MINUTE),
                ),
                ..LimitSnapshot::NONE
            }
        }
        Dialect::Ollama => LimitSnapshot::NONE,
    }
}

fn window(
    headers: &HeaderMap,
    [limit, remaining, reset]: [&str; 3],
    period: Option<Duration>,
) -> Option<LimitWindow> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let window = LimitWindow {
        limit: text(limit).and_then(|t| t.trim().parse().ok()),
        remaining: text(remaining).and_then(|t| t.trim().parse().ok()),
        reset: text(reset).and_then(parse_hint),
        period,
    };
    let known = window.limit.is_some() || window.remaining.is_some() || window.reset.is_some();
    known.then_some(window)
}
