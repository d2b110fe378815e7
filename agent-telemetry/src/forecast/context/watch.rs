//! How full contexts are, call by call, and how full they will be in a few turns.

use std::collections::{HashMap, VecDeque};

use agent_primitives::{AgentId, ContextPressure, Event, ModelId, SessionId, Stamp, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Body, ModelCall, Prices, ProjectId, Record};

/// Contexts that are remembered; of more the one that was silent for the longest time is forgotten.
const CONTEXTS: usize = 4_096;
/// What the last turns added, that is remembered.
const GROWTHS: usize = 16;
/// The turn that is larger than four fifths of them says what the next one may add.
const SHARE: (usize, usize) = (4, 5);

/// How full one context is.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, SessionId, Timestamp, TokenUsage};
/// use agent_telemetry::{ContextWatch, ModelCall, Prices, Record};
///
/// let call = ModelCall::new(ProviderId::new("anthropic")?, ModelId::new("claude-sonnet-4-5")?)
///     .usage(TokenUsage::new(1_000, 1_000).with_cache_read(98_000));
/// let record = Record::new(Timestamp::UNIX_EPOCH, call).of_session(SessionId::new("s1")?);
/// let context = ContextWatch::new(Prices::shipped()).add(&record).expect("a call");
/// assert_eq!((context.used, context.window), (100_000, Some(200_000)));
/// assert_eq!(context.pressure().map(|it| it.percent()), Some(50));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContextUse {
    /// In which project, where known.
    pub project: Option<ProjectId>,
    /// In which session.
    pub session: SessionId,
    /// Whose context, where known.
    pub agent: Option<AgentId>,
    /// Of which model: an agent that asks another one aside has two contexts.
    pub model: ModelId,
    /// When the last call ended.
    pub at: Timestamp,
    /// Tokens in use: all that the last call read and wrote.
    pub used: u64,
    /// Tokens that are expected to be in use after as many more turns as are looked ahead; at least `used`.
    pub expected: u64,
    /// Tokens that fit, where known.
    pub window: Option<u64>,
    /// Turns that were seen.
    pub turns: u64,
    /// How often it became smaller, as it does when it is compacted.
    pub compactions: u64,
}

impl ContextUse {
    /// What is expected to be in use, of the window; `None` while no window is known.
    ///
    /// That is what an observer is told: one that saves from 70 % on saves a turn before that is reached.
    pub fn pressure(&self) -> Option<ContextPressure> {
        let window = self.window?;
        Some(ContextPressure::new(self.expected, window))
    }

    /// What is in use, of the window; `None` while no window is known.
    pub fn in_use(&self) -> Option<ContextPressure> {
        Some(ContextPressure::new(self.used, self.window?))
    }

    /// The event that tells an observer of it, in whose work.
    pub fn event(&self) -> Option<(Stamp<'_>, Event)> {
        let mut stamp = Stamp::at(self.at).of_session(&self.session);
        if let Some(agent) = &self.agent {
            stamp = stamp.of_agent(agent);
        }
        Some((stamp, self.pressure()?.into()))
    }
}

/// Follows how contexts fill, from records in their order, and looks a turn ahead.
///
/// What is in use is what the last successful call read and wrote: what it wrote is read by the next one. What a
/// turn adds is expected to be more than what four of five of the last sixteen turns added. How much fits is what is
/// set for all models, else what the prices say about the model.
///
/// Of more than 4 096 contexts the one that was silent for the longest time is forgotten.
///
/// ```
/// use agent_primitives::{ModelId, ProviderId, SessionId, Timestamp, TokenUsage};
/// use agent_telemetry::{ContextWatch, ModelCall, Prices, Record};
///
/// let (provider, model) = (ProviderId::new("anthropic")?, ModelId::new("claude-sonnet-4-5")?);
/// let session = SessionId::new("s1")?;
/// let mut watch = ContextWatch::new(Prices::shipped()).turns_ahead(1);
/// for turn in 0..6_u32 {
///     let usage = TokenUsage::new(80_000 + 10_000 * u64::from(turn), 0);
///     let call = ModelCall::new(provider.clone(), model.clone()).usage(usage);
///     let at = Timestamp::from_unix_seconds(60 * i64::from(turn));
///     watch.add(&Record::new(at, call).of_session(session.clone()));
/// }
/// let context = watch.contexts().next().expect("one");
/// assert_eq!((context.used, context.expected), (130_000, 140_000));
/// assert_eq!(context.pressure().map(|it| it.percent()), Some(70), "told before it is so");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ContextWatch {
    contexts: HashMap<Key, Filling>,
    prices: Prices,
    window: Option<u64>,
    ahead: u64,
    forgotten: u64,
}

