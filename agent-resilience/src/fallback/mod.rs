//! A chain of providers: the first that works answers.

mod builder;
mod config;
mod error;
mod health;
mod probe;
mod status;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_primitives::{
    Attempt, Clock, Cooldown, Event, Handoff, HandoffReason, Observer, ProviderId, Retry, Stamp,
};

use crate::breaker::CircuitBreaker;
use crate::classify::{Remedy, Verdict};
use crate::failure::Failure;
use crate::provider::Provider;
use crate::retry::NextStep;
use crate::sleep::Sleep;
use health::Health;

pub use builder::{FallbackBuilder, InvalidChain};
pub use config::{FallbackConfig, Rest};
pub use error::{ChainError, Exhausted, Outlook};
#[cfg(feature = "tokio")]
pub use probe::ProbeTask;
pub use status::{ProviderStatus, UnknownProvider};

/// Asks providers in order of preference until one answers. Clones share their state.
///
/// For each request: the first provider that neither rests nor was tried for it is called, again and
/// again as [`RetryPolicy`](crate::RetryPolicy) and its circuit breaker allow. When it is given up it
/// rests for as long as it asked for, at least [`Rest::first`], and the next one is called. Once the
/// rest is over, or a probe shows that it works, the next request returns to it. A failure that lies
/// in the request ends the call at once, since nobody else could answer it either.
///
/// ```
/// use std::sync::Arc;
/// use agent_primitives::{FailureKind, ProviderId};
/// use agent_resilience::classify::Verdict;
/// use agent_resilience::{Failure, FallbackChain, Provider};
///
/// struct Named(ProviderId, Option<FailureKind>);
///
/// #[async_trait::async_trait]
/// impl Provider<str> for Named {
///     type Reply = String;
///     fn id(&self) -> &ProviderId {
///         &self.0
///     }
///     async fn call(&self, question: &str) -> Result<String, Failure> {
///         match self.1 {
///             Some(kind) => Err(Verdict::new(kind).into()),
///             None => Ok(format!("{} answers {question}", self.0)),
///         }
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder()
///     .provider(Named(ProviderId::new("claude")?, Some(FailureKind::QuotaExhausted)))
///     .provider(Named(ProviderId::new("groq")?, None))
///     .build()
///     .unwrap();
/// let reply = chain.call("why").await.unwrap();
/// assert_eq!(reply.value, "groq answers why");
/// assert_eq!(reply.handoffs[0].to_string(), "claude -> groq (quota_exhausted, automatic)");
/// # Ok::<(), agent_primitives::InvalidId>(())
/// # }).unwrap();
/// ```
pub struct FallbackChain<Req: ?Sized, Rep> {
    shared: Arc<Shared<Req, Rep>>,
    observer: Arc<dyn Observer>,
}

struct Shared<Req: ?Sized, Rep> {
    links: Vec<Link<Req, Rep>>,
    config: FallbackConfig,
    seed: u64,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    /// Held for a few instructions, never while calling, waiting or telling an observer.
    state: Mutex<State>,
}

struct Link<Req: ?Sized, Rep> {
    id: ProviderId,
    provider: Arc<dyn Provider<Req, Reply = Rep>>,
    breaker: CircuitBreaker,
}

struct State {
    healths: Vec<Health>,
    /// Who was chosen last.
    current: Option<usize>,
    pinned: Option<usize>,
    /// Somebody took the pin away since the last choice.
    unpinned: bool,
    /// Requests so far: gives each its own pauses.
    calls: u64,
}

/// An answer, who gave it, and what it took.
///
/// ```
/// # use agent_primitives::{FailureKind, ProviderId};
/// # use agent_resilience::{classify::Verdict, *};
/// # struct Named(ProviderId, Option<FailureKind>);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Named {
/// #     type Reply = String;
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<String, Failure> {
/// #         self.1.map_or(Ok("fine".into()), |kind| Err(Verdict::new(kind).into()))
/// #     }
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let groq = Named(ProviderId::new("groq").unwrap(), None);
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(groq).build().unwrap();
/// let reply = chain.call("how are you").await.unwrap();
/// assert_eq!((reply.value.as_str(), reply.provider.as_str()), ("fine", "groq"));
/// assert_eq!((reply.attempts, reply.handoffs.len()), (1, 0));
/// # });
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The answer.
    pub value: T,
    /// Who gave it.
    pub provider: ProviderId,
    /// Calls made for it, to whomever.
    pub attempts: u32,
    /// From the request to the answer, failed calls and pauses included.
    pub elapsed: Duration,
    /// How the work moved on the way, a return to a preferred provider included.
    pub handoffs: Vec<Handoff>,
}

