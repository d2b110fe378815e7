//! Rate-limit headers and request ids as each vendor sends them.

use std::fmt::Write;
use std::time::Duration;

use agent_primitives::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Dialect;

/// What the headers of one response tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) request: u64,
    pub(super) request_id: &'a str,
    pub(super) now: Timestamp,
    pub(super) tokens: u64,
    pub(super) limited: Limited,
}

/// Whether a limit was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    No,
    Yes { retry_after: Option<Duration> },
}

/// An allowance; plausible figures of a paid account.
#[derive(Clone, Copy)]
struct Allowance {
    limit: u64,
    /// Until it is full again.
    reset: Duration,
}

// Groq counts requests by the day.
const ANTHROPIC: [(&str, Allowance); 4] = [
    ("requests", minute(4_000)),
    ("tokens", minute(480_000)),
    ("input-tokens", minute(400_000)),
    ("output-tokens", minute(80_000)),
];
const OPENAI: [(&str, Allowance); 2] = [("requests", minute(5_000)), ("tokens", minute(800_000))];
const GROQ: [(&str, Allowance); 2] = [
    (
        "requests",
        Allowance {
            limit: 14_400,
            reset: Duration::from_millis(179_560),
        },
    ),
    ("tokens", minute(300_000)),
];

const fn minute(limit: u64) -> Allowance {
    Allowance {
        limit,
        reset: Duration::from_secs(1),
    }
}

/// The id of the request in the form that the vendors use.
pub(super) fn request_id(request: u64) -> String {
    format!("req_{request:024}")
}

/// The headers of one response. Ollama has none.
pub(super) fn headers(dialect: Dialect, situation: Situation<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &str, value: String| {
        // Names and values are made of ASCII words and digits here; others would be left out.
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            headers.insert(name, value);
        }
    };
    let (id, allowances): (_, &[(&str, Allowance)]) = match dialect {
        Dialect::Anthropic => ("request-id", &ANTHROPIC),
        Dialect::OpenAi => ("x-request-id", &OPENAI),
        Dialect::Groq => ("x-request-id", &GROQ),
        Dialect::Ollama => return headers,
    };
    put(id, situation.request_id.to_owned());
    for (what, allowance) in allowances {
        let used = match (situation.limited, *what) {
            (_, "requests") => situation.request % allowance.limit,
            (Limited::Yes { .. }, _) => allowance.limit,
            (Limited::No, _) => situation.tokens.min(allowance.limit),
        };
        let remaining = allowance.limit.saturating_sub(used);
        let reset = match situation.limited {
            Limited::Yes {
                retry_after: Some(wait),
            } if remaining == 0 => wait,
            _ => allowance.reset,
        };
        if dialect == Dialect::Anthropic {
            let prefix = format!("anthropic-ratelimit-{what}");
            put(&format!("{prefix}-limit"), allowance.limit.to_string());
            put(&format!("{prefix}-remaining"), remaining.to_string());
            put(
                &format!("{prefix}-reset"),
                to_the_second(situation.now + reset),
            );
        } else {
            put(
                &format!("x-ratelimit-limit-{what}"),
                allowance.limit.to_string(),
            );
            put(
                &format!("x-ratelimit-remaining-{what}"),
                remaining.to_string(),
            );
            put(&format!("x-ratelimit-reset-{what}"), go_duration(reset));
        }
    }
    if let Limited::Yes {
        retry_after: Some(wait),
    } = situation.limited
    {
        put("retry-after", whole_seconds(wait).to_string());
    }
    headers
}

/// Rounded up: a client that waits so long never comes too early.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// RFC 3339 without a fraction, rounded up for the same reason.
fn to_the_second(at: Timestamp) -> String {
    let second = Timestamp::from_unix_seconds(at.unix_seconds());
    let rounded = if second == at {
        second
    } else {
        second + Duration::from_secs(1)
    };
    rounded.to_string().replace(".000Z", "Z")
}

/// A duration as Go prints it: `12ms`, `1.5s`, `6m0s`, `1h2m3s`.
pub(super) fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000 {
        return format!("{nanos}ns");
    }
    if nanos < 1_000_000 {
        return fraction(nanos, 1_000) + "µs";
    }
    if nanos < 1_000_000_000 {
        return fraction(nanos, 1_000_000) + "ms";
    }
    let seconds = duration.as_secs();
    let mut text = String::new();
    // Writing to a String cannot fail.
    if seconds >= 3_600 {
        let _ = write!(text, "{}h", seconds / 3_600);
    }
    if seconds >= 60 {
        let _ = write!(text, "{}m", seconds / 60 % 60);
    }
    text + &fraction(nanos % 60_000_000_000, 1_000_000_000) + "s"
}

/// `nanos / unit` without trailing zeros.
fn fraction(nanos: u128, unit: u128) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    format!("{whole}.{rest:0digits$}")
        .trim_end_matches('0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_in_go() {
        for (nanos, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (12_000_000, "12ms"),
            (370_250_000, "370.25ms"),
            (1_000_000_000, "1s"),
            (3_965_000_000, "3.965s"),
            (179_560_000_000, "2m59.56s"),
            (360_000_000_000, "6m0s"),
            (3_723_000_000_000, "1h2m3s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn hints_are_rounded_up_never_down() {
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        let at = Timestamp::from_unix_millis(1_700_000_000_001);
        assert_eq!(to_the_second(at), "2023-11-14T22:13:21Z");
    }
}
