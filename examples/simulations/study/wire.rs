//! What vendors send: statuses, headers and bodies in the shape of each.

use std::time::Duration;

use agent_primitives::Timestamp;
use agent_resilience::classify::Vendor;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::quota::{Counted, Standing};

/// A reply as it comes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct WireReply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Tokens that a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

impl Tokens {
    pub(crate) const fn all(self) -> u64 {
        self.input + self.output
    }
}

/// Whose replies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Anthropic,
    OpenAi,
    Mistral,
    Groq,
}

impl Maker {
    pub(crate) const fn vendor(self) -> Vendor {
        match self {
            Self::Anthropic => Vendor::Anthropic,
            Self::OpenAi => Vendor::OpenAi,
            Self::Mistral => Vendor::Mistral,
            Self::Groq => Vendor::Groq,
        }
    }

    /// An answer. With Anthropic a token window counts input alone; with the others all tokens.
    pub(crate) fn answer(
        self,
        tokens: Tokens,
        standings: &[Standing],
        now: Timestamp,
    ) -> WireReply {
        let Tokens { input, output } = tokens;
        let body = match self {
            Self::Anthropic => format!(
                r#"{{"type":"message","role":"assistant","content":[{{"type":"text","text":"done"}}],"stop_reason":"end_turn","usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
            ),
            Self::OpenAi | Self::Mistral | Self::Groq => format!(
                r#"{{"object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"done"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{}}}}}"#,
                tokens.all()
            ),
        };
        WireReply {
            status: 200,
            headers: self.limits(standings, now),
            body,
        }
    }

    /// The service is down, or has too much to do.
    pub(crate) fn outage(self) -> WireReply {
        let (status, body) = match self {
            Self::Anthropic => (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            ),
            Self::OpenAi => (
                503,
                r#"{"error":{"message":"The server is currently overloaded with other requests.","type":"server_error","param":null,"code":"server_is_overloaded"}}"#,
            ),
            Self::Mistral => (
                503,
                r#"{"object":"error","message":"Service unavailable.","type":"internal_server_error","param":null,"code":"1000"}"#,
            ),
            Self::Groq => (
                503,
                r#"{"error":{"message":"Service Unavailable","type":"internal_server_error"}}"#,
            ),
        };
        WireReply {
            status,
            headers: HeaderMap::new(),
            body: body.to_owned(),
        }
    }

    /// A limit refuses the request. Mistral says nothing of when to come back.
    pub(crate) fn limited(self, standings: &[Standing], now: Timestamp) -> WireReply {
        let mut headers = self.limits(standings, now);
        let tightest = standings.iter().max_by_key(|standing| standing.wait);
        let wait = tightest.map_or(Duration::ZERO, |standing| standing.wait);
        let counts = tightest.map_or(Counted::Requests, |standing| standing.allowance.counted);
        let noun = match counts {
            Counted::Requests => "requests",
            Counted::Tokens => "tokens",
        };
        let seconds = wait.as_nanos().div_ceil(1_000_000_000);
        if self != Self::Mistral {
            set(&mut headers, "retry-after", &seconds.to_string());
        }
        let body = match self {
            Self::Anthropic => format!(
                r#"{{"type":"error","error":{{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of {noun} per minute."}}}}"#
            ),
            Self::OpenAi => format!(
                r#"{{"error":{{"message":"Rate limit reached for gpt-5 in organization org-x on {noun} per min. Please try again in {}.","type":"{noun}","param":null,"code":"rate_limit_exceeded"}}}}"#,
                go(wait)
            ),
            Self::Mistral => r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#.to_owned(),
            Self::Groq => format!(
                r#"{{"error":{{"message":"Rate limit reached for model `llama-3.3-70b-versatile` on {noun}. Please try again in {}.","type":"{noun}","code":"rate_limit_exceeded"}}}}"#,
                go(wait)
            ),
        };
        WireReply {
            status: 429,
            headers,
            body,
        }
    }

    fn limits(self, standings: &[Standing], now: Timestamp) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for standing in standings {
            let noun = match (self, standing.allowance.counted) {
                (Self::Anthropic, Counted::Tokens) => "input-tokens",
                (Self::Mistral, Counted::Requests) => "req-minute",
                (Self::Mistral, Counted::Tokens) => "tokens-minute",
                (_, Counted::Requests) => "requests",
                (_, Counted::Tokens) => "tokens",
            };
            let prefix = match self {
                Self::Anthropic => "anthropic-ratelimit",
                Self::OpenAi | Self::Mistral | Self::Groq => "x-ratelimit",
            };
            let (limit, remaining) = (standing.allowance.limit, standing.remaining);
            let mut say = |field: &str, value: &str| {
                let name = match self {
                    Self::Anthropic => format!("{prefix}-{noun}-{field}"),
                    Self::OpenAi | Self::Mistral | Self::Groq => format!("{prefix}-{field}-{noun}"),
                };
                set(&mut headers, &name, value);
            };
            say("limit", &limit.to_string());
            say("remaining", &remaining.to_string());
            match self {
                Self::Anthropic => say("reset", &(now + standing.reset).to_string()),
                Self::OpenAi | Self::Groq => say("reset", &go(standing.reset)),
                // Its minutes end with those of the wall clock.
                Self::Mistral => {}
            }
        }
        headers
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

/// A duration as Go writes it: `1h2m3.5s`, `370ms`.
fn go(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (seconds, fraction) = (millis / 1_000, millis % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        text += &format!("{minutes}m");
    }
    match fraction {
        0 => text + &format!("{seconds}s"),
        _ => text + &format!("{seconds}.{fraction:03}s"),
    }
}
