//! A modelled provider: what it does to a request, and the adapter that a host would write for it.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ProviderId, TokenUsage};
use agent_resilience::classify::{self, LimitSnapshot, Verdict};
use agent_resilience::{Failure, Metering, Provider};
use async_trait::async_trait;
use serde_json::Value;

use super::quota::{Allowance, Quota, Standing};
use super::time::{SimulatedTime, pause};
use super::wire::{Maker, Tokens, WireReply};

/// When a provider works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Fine,
    Down,
    /// So many of a thousand requests fail.
    Fails {
        permille: u16,
    },
    /// Works for `every`, is down for `every`, and so on; from `until` on it works.
    Flaps {
        every: Duration,
        until: Duration,
    },
    /// Is down, and works from then on.
    DownUntil(Duration),
    /// Refuses everything for its limit until then.
    Closed {
        until: Duration,
    },
}

/// A request: what it will take in truth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) tokens: Tokens,
}

impl Ask {
    /// One that takes little.
    pub(crate) const SMALL: Self = Self {
        tokens: Tokens {
            input: 400,
            output: 100,
        },
    };

    /// One of the usual sizes.
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        let (input, output) = (random.u64(400..2_200), random.u64(50..400));
        Self {
            tokens: Tokens { input, output },
        }
    }
}

/// What the host keeps of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) usage: TokenUsage,
    pub(crate) limits: LimitSnapshot,
}

/// What a provider saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) tokens: u64,
    /// Refused because of a limit.
    pub(crate) refused: u64,
    /// Refused while another one had room.
    pub(crate) avoidable: u64,
    /// When calls arrived, where this is recorded.
    pub(crate) arrivals: Vec<Duration>,
}

/// What kind of provider it is.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) maker: Maker,
    weather: Weather,
    /// Milliseconds that an answer takes.
    takes: Range<u64>,
    /// The limits that it keeps.
    pub(crate) allowances: Vec<Allowance>,
}

/// A provider of the simulation. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: ProviderId,
    model: Model,
    time: SimulatedTime,
    quota: Mutex<Quota>,
    random: Mutex<fastrand::Rng>,
    seen: Mutex<Seen>,
    /// Another one that could have answered.
    other: Mutex<Option<Upstream>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Model {
    /// One that always works, for any number of requests.
    pub(crate) fn of(maker: Maker) -> Self {
        Self {
            maker,
            weather: Weather::Fine,
            takes: 500..4_000,
            allowances: Vec::new(),
        }
    }

    pub(crate) fn weather(mut self, weather: Weather) -> Self {
        self.weather = weather;
        self
    }

    pub(crate) fn takes(mut self, millis: Range<u64>) -> Self {
        self.takes = millis;
        self
    }

    pub(crate) fn allows(mut self, allowances: &[Allowance]) -> Self {
        self.allowances = allowances.to_vec();
        self
    }
}

impl Upstream {
    pub(crate) fn new(name: &'static str, model: Model, time: SimulatedTime, seed: u64) -> Self {
        let id = ProviderId::new(name).unwrap_or_else(|error| unreachable!("{name}: {error}"));
        Self {
            inner: Arc::new(Inner {
                id,
                time,
                quota: Mutex::new(Quota::new(&model.allowances)),
                model,
                random: Mutex::new(fastrand::Rng::with_seed(seed)),
                seen: Mutex::default(),
                other: Mutex::default(),
            }),
        }
    }

    /// Whatever this one refuses while `other` had room is avoidable.
    pub(crate) fn beside(&self, other: &Self) {
        *lock(&self.inner.other) = Some(other.clone());
    }

    pub(crate) fn seen(&self) -> Seen {
        lock(&self.inner.seen).clone()
    }

    fn has_room(&self, tokens: u64) -> bool {
        let now = self.inner.time.wall();
        lock(&self.inner.quota).has_room(tokens, now)
    }

    /// Tokens that the limit of this maker counts.
    fn counted(&self, tokens: Tokens) -> u64 {
        match self.inner.model.maker {
            Maker::Anthropic => tokens.input,
            Maker::OpenAi | Maker::Mistral | Maker::Groq => tokens.all(),
        }
    }

