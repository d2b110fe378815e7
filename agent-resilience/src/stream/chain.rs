//! Streams from a chain of providers: another one is asked only while nothing of an answer is there.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use agent_primitives::{Handoff, ProviderId, TokenUsage, Usd};
use futures_core::Stream;

use super::delivered::Delivered;
use super::error::StreamError;
use super::limits::{InvalidStreamLimits, StreamLimits};
use super::opening::{Begun, Opening};
use super::part::StreamItem;
use crate::failure::Failure;
use crate::fallback::journey::Answer;
use crate::fallback::operation::Held;
use crate::fallback::{CallOptions, ChainError, FallbackChain};
use crate::provider::Metering;
use crate::route::Decision;

/// How one streamed request goes through a [`FallbackChain`].
///
/// ```
/// use std::time::Duration;
/// use agent_resilience::{CallOptions, Needs, StreamLimits, StreamOptions};
///
/// let options = StreamOptions::from(CallOptions::new().needs(Needs::default().tools()))
///     .limits(StreamLimits::default().first_token(Duration::from_secs(8)))?;
/// assert!(options.call.needs.tools && options.keep_text.is_none());
/// assert!(options.limits(StreamLimits::default().idle(Duration::ZERO)).is_err());
/// # Ok::<(), agent_resilience::InvalidStreamLimits>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StreamOptions {
    /// What a request that is not streamed asks for, too. The deadline holds until the end of the
    /// stream.
    pub call: CallOptions,
    // Checked: set by `limits` alone.
    limits: Option<StreamLimits>,
    /// Keeps the text for [`Partial::text`](crate::Partial::text), up to so many bytes.
    pub keep_text: Option<usize>,
}

impl StreamOptions {
    /// Sets limits in place of the [chain's](crate::FallbackConfig::stream). The time of an
    /// [attempt](crate::FallbackConfig::attempt_timeout) holds until the answer begins, and the
    /// [total](crate::RetryPolicy::total) of the request until its end, even where these are longer.
    ///
    /// # Errors
    /// [`InvalidStreamLimits`] for limits that cannot be [meant](StreamLimits::validate).
    pub fn limits(mut self, limits: StreamLimits) -> Result<Self, InvalidStreamLimits> {
        limits.validate()?;
        self.limits = Some(limits);
        Ok(self)
    }

    /// Keeps the text, up to so many bytes.
    #[must_use]
    pub const fn keep_text(mut self, max: usize) -> Self {
        self.keep_text = Some(max);
        self
    }
}

impl From<CallOptions> for StreamOptions {
    fn from(call: CallOptions) -> Self {
        Self {
            call,
            ..Self::default()
        }
    }
}

impl<Req, S, T, E> FallbackChain<Req, S>
where
    Req: ?Sized,
    S: Stream<Item = Result<T, E>> + Send,
    T: StreamItem + Send,
    E: Into<Failure>,
{
    /// Asks until somebody begins to answer, for providers whose reply is a stream of items.
    ///
    /// A provider has begun when something of its answer is there: text, reasoning, a tool call, or the
    /// end. Until then a failure or a first token that is late is a failed attempt: the same provider is
    /// asked again or the next one, as for [`call`](Self::call), and nothing of the attempt is seen. From
    /// then on nobody else is asked, whatever happens.
    ///
    /// A [`ReplyCheck`](crate::ReplyCheck) is not asked about streams, since what it would reject has been
    /// shown: check the whole when it is there. Nor is a second provider [asked as
    /// well](crate::FallbackConfig::hedge): a first token that is late is a failed attempt.
    ///
    /// ```
    /// use agent_primitives::{FailureKind, ProviderId};
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{Failure, FallbackChain, Part, Provider, StreamItem};
    /// use futures_util::{StreamExt, stream};
    ///
    /// struct Word(&'static str);
    /// impl StreamItem for Word {
    ///     fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
    ///         tell(if self.0 == "." { Part::End } else { Part::Text(self.0) });
    ///     }
    /// }
    ///
    /// struct Says(ProviderId, Vec<Result<&'static str, FailureKind>>);
    /// type Words = stream::BoxStream<'static, Result<Word, Failure>>;
    ///
    /// #[async_trait::async_trait]
    /// impl Provider<str> for Says {
    ///     type Reply = Words;
    ///     fn id(&self) -> &ProviderId {
    ///         &self.0
    ///     }
    ///     async fn call(&self, _: &str) -> Result<Words, Failure> {
    ///         let words = self.1.clone().into_iter();
    ///         Ok(stream::iter(words.map(|word| match word {
    ///             Ok(word) => Ok(Word(word)),
    ///             Err(kind) => Err(Verdict::new(kind).into()),
    ///         })).boxed())
    ///     }
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// # runtime.block_on(async {
    /// let claude = Says("claude".parse()?, vec![Err(FailureKind::QuotaExhausted)]);
    /// let groq = Says("groq".parse()?, vec![Ok("all "), Ok("is "), Err(FailureKind::Network)]);
    /// let spare = Says("spare".parse()?, vec![Ok("never asked"), Ok(".")]);
    /// let chain = FallbackChain::builder().provider(claude).provider(groq).provider(spare).build()?;
    ///
    /// let mut words = chain.stream("how are you").await?;
    /// assert_eq!(words.provider().as_str(), "groq");
    /// let mut shown = String::new();
    /// let error = loop {
    ///     match words.next().await {
    ///         Some(Ok(word)) => shown += word.0,
    ///         Some(Err(error)) => break error,
    ///         None => panic!("an end that nobody announced"),
    ///     }
    /// };
    /// assert_eq!(shown, "all is ");
    /// assert!(error.partial().is_some_and(|partial| partial.may_continue()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call), when nobody begins to answer.
    ///
    /// # Cancel safety
    /// Dropping the future drops what runs and gives everything back; no provider is blamed.
    pub async fn stream(&self, request: &Req) -> Result<ChainStream<Req, S, T>, ChainError> {
        self.stream_with(request, &StreamOptions::default()).await
    }

    /// [`stream`](Self::stream) for a request that asks for more: abilities, a deadline, other limits.
    ///
    /// # Errors
    /// As [`stream`](Self::stream).
    ///
    /// # Cancel safety
    /// As [`stream`](Self::stream).
    pub async fn stream_with(
        &self,
        request: &Req,
        options: &StreamOptions,
    ) -> Result<ChainStream<Req, S, T>, ChainError> {
        let opening = Opening {
            limits: options.limits.unwrap_or_else(|| self.stream_limits()),
            keep_text: options.keep_text,
            clock: self.clock(),
            sleep: self.sleep(),
        };
        let Answer {
            value: mut begun,
            held,
            journey,
            ..
        } = self.travel(&opening, request, &options.call).await?;
        begun.guard.as_mut().set_until(journey.deadline);
        Ok(ChainStream {
            attempts: journey.attempts,
            handoffs: journey.handoffs,
            decisions: journey.decisions,
            index: held.index,
            begun,
            settling: Settling {
                chain: self.clone(),
                held: Some(held),
            },
        })
    }
}

