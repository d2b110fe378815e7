//! A request that could not be answered as it stood is changed until it can, within bounds.

mod chain;
mod change;
mod climb;
mod config;
mod error;
mod learned;
mod measure;
mod request;
mod stats;

use std::fmt;
use std::sync::Arc;

use agent_primitives::{
    Clock, Event, FailureKind, ModelId, Observer, RecoveryStep, RecoveryStrategy, Stamp,
};

use crate::clock::CoarseClock;
use crate::failure::Failure;
use crate::settings::{InvalidConfig, Settings};
use change::Trouble;
use climb::Climb;
use learned::Limits;
use measure::{Measure, is_allowance};
use stats::Counters;

pub use config::{RecoveryConfig, Rung};
pub use error::{Recovered, RecoveryError};
pub use request::{Cut, Recoverable, Seam};
pub use stats::{RecoveryStats, RecoveryTally};

/// Changes a request that cannot be answered as it stands, and asks again: fewer output tokens, a shorter
/// history, a bigger window, parts, a cheaper model, more room for an answer that was cut. A verdict says
/// which of them are tried; see [`RecoveryConfig::suits`].
///
/// Where the error names its numbers, the change is exact: the output that fits, or a history that fits
/// beside it. The limit of a model is remembered, so that a later request is changed before it is sent.
/// Where there are no numbers, a share is taken off, which doubles with each try.
///
/// It stands around the retries and not inside of them: what passes by itself is waited for first, by the
/// [`Policy`](crate::Policy) or the [`FallbackChain`](crate::FallbackChain) that the operation calls.
///
/// A handle: clones share the limits that were learned and the statistics.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::classify::{self, Vendor};
/// use agent_resilience::{Needs, Recoverable, Recovery};
///
/// #[derive(Clone)]
/// struct Chat { input: u64, max_tokens: u64 }
///
/// impl Recoverable for Chat {
///     type Reply = String;
///     fn needs(&self) -> Needs {
///         Needs::default().input(self.input).output(self.max_tokens)
///     }
///     fn with_max_output(&self, tokens: u64) -> Option<Self> {
///         Some(Self { max_tokens: tokens, ..self.clone() })
///     }
/// }
///
/// async fn ask(chat: &Chat) -> Result<String, classify::Verdict> {
///     if chat.input + chat.max_tokens <= 204_698 {
///         return Ok(format!("{} tokens at most", chat.max_tokens));
///     }
///     let body = br#"{"type":"error","error":{"type":"invalid_request_error","message":
///         "input length and `max_tokens` exceed context limit: 196395 + 64000 > 204698"}}"#;
///     Err(classify::http(Vendor::Anthropic, 400, &http::HeaderMap::new(), body))
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let recovery = Recovery::default();
/// let chat = Chat { input: 196_395, max_tokens: 64_000 };
/// let recovered = recovery.run(&chat, async |chat, _| ask(chat).await).await.unwrap();
/// assert_eq!(recovered.reply, "8303 tokens at most");
/// assert_eq!(recovered.calls, 2);
/// assert_eq!(recovery.stats().to_string(), "shrink_output: 1 of 1 recovered, 0 skipped\n");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Recovery {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
}

struct Shared {
    config: RecoveryConfig,
    limits: Limits,
    counters: Counters,
}