type Key = (Option<ProjectId>, SessionId, Option<AgentId>, ModelId);

#[derive(Debug, Clone, Default)]
struct Filling {
    at: Timestamp,
    used: u64,
    window: Option<u64>,
    turns: u64,
    compactions: u64,
    growths: VecDeque<u64>,
}

impl ContextWatch {
    /// With the windows that `prices` know; looks one turn ahead.
    pub fn new(prices: Prices) -> Self {
        Self {
            contexts: HashMap::new(),
            prices,
            window: None,
            ahead: 1,
            forgotten: 0,
        }
    }

    /// Sets how many tokens fit, whatever the model.
    pub const fn window(mut self, tokens: u64) -> Self {
        self.window = if tokens > 0 { Some(tokens) } else { None };
        self
    }

    /// Sets how many turns it looks ahead; 1 unless set, and with 0 it tells what is in use.
    pub const fn turns_ahead(mut self, turns: u32) -> Self {
        self.ahead = turns as u64;
        self
    }

    /// One more record. Says how full the context is that a call changed; `None` for any other record, for a call
    /// outside of a session, and for one that failed or has no tokens.
    pub fn add(&mut self, record: &Record) -> Option<ContextUse> {
        let Body::ModelCall(call) = &record.body else {
            return None;
        };
        let session = record.session.clone()?;
        let used = call.usage.total();
        // Without attempts it is usage of several calls, and no context.
        if call.failure.is_some() || used == 0 || call.attempts == 0 {
            return None;
        }
        let key = (
            record.project.clone(),
            session,
            record.agent.clone(),
            call.model.clone(),
        );
        let window = self.window_of(call, record.at);
        self.make_room(&key);
        let filling = self.contexts.entry(key.clone()).or_default();
        filling.turn(record.at, used, window);
        Some(told(&key, filling, self.ahead))
    }

    /// How full they are, in no order.
    pub fn contexts(&self) -> impl Iterator<Item = ContextUse> {
        let contexts = self.contexts.iter();
        contexts.map(|(key, filling)| told(key, filling, self.ahead))
    }

    /// Contexts that were forgotten because there were too many.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn window_of(&self, call: &ModelCall, at: Timestamp) -> Option<u64> {
        self.window
            .or_else(|| self.prices.context_window(&call.provider, &call.model, at))
    }

    fn make_room(&mut self, key: &Key) {
        if self.contexts.len() < CONTEXTS || self.contexts.contains_key(key) {
            return;
        }
        // An eighth at a time, so that each is looked at few times.
        let mut times: Vec<Timestamp> = self.contexts.values().map(|it| it.at).collect();
        let (_, limit, _) = times.select_nth_unstable(CONTEXTS / 8);
        let limit = *limit;
        let before = self.contexts.len();
        self.contexts.retain(|_, it| it.at > limit);
        self.forgotten += (before - self.contexts.len()) as u64;
    }
}

impl Filling {
    fn turn(&mut self, at: Timestamp, used: u64, window: Option<u64>) {
        if at < self.at {
            // Told late: a newer call has said how full it is.
            return;
        }
        if self.turns > 0 {
            match used.checked_sub(self.used) {
                Some(growth) => {
                    if self.growths.len() == GROWTHS {
                        self.growths.pop_front();
                    }
                    self.growths.push_back(growth);
                }
                None => self.compactions += 1,
            }
        }
        self.at = at;
        self.used = used;
        self.window = window.or(self.window);
        self.turns += 1;
    }

