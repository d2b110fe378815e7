//! Calls of one model: a handle that is resolved once, and a call under way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ModelId, Monotonic, ProviderId, TokenUsage};

use super::Origin;
use super::bound::Bound;
use crate::telemetry::{Figures, Target};
use crate::{Answer, ModelCall, trace};

/// Records calls of one model in one session. Made once and kept, it records a call without an
/// allocation, and threads that share it do not wait for each other.
///
/// Cheap to clone. It may outlive its session.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage};
/// use agent_telemetry::{Answer, MemorySink, SessionStart, Stats, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let haiku = session.model(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?);
/// haiku.record(Answer::new(TokenUsage::new(1_000, 100), Duration::from_millis(640)));
///
/// telemetry.flush(Duration::from_secs(5))?;
/// assert_eq!(Stats::of(sink.records()).cost.total.to_string(), "$0.0015");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ModelHandle(Arc<Bound<Offered>>);

/// Which model, and at whom.
struct Offered {
    provider: ProviderId,
    model: ModelId,
}

impl Offered {
    fn call(&self, answer: Answer) -> ModelCall {
        answer.of(self.provider.clone(), self.model.clone())
    }
}

impl ModelHandle {
    pub(super) fn new(origin: Arc<Origin>, provider: ProviderId, model: ModelId) -> Self {
        let target = Target::Model(provider.clone(), model.clone());
        Self(Bound::new(origin, target, Offered { provider, model }))
    }

    /// Records a call that has just ended. Without a cost it gets that of the prices, where they know
    /// the provider and model at this time; otherwise it stays unpriced.
    pub fn record(&self, answer: Answer) {
        let it = &*self.0;
        it.push(Figures::Model(answer));
        if trace::is_enabled() {
            let call = it.called.call(answer);
            trace::model_call(&it.origin.span, it.origin.names(), &call);
        }
    }

    /// Begins a call whose time is measured, with a `tracing` span `chat` around it.
    #[must_use = "dropping the call records it as cancelled"]
    pub fn begin(&self) -> ModelCallSpan {
        let it = &*self.0;
        ModelCallSpan {
            span: trace::chat_span(
                &it.origin.span,
                it.origin.names(),
                &it.called.provider,
                &it.called.model,
            ),
            began: it.clock.monotonic(),
            first_token: None,
            answer: Answer::new(TokenUsage::ZERO, Duration::ZERO).failed(FailureKind::Cancelled),
            handle: self.clone(),
        }
    }
}

impl fmt::Debug for ModelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelHandle")
            .field("provider", &self.0.called.provider)
            .field("model", &self.0.called.model)
            .finish_non_exhaustive()
    }
}

/// A call of a model under way. Dropping it without [`end`](Self::end) records it as
/// [`FailureKind::Cancelled`], with the time that it took.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, FailureKind, ModelId, ProviderId, SessionId, TokenUsage};
/// use agent_telemetry::{Answer, Body, MemorySink, SessionStart, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let haiku = session.model(ProviderId::new("claude")?, ModelId::new("claude-haiku-4-5")?);
/// let mut call = haiku.begin();
/// call.first_token();
/// call.end(Answer::new(TokenUsage::new(1_000, 100), Duration::ZERO));
/// drop(haiku.begin());
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let failures: Vec<_> = sink.records().iter().filter_map(|record| match &record.body {
///     Body::ModelCall(call) => Some((call.failure, call.first_token.is_some())),
///     _ => None,
/// }).collect();
/// assert_eq!(failures, [(None, true), (Some(FailureKind::Cancelled), false)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the call records it as cancelled"]
pub struct ModelCallSpan {
    handle: ModelHandle,
    span: tracing::Span,
    began: Monotonic,
    first_token: Option<Duration>,
    answer: Answer,
}

impl ModelCallSpan {
    /// The first piece of the answer is here. Said again, it means nothing. The answer counts as
    /// streamed.
    pub fn first_token(&mut self) {
        if self.first_token.is_none() {
            self.first_token = Some(self.handle.0.clock.monotonic().since(self.began));
        }
    }

    /// Ends the call with these figures; the times are those that were measured.
    pub fn end(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for ModelCallSpan {
    fn drop(&mut self) {
        let it = &*self.handle.0;
        let mut answer = self.answer.latency(it.clock.monotonic().since(self.began));
        if let Some(after) = self.first_token {
            answer = answer.first_token(after).streamed();
        }
        it.push(Figures::Model(answer));
        if trace::is_enabled() {
            let call = it.called.call(answer);
            trace::chat_end(&self.span, it.origin.names(), &call);
        }
    }
}

impl fmt::Debug for ModelCallSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelCallSpan")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