impl<Req: ?Sized, Rep> Clone for FallbackChain<Req, Rep> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            observer: Arc::clone(&self.observer),
        }
    }
}

impl<Req: ?Sized, Rep: Send> fmt::Debug for FallbackChain<Req, Rep> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackChain")
            .field("providers", &self.status())
            .finish_non_exhaustive()
    }
}

/// How a provider was given up, or why the whole call ends.
enum Left {
    ForAnother {
        reason: HandoffReason,
        failure: Option<Failure>,
        /// The least rest: what the provider or its breaker asks for.
        hint: Duration,
    },
    ForGood(Failure),
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Starts a chain with no providers and the default settings.
    pub fn builder() -> FallbackBuilder<Req, Rep> {
        FallbackBuilder::default()
    }

    /// A handle on the same chain that tells another observer, for instance one that is
    /// [`Scoped`](agent_primitives::Scoped) to a session.
    #[must_use]
    pub fn observed_by(&self, observer: impl Observer + 'static) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            observer: Arc::new(observer),
        }
    }

    /// Asks until somebody answers.
    ///
    /// # Errors
    /// [`ChainError::Failed`] when the request itself has to change, [`ChainError::Exhausted`] when
    /// nobody can answer now.
    ///
    /// # Cancel safety
    /// Dropping the future drops the running call or ends the pause; breaker permits are given back
    /// and no provider is blamed.
    pub async fn call(&self, request: &Req) -> Result<Reply<Rep>, ChainError> {
        let mut tried = vec![false; self.shared.links.len()];
        let mut attempts = 0;
        let start = self.shared.clock.monotonic();
        let mut handoffs = Vec::new();
        let mut last = None;
        let seed = {
            let mut state = self.lock();
            state.calls = state.calls.wrapping_add(1);
            self.shared.seed ^ state.calls.rotate_left(32)
        };
        while let Some((index, handoff)) = self.take(&tried) {
            let Some(link) = self.shared.links.get(index) else {
                break;
            };
            if let Some(handoff) = handoff {
                tracing::info!(%handoff, "handoff");
                self.tell(&handoff.clone().into());
                handoffs.push(handoff);
            }
            match self.ask(link, request, seed, &mut attempts).await {
                Ok(value) => {
                    if let Some(health) = self.lock().healths.get_mut(index) {
                        health.succeeded();
                    }
                    return Ok(Reply {
                        value,
                        provider: link.id.clone(),
                        attempts,
                        elapsed: self.shared.clock.monotonic().since(start),
                        handoffs,
                    });
                }
                Err(Left::ForGood(failure)) => {
                    return Err(ChainError::Failed {
                        provider: link.id.clone(),
                        failure,
                    });
                }
                Err(Left::ForAnother {
                    reason,
                    failure,
                    hint,
                }) => {
                    if let Some(tried) = tried.get_mut(index) {
                        *tried = true;
                    }
                    let verdict = failure.as_ref().map(Failure::verdict);
                    self.leave(index, verdict, reason, hint);
                    last = failure.or(last);
                }
            }
        }
        Err(ChainError::Exhausted(Exhausted {
            providers: self.outlooks(),
            last,
        }))
    }

    /// Chooses the next provider and moves the work to it.
    fn take(&self, tried: &[bool]) -> Option<(usize, Option<Handoff>)> {
        let now = self.shared.clock.monotonic();
        let mut state = self.lock();
        let pinned = state.pinned;
        let open = |index: usize| {
            // A pinned provider is asked even so: its breaker then says when to come back.
            tried.get(index) == Some(&false)
                && (pinned == Some(index)
                    || self.breaker(index).is_some_and(CircuitBreaker::would_admit))
        };
        let chosen = health::choose(&state.healths, pinned, open, now)?;
        let before = state.current.replace(chosen);
        let by_hand = std::mem::take(&mut state.unpinned) || pinned == Some(chosen);
        let name = |index: usize| Some(self.shared.links.get(index)?.id.clone());
        let handoff = before.filter(|from| *from != chosen).and_then(|from| {
            let (giver, taker) = (name(from)?, name(chosen)?);
            Some(if by_hand {
                Handoff::manual(giver, taker, HandoffReason::Manual)
            } else {
                Handoff::automatic(giver, taker, health::reason(&state.healths, from))
            })
        });
        Some((chosen, handoff))
    }

    /// Calls one provider as often as its policy allows.
    async fn ask(
        &self,
        link: &Link<Req, Rep>,
        request: &Req,
        seed: u64,
        attempts: &mut u32,
    ) -> Result<Rep, Left> {
        let policy = &self.shared.config.retry;
        let mut delays = policy.backoff.delays(seed);
        let mut last: Option<Failure> = None;
        for attempt in 1_u32.. {
            let breaker = self.breaker_of(link);
            let permit = match breaker.admit() {
                Ok(permit) => permit,
                Err(open) => {
                    return Err(Left::ForAnother {
                        reason: HandoffReason::BreakerOpen,
                        failure: last,
                        hint: open.retry_in.unwrap_or_default(),
                    });
                }
            };
            *attempts = attempts.saturating_add(1);
            let start = self.shared.clock.monotonic();
            let result = link.provider.call(request).await;
            let elapsed = self.shared.clock.monotonic().since(start);
            let record = Attempt::new(link.id.clone(), attempt, elapsed);
            let failure = match result {
                Ok(value) => {
                    permit.success();
                    self.tell(&record.into());
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            let kind = failure.kind();
            tracing::debug!(gen_ai.provider.name = %link.id, attempt, error.type = %kind, "attempt failed");
            self.tell(&record.failed(kind).into());
            permit.failure(kind);

            let now = self.shared.clock.timestamp();
            match policy.next_step(failure.verdict(), attempt, now, &mut delays) {
                // A pause that the breaker outlasts would be for nothing.
                NextStep::Again(pause) if breaker.retry_in().is_some_and(|left| left > pause) => {
                    return Err(Left::ForAnother {
                        reason: HandoffReason::BreakerOpen,
                        hint: breaker.retry_in().unwrap_or_default(),
                        failure: Some(failure),
                    });
                }
                NextStep::Again(pause) => {
                    self.tell(&Retry::new(link.id.clone(), attempt + 1, pause, kind).into());
                    self.shared.sleep.sleep(pause).await;
                    last = Some(failure);
                }
                NextStep::GiveUp(why) => {
                    let hint = failure.verdict().retry_after;
                    let hint = hint.map_or(Duration::ZERO, |when| when.delay(now));
                    tracing::debug!(gen_ai.provider.name = %link.id, %why, "provider given up");
                    return Err(Left::ForAnother {
                        reason: kind.into(),
                        failure: Some(failure),
                        hint,
                    });
                }
                NextStep::Stop => return Err(Left::ForGood(failure)),
            }
        }
        // Only after 2³² attempts, which no policy allows without giving up.
        Err(Left::ForAnother {
            reason: HandoffReason::Failed,
            failure: last,
            hint: Duration::ZERO,
        })
    }

    /// Lets a provider rest.
    fn leave(
        &self,
        index: usize,
        verdict: Option<&Verdict>,
        reason: HandoffReason,
        hint: Duration,
    ) {
        let config = &self.shared.config;
        let now = self.shared.clock.monotonic();
        let rest = {
            let mut state = self.lock();
            let Some(health) = state.healths.get_mut(index) else {
                return;
            };
            let rest = match verdict {
                Some(verdict) => config
                    .rest
                    .after(verdict, health.in_row.saturating_add(1), hint),
                None => hint.max(config.rest.first),
            };
            // A provider that named its time, or waits for somebody, is not asked sooner because it
            // answers a cheap question.
            health.probe_ends_rest = match verdict {
                Some(verdict) => {
                    verdict.retry_after.is_none() && verdict.remedy() == Remedy::BackOff
                }
                None => true,
            };
            health.leave(
                verdict.map(|v| v.kind),
                reason,
                rest,
                config.probe_every,
                now,
            );
            rest
        };
        if let (Some(link), Some(verdict)) = (self.shared.links.get(index), verdict) {
            tracing::info!(gen_ai.provider.name = %link.id, %reason, ?rest, "provider rests");
            let cooldown = Cooldown::new(link.id.clone(), verdict.scope, verdict.kind, rest);
            self.tell(&cooldown.into());
        }
    }

    /// The link's breaker, telling the observer of this handle.
    fn breaker_of(&self, link: &Link<Req, Rep>) -> CircuitBreaker {
        let breaker = link.breaker.clone();
        breaker.shared(&self.shared.clock, &self.observer)
    }

    fn breaker(&self, index: usize) -> Option<&CircuitBreaker> {
        self.shared.links.get(index).map(|link| &link.breaker)
    }

    fn tell(&self, event: &Event) {
        self.observer
            .observe(Stamp::at(self.shared.clock.timestamp()), event);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