    /// What a turn may add.
    fn growth(&self) -> u64 {
        let mut growths: Vec<u64> = self.growths.iter().copied().collect();
        growths.sort_unstable();
        let rank = (growths.len() * SHARE.0).div_ceil(SHARE.1);
        growths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }
}

fn told(key: &Key, filling: &Filling, ahead: u64) -> ContextUse {
    let (project, session, agent, model) = key.clone();
    let added = filling.growth().saturating_mul(ahead);
    ContextUse {
        project,
        session,
        agent,
        model,
        at: filling.at,
        used: filling.used,
        expected: filling.used.saturating_add(added),
        window: filling.window,
        turns: filling.turns,
        compactions: filling.compactions,
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{FailureKind, ProviderId, TokenUsage};

    use super::*;

    fn call(second: i64, model: &str, tokens: u64) -> Record {
        let provider = ProviderId::new("anthropic").unwrap();
        let call = ModelCall::new(provider, ModelId::new(model).unwrap())
            .usage(TokenUsage::new(tokens, 0));
        Record::new(Timestamp::from_unix_seconds(second), call)
            .of_session(SessionId::new("s1").unwrap())
    }

    #[test]
    fn turn_that_four_of_five_stay_below_is_expected_next() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        let mut used = 100;
        for (turn, growth) in [0, 10, 10, 50, 10, 20].into_iter().enumerate() {
            used += growth;
            watch.add(&call(i64::try_from(turn).unwrap(), "m", used));
        }
        let context = watch.contexts().next().unwrap();
        assert_eq!((context.used, context.expected), (200, 220));
    }

    #[test]
    fn compaction_is_no_growth_and_is_counted() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        for (second, used) in [(0, 700), (1, 800), (2, 200)] {
            watch.add(&call(second, "m", used));
        }
        let context = watch.contexts().next().unwrap();
        assert_eq!((context.used, context.expected), (200, 300));
        assert_eq!((context.turns, context.compactions), (3, 1));
    }

    #[test]
    fn model_that_is_asked_aside_has_a_context_of_its_own() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        watch.add(&call(0, "large", 700));
        watch.add(&call(1, "small", 10));
        let context = watch.add(&call(2, "large", 720)).unwrap();
        assert_eq!((context.used, context.compactions), (720, 0));
    }

    #[test]
    fn late_call_changes_nothing() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        watch.add(&call(5, "m", 700));
        let context = watch.add(&call(4, "m", 100)).unwrap();
        assert_eq!((context.used, context.turns), (700, 1));
    }

    #[test]
    fn failed_call_and_usage_without_a_call_say_nothing() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        let mut failed = call(0, "m", 700);
        let mut summed = failed.clone();
        let (Body::ModelCall(one), Body::ModelCall(other)) = (&mut failed.body, &mut summed.body)
        else {
            panic!("calls");
        };
        one.failure = Some(FailureKind::Overloaded);
        other.attempts = 0;
        assert_eq!((watch.add(&failed), watch.add(&summed)), (None, None));
    }

    #[test]
    fn context_without_a_window_has_no_pressure() {
        let mut watch = ContextWatch::new(Prices::none());
        let context = watch.add(&call(0, "m", 700)).unwrap();
        assert_eq!((context.pressure(), context.event()), (None, None));
    }

    #[test]
    fn contexts_are_bounded_and_the_longest_silent_go() {
        let mut watch = ContextWatch::new(Prices::none()).window(1_000);
        for second in 0..5_000 {
            watch.add(&call(second, &format!("m{second}"), 10));
        }
        assert!(watch.contexts().count() <= CONTEXTS);
        assert_eq!(watch.contexts().count() as u64 + watch.forgotten(), 5_000);
        assert!(watch.contexts().any(|it| it.at.unix_seconds() == 4_999));
        assert!(!watch.contexts().any(|it| it.at.unix_seconds() == 0));
    }
}
