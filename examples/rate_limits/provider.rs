//! The other side: a provider with a count of its own, on simulated time.

use std::ops::Add;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Calls by their end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u32,
    pub(crate) refused: u32,
}

impl Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            refused: self.refused + other.refused,
        }
    }
}

/// Time as tokio simulates it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PausedClock(tokio::time::Instant);

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub(crate) fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for PausedClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.passed()
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_795_000_000) + self.passed()
    }
}

/// So much a minute; comes back evenly.
struct Bucket {
    limit: f64,
    left: f64,
}

impl Bucket {
    const fn full(limit: f64) -> Self {
        Self { limit, left: limit }
    }

    fn refill(&mut self, passed: Duration) {
        self.left = (self.left + self.limit * passed.as_secs_f64() / 60.0).min(self.limit);
    }
}

struct Counts {
    requests: Bucket,
    tokens: Bucket,
    as_of: Duration,
}

/// Counts calls and input tokens as they arrive, and refuses without counting.
pub(crate) struct SimulatedProvider {
    clock: PausedClock,
    counts: Mutex<Counts>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'static [u8],
}

const REFUSAL: &[u8] =
    br#"{"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded your rate limit"}}"#;

impl SimulatedProvider {
    pub(crate) fn new(clock: PausedClock) -> Self {
        Self {
            clock,
            counts: Mutex::new(Counts {
                requests: Bucket::full(23.0),
                tokens: Bucket::full(30_000.0),
                as_of: clock.passed(),
            }),
        }
    }

    /// One call: the way there, the count, and the answer's time.
    pub(crate) async fn send(&self, tokens: u64, random: &mut fastrand::Rng) -> Reply {
        tokio::time::sleep(Duration::from_millis(random.u64(20..120))).await;
        let reply = self.arrive(tokens);
        if reply.status == 200 {
            tokio::time::sleep(Duration::from_millis(random.u64(2_000..8_000))).await;
        }
        reply
    }

    fn arrive(&self, tokens: u64) -> Reply {
        let tokens = f64::from(u32::try_from(tokens).unwrap_or(u32::MAX));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.clock.passed().saturating_sub(counts.as_of);
        counts.as_of += passed;
        counts.requests.refill(passed);
        counts.tokens.refill(passed);
        let fits = counts.requests.left >= 1.0 && counts.tokens.left >= tokens;
        if fits {
            counts.requests.left -= 1.0;
            counts.tokens.left -= tokens;
        }
        let mut headers = HeaderMap::new();
        for (name, figure) in [
            ("anthropic-ratelimit-requests-limit", counts.requests.limit),
            (
                "anthropic-ratelimit-requests-remaining",
                counts.requests.left,
            ),
            (
                "anthropic-ratelimit-input-tokens-limit",
                counts.tokens.limit,
            ),
            (
                "anthropic-ratelimit-input-tokens-remaining",
                counts.tokens.left,
            ),
        ] {
            if let Ok(figure) = HeaderValue::try_from(format!("{:.0}", figure.floor())) {
                headers.insert(HeaderName::from_static(name), figure);
            }
        }
        if fits {
            return Reply {
                status: 200,
                headers,
                body: b"{}",
            };
        }
        let wait = (1.0 - counts.requests.left).max(0.0) * 60.0 / counts.requests.limit;
        let wait = wait.max((tokens - counts.tokens.left).max(0.0) * 60.0 / counts.tokens.limit);
        if let Ok(wait) = HeaderValue::try_from(format!("{:.0}", wait.ceil())) {
            headers.insert(http::header::RETRY_AFTER, wait);
        }
        Reply {
            status: 429,
            headers,
            body: REFUSAL,
        }
    }
}