/// One call of a run, as the operation sees it.
///
/// ```
/// use agent_primitives::{FailureKind, RecoveryStrategy};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Needs, Recoverable, Recovery};
///
/// struct Cheap(bool);
/// impl Recoverable for Cheap {
///     type Reply = RecoveryStrategy;
///     fn needs(&self) -> Needs { Needs::default() }
///     fn for_cheaper_model(&self) -> Option<Self> { (!self.0).then_some(Self(true)) }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let recovered = Recovery::default()
///     .run(&Cheap(false), async |_, attempt| match attempt.after {
///         None => Err(Verdict::new(FailureKind::QuotaExhausted)),
///         Some(strategy) => Ok(strategy),
///     })
///     .await
///     .unwrap();
/// assert_eq!(recovered.reply, RecoveryStrategy::CheaperModel);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryTry {
    /// The first call is 1; calls for parts go on counting.
    pub number: u32,
    /// What was changed last, where the request is not as the host gave it.
    pub after: Option<RecoveryStrategy>,
    /// Which part it is, the first is 1, and of how many.
    pub part: Option<(u32, u32)>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self::build(RecoveryConfig::default())
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery")
            .field("config", &self.shared.config)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl Recovery {
    /// Goes by `config`.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting that cannot hold.
    pub fn new(config: RecoveryConfig) -> Result<Self, InvalidConfig> {
        config.validate()?;
        Ok(Self::build(config))
    }

    fn build(config: RecoveryConfig) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits: Limits::new(config.models.get()),
                counters: Counters::default(),
                config,
            }),
            clock: Arc::new(CoarseClock),
            observer: None,
        }
    }

    /// Where time is read, for how long a limit is remembered; [`CoarseClock`] unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Tells `observer` of each step once its outcome is known.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// What it goes by.
    pub fn config(&self) -> &RecoveryConfig {
        &self.shared.config
    }

    /// How often each strategy helped so far. A run that was dropped counts what it had settled.
    pub fn stats(&self) -> RecoveryStats {
        self.shared.counters.snapshot()
    }

    /// Sets the context window of a model, in its own tokens, where a host knows it. Errors of the
    /// provider correct it.
    ///
    /// ```
    /// use agent_primitives::ModelId;
    /// use agent_resilience::Recovery;
    ///
    /// let (recovery, haiku) = (Recovery::default(), ModelId::new("haiku")?);
    /// recovery.learn_limit(&haiku, 200_000);
    /// assert_eq!(recovery.learned_limit(&haiku), Some(200_000));
    /// # Ok::<(), agent_primitives::InvalidId>(())
    /// ```
    pub fn learn_limit(&self, model: &ModelId, tokens: u64) {
        self.learn(model, Measure::of_limit(tokens));
    }

    /// The context window of a model, as far as it was learned and is not forgotten.
    pub fn learned_limit(&self, model: &ModelId) -> Option<u64> {
        self.known(model).map(|measure| measure.limit)
    }

    /// Asks, and where the failure is one that a change to the request answers, changes it and asks again,
    /// until it is answered or the ladder ends. Makes at most one call, one for each of
    /// [`max_steps`](RecoveryConfig::max_steps), and one for each of
    /// [`max_parts`](RecoveryConfig::max_parts); parts are asked one after the other.
    ///
    /// A request that is answered as it stands costs no allocation, and no reading of a clock until a
    /// limit was learned.
    ///
    /// # Errors
    /// [`RecoveryError`] with the last failure and each step. An answer that stays cut is an error, which
    /// holds what there is of it.
    ///
    /// # Cancel safety
    /// Dropping the future drops the call or the hook under way. The request given is never touched; steps
    /// whose outcome is not known count nowhere.
    pub async fn run<R, E, F>(
        &self,
        request: &R,
        operation: F,
    ) -> Result<Recovered<R>, RecoveryError<R>>
    where
        R: Recoverable,
        E: Into<Failure>,
        F: AsyncFnMut(&R, RecoveryTry) -> Result<R::Reply, E>,
    {
        climb::whole(Climb::new(self), request, operation).await
    }

    fn knows_nothing(&self) -> bool {
        self.shared.limits.is_empty()
    }

    fn known(&self, model: &ModelId) -> Option<Measure> {
        if self.knows_nothing() {
            return None;
        }
        self.shared.limits.of(model, self.clock.monotonic())
    }

    fn learn(&self, model: &ModelId, measure: Measure) {
        let until = self.clock.monotonic() + self.config().remember;
        self.shared.limits.learn(model, measure, until);
    }

    fn forget(&self, model: Option<&ModelId>) {
        if let Some(model) = model {
            self.shared.limits.forget(model);
        }
    }

    /// What a verdict says about the request that it was the answer to.
    fn trouble<R: Recoverable>(&self, request: &R, failure: &Failure) -> Trouble {
        let verdict = failure.verdict();
        let (needs, model) = (request.needs(), request.model());
        let numbers = verdict.context.unwrap_or_default();
        let mut measure = None;
        if verdict.kind == FailureKind::ContextTooLong {
            measure = Measure::read(&numbers, &needs);
            if let (Some(model), Some(measure)) = (model, measure)
                && !failure.is_of_chain()
                && !is_allowance(&numbers, &verdict.limits, &needs)
            {
                self.learn(model, measure.remembered(numbers.used.is_some()));
            }
            measure = measure
                .or_else(|| self.known(model?))
                // What should have fitted did not: the limit is not that one.
                .filter(|measure| !measure.fits(&needs));
        }
        Trouble {
            kind: verdict.kind,
            numbers,
            measure,
        }
    }

    fn tell(&self, step: RecoveryStep) {
        let RecoveryStep {
            strategy,
            failure,
            outcome,
            number,
            ..
        } = step;
        tracing::info!(%strategy, error.type = %failure, %outcome, number, "recovery");
        self.shared.counters.count(strategy, outcome);
        if let Some(observer) = &self.observer {
            observer.observe(Stamp::at(self.clock.timestamp()), &Event::from(step));
        }
    }
}