    fn between(&self, millis: Range<u64>) -> u64 {
        lock(&self.inner.random).u64(millis)
    }

    fn is_down(&self) -> bool {
        let passed = self.inner.time.passed();
        match self.inner.model.weather {
            Weather::Fine | Weather::Closed { .. } => false,
            Weather::Down => true,
            Weather::DownUntil(until) => passed < until,
            Weather::Fails { permille } => self.between(0..1_000) < u64::from(permille),
            Weather::Flaps { every, until } => {
                passed < until && (passed.as_millis() / every.as_millis().max(1)) % 2 == 1
            }
        }
    }

    /// One call over the wire: the way there, the count on arrival, the answer's time.
    async fn send(&self, ask: Ask) -> WireReply {
        let inner = &*self.inner;
        pause(self.between(20..120)).await;
        {
            let mut seen = lock(&inner.seen);
            seen.calls += 1;
            if matches!(inner.model.weather, Weather::Closed { .. }) {
                seen.arrivals.push(inner.time.passed());
            }
        }
        if self.is_down() {
            pause(self.between(5..60)).await;
            return inner.model.maker.outage();
        }
        let now = inner.time.wall();
        if let Weather::Closed { until } = inner.model.weather
            && let Some(left) = until.checked_sub(inner.time.passed())
        {
            return inner.model.maker.limited(&[Standing::closed(left)], now);
        }
        let counted = self.counted(ask.tokens);
        let (fits, standings) = lock(&inner.quota).arrive(counted, now);
        if !fits {
            let avoidable = lock(&inner.other)
                .as_ref()
                .is_some_and(|other| other.has_room(other.counted(ask.tokens)));
            let mut seen = lock(&inner.seen);
            seen.refused += 1;
            seen.avoidable += u64::from(avoidable);
            return inner.model.maker.limited(&standings, now);
        }
        {
            let mut seen = lock(&inner.seen);
            seen.answered += 1;
            seen.tokens += counted;
        }
        let reply = inner.model.maker.answer(ask.tokens, &standings, now);
        // The head of a reply is written when the call is let in; its end comes with the last token.
        pause(self.between(inner.model.takes.clone())).await;
        reply
    }

    /// Sends and reads what comes back, as an adapter of the host's does.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answer, Failure> {
        let reply = self.send(ask).await;
        let (vendor, body) = (self.inner.model.maker.vendor(), reply.body.as_bytes());
        if reply.status != 200 {
            return Err(classify::http(vendor, reply.status, &reply.headers, body).into());
        }
        let limits = classify::headers(vendor, &reply.headers, self.inner.time.timestamp());
        let usage = usage(body).ok_or_else(|| Verdict::new(FailureKind::Unknown))?;
        Ok(Answer { usage, limits })
    }
}

/// The usage that an answer states, in the words of either family.
fn usage(body: &[u8]) -> Option<TokenUsage> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let usage = answer.get("usage")?;
    let count = |names: [&str; 2]| names.iter().find_map(|name| usage.get(name)?.as_u64());
    let input = count(["input_tokens", "prompt_tokens"])?;
    let output = count(["output_tokens", "completion_tokens"])?;
    Some(TokenUsage::new(input, output))
}

#[async_trait]
impl Provider<Ask> for Upstream {
    type Reply = Answer;

    fn id(&self) -> &ProviderId {
        &self.inner.id
    }

    async fn call(&self, ask: &Ask) -> Result<Answer, Failure> {
        Self::ask(self, *ask).await
    }

    fn metering(&self, answer: &Answer) -> Metering {
        Metering::default()
            .usage(answer.usage)
            .limits(answer.limits)
    }

    async fn probe(&self) -> Option<Result<(), Failure>> {
        pause(self.between(20..120)).await;
        if self.is_down() {
            let reply = self.inner.model.maker.outage();
            let (vendor, body) = (self.inner.model.maker.vendor(), reply.body.as_bytes());
            return Some(Err(classify::http(
                vendor,
                reply.status,
                &reply.headers,
                body,
            )
            .into()));
        }
        Some(Ok(()))
    }
}