/// The answer of one provider of a chain as it comes. It ends as a
/// [`GuardedStream`](crate::GuardedStream) does.
///
/// What the chain holds for it is settled when it ends: the circuit breaker's permit, the provider's
/// health, the event of the attempt. An answer that breaks off counts against the provider, which rests
/// as after any failure. Dropped before its end, it counts for nobody.
#[must_use = "a stream is read by polling it"]
pub struct ChainStream<Req: ?Sized, S: Send, T> {
    // Dropped first: the connection is gone before its permit is free.
    begun: Begun<S, T>,
    attempts: u32,
    handoffs: Vec<Handoff>,
    decisions: Vec<Decision>,
    // The provider's place in the chain.
    index: usize,
    settling: Settling<Req, S>,
}

impl<Req: ?Sized, S: Send, T> ChainStream<Req, S, T> {
    /// Who answers.
    pub const fn provider(&self) -> &ProviderId {
        &self.begun.provider
    }

    /// Calls made for the request, to whomever.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How the work moved before this provider began to answer.
    pub fn handoffs(&self) -> &[Handoff] {
        &self.handoffs
    }

    /// Each choice on the way, and why it was not another one, in the chain's order of
    /// [providers](FallbackChain::providers).
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// What came of the answer so far.
    pub fn delivered(&self) -> &Delivered {
        self.begun.guard.delivered()
    }

    /// The whole answer came.
    pub fn is_complete(&self) -> bool {
        self.begun.guard.is_complete()
    }

    /// What the answer took, as far as is known.
    pub fn usage(&self) -> Option<TokenUsage> {
        self.begun.metering().usage
    }

    /// What the answer cost, as far as is known: as its head said, or the [`usage`](Self::usage) at the
    /// [price](crate::Profile::price) of the provider. Most vendors tell the usage last, so that this is
    /// the whole cost only at the end.
    pub fn cost(&self) -> Option<Usd> {
        self.settling
            .chain
            .cost_at(self.index, &self.begun.metering())
    }

    /// From the call of this provider until something of the answer was there.
    pub fn first_token(&self) -> Option<Duration> {
        self.begun.guard.first_token()
    }
}

// Nothing is pinned in place: the inner stream is on the heap.
impl<Req: ?Sized, S: Send, T> Unpin for ChainStream<Req, S, T> {}

impl<Req: ?Sized, S, T, E> Stream for ChainStream<Req, S, T>
where
    S: Stream<Item = Result<T, E>> + Send,
    T: StreamItem,
    E: Into<Failure>,
{
    type Item = Result<T, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(item) = this.begun.head.pop_front() {
            return Poll::Ready(Some(Ok(item)));
        }
        let next = ready!(this.begun.guard.as_mut().poll_next(cx));
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => this.settling.cut(error.failure(), &this.begun.came()),
            None => this.settling.complete(&this.begun),
        }
        Poll::Ready(next)
    }
}

impl<Req: ?Sized, S: Send, T> Drop for ChainStream<Req, S, T> {
    fn drop(&mut self) {
        // Who has the end need not read on to what follows it.
        if self.is_complete() {
            self.begun.guard.as_mut().close();
            self.settling.complete(&self.begun);
        }
    }
}

/// What is held until the end. Dropped before that, it counts for nobody.
struct Settling<Req: ?Sized, S> {
    chain: FallbackChain<Req, S>,
    held: Option<Held>,
}

impl<Req: ?Sized, S: Send> Settling<Req, S> {
    fn complete<T>(&mut self, begun: &Begun<S, T>) {
        if let Some(held) = self.held.take() {
            let now = self.chain.clock().monotonic();
            let metering = begun.metering();
            match begun.guard.first_token() {
                Some(first) => self.chain.settle_stream(held, &metering, first, now),
                None => self.chain.settle_success(held, &metering, now),
            }
        }
    }

    fn cut(&mut self, failure: &Failure, came: &Metering) {
        if let Some(held) = self.held.take() {
            let now = self.chain.clock().monotonic();
            self.chain.settle_cut_stream(held, failure, came, now);
        }
    }
}

impl<Req: ?Sized, S: Send, T> fmt::Debug for ChainStream<Req, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainStream")
            .field("provider", self.provider())
            .field("delivered", self.delivered())
            .field("complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}
