//! The beginning of a stream at one provider of a chain: until something of its answer is there.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use agent_primitives::{Clock, FailureKind, ProviderId, TokenUsage};
use futures_core::Stream;

use super::error::StreamError;
use super::guard::GuardedStream;
use super::limits::StreamLimits;
use super::part::StreamItem;
use crate::classify::{Evidence, Verdict};
use crate::failure::Failure;
use crate::fallback::attempt::Calling;
use crate::fallback::operation::Operation;
use crate::provider::{Metering, Provider};
use crate::sleep::Sleep;

/// Items that are held back until something of the answer is there, such as its head and pings. A ping a
/// second is fewer in twice the time that a first token has by default. How large an item is, is not known here:
/// what makes them bounds each of them ([`EventReader::MAX_EVENT_BYTES`](crate::EventReader)).
const HEAD_MAX: usize = 128;

/// Begins a stream at one provider and waits until something of its answer is there.
pub(super) struct Opening<'a> {
    pub(super) limits: StreamLimits,
    pub(super) keep_text: Option<usize>,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) sleep: &'a Arc<dyn Sleep>,
}

/// A stream of which something is there.
pub(super) struct Begun<S, T> {
    pub(super) provider: ProviderId,
    pub(super) guard: Pin<Box<GuardedStream<S>>>,
    /// Read, and not given to the consumer yet.
    pub(super) head: VecDeque<T>,
    /// What the reply said at its head.
    pub(super) head_metering: Metering,
}

/// Bytes of an answer to a token at the most: fewer make more tokens, so that none are forgotten.
const BYTES_PER_TOKEN: u64 = 4;

impl<S, T> Begun<S, T> {
    /// What the reply said at its head, and the stream since.
    pub(super) fn metering(&self) -> Metering {
        let head = self.head_metering;
        Metering {
            usage: self.guard.usage().or(head.usage),
            ..head
        }
    }

    /// What is known to be taken by a stream that broke off. A usage that was told on its way, such as
    /// Anthropic's `message_start`, counts hardly any output: what came since is added by its length.
    /// Without one nothing is known: what a head says is not about what followed.
    pub(super) fn came(&self) -> Metering {
        let delivered = self.guard.delivered();
        let bytes = [
            delivered.text_bytes,
            delivered.reasoning_bytes,
            delivered.structured_bytes,
            delivered.argument_bytes,
        ];
        let tokens = bytes
            .into_iter()
            .fold(0, u64::saturating_add)
            .div_ceil(BYTES_PER_TOKEN);
        let usage = self.guard.usage().map(|told| {
            let missing = tokens.saturating_sub(told.output());
            told + TokenUsage::new(0, missing)
        });
        Metering {
            usage,
            ..Metering::default()
        }
    }
}

impl<Req, S, T, E> Operation<Req, S> for Opening<'_>
where
    Req: ?Sized,
    S: Stream<Item = Result<T, E>> + Send,
    T: StreamItem + Send,
    E: Into<Failure>,
{
    type Output = Begun<S, T>;

    fn start<'a>(
        &'a self,
        provider: &'a dyn Provider<Req, Reply = S>,
        request: &'a Req,
    ) -> Calling<'a, Begun<S, T>> {
        let started = self.clock.monotonic();
        let call = provider.call(request);
        Box::pin(async move {
            let stream = call.await?;
            let head_metering = provider.metering(&stream);
            let (clock, sleep) = (Arc::clone(self.clock), Arc::clone(self.sleep));
            let mut guard = GuardedStream::on(stream, self.limits, clock, sleep).since(started);
            if let Some(max) = self.keep_text {
                guard = guard.keep_text(max);
            }
            let mut guard = Box::pin(guard);
            let head = read_head(guard.as_mut()).await?;
            Ok(Begun {
                provider: provider.id().clone(),
                guard,
                head,
                head_metering,
            })
        })
    }
}

/// Reads until something of the answer is there, or all of it is.
async fn read_head<S, T, E>(mut guard: Pin<&mut GuardedStream<S>>) -> Result<VecDeque<T>, Failure>
where
    S: Stream<Item = Result<T, E>>,
    T: StreamItem,
    E: Into<Failure>,
{
    let mut head = VecDeque::new();
    loop {
        match poll_fn(|cx| guard.as_mut().poll_next(cx)).await {
            Some(Ok(item)) => head.push_back(item),
            Some(Err(StreamError::Failed(failure))) => return Err(failure),
            Some(Err(StreamError::Partial(partial))) => return Err(partial.failure),
            None => return Ok(head),
        }
        if !guard.delivered().is_nothing() {
            return Ok(head);
        }
        // Refused, or at its limit before its first word.
        if let Some(failure) = guard.as_mut().take_stopped() {
            return Err(failure);
        }
        if guard.is_complete() {
            return Ok(head);
        }
        if head.len() >= HEAD_MAX {
            let verdict = Verdict::new(FailureKind::StreamCut).evidence(Evidence::Stream);
            let why = format!("{HEAD_MAX} items came, and nothing of an answer");
            return Err(Failure::new(verdict).with_source(why));
        }
    }
}
