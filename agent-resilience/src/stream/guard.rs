//! A stream that ends in one of three ways: complete, declared partial, or failed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, Monotonic, TokenUsage};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;

use super::delivered::{Delivered, Kept, Phase, Record};
use super::error::{Partial, StreamError, overdue, unfinished};
use super::limits::{StreamClock, StreamLimits};
use super::part::StreamItem;
use super::watch::Watch;
use crate::classify::{Evidence, Verdict};
use crate::clock::CoarseClock;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::sleep::Sleep;
#[cfg(feature = "tokio")]
use crate::sleep::TokioSleep;

/// Items that may come without a wait before the clock is read for the total.
const UNLOOKED_MAX: u32 = 64;

pin_project! {
    /// Any stream of items, watched: it ends complete, or with a [`StreamError`] as its last item that
    /// says what was delivered and why no more comes. An end without a [`Part::End`](crate::Part::End)
    /// before it is a cut.
    ///
    /// Nothing is held back, asked for again or put in: each item is passed on as it comes. What fails
    /// after the end, when the answer is there, is not told: how a connection closes does not matter. Only
    /// the vendor's word that the answer was stopped, by its limit or a filter, takes an end back.
    ///
    /// Three clocks run while there is nothing to read ([`StreamLimits`]). An item that is ready costs no
    /// reading of the clock and no allocation. One timer serves for all waits, and is set anew once an
    /// idle time at the most.
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Verdict;
    /// use agent_resilience::{GuardedStream, Part, StreamError, StreamItem, StreamLimits};
    /// use futures_util::{StreamExt, stream};
    ///
    /// struct Word(&'static str);
    /// impl StreamItem for Word {
    ///     fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
    ///         tell(if self.0 == "." { Part::End } else { Part::Text(self.0) });
    ///     }
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let words = stream::iter(["all ", "is ", "well", "."].map(|word| Ok::<_, Verdict>(Word(word))));
    /// let mut whole = GuardedStream::new(words, StreamLimits::default());
    /// while let Some(word) = whole.next().await {
    ///     assert!(word.is_ok());
    /// }
    /// assert!(whole.is_complete());
    ///
    /// // The same without its end, as a connection that closes in the middle leaves it.
    /// let words = stream::iter(["all ", "is "].map(|word| Ok::<_, Verdict>(Word(word))));
    /// let items: Vec<_> = GuardedStream::new(words, StreamLimits::default()).collect().await;
    /// let Some(Err(StreamError::Partial(partial))) = items.last() else { panic!("cut") };
    /// assert_eq!(partial.verdict().kind, FailureKind::StreamCut);
    /// assert_eq!(partial.delivered.text_bytes, 7);
    /// assert!(partial.may_continue());
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Cancel safety
    /// Waiting for an item can be given up and taken up again: nothing is lost, and the clocks run on.
    /// Dropping the stream drops the inner one.
    #[must_use = "a stream is read by polling it"]
    pub struct GuardedStream<S> {
        // None once it is over, so that its connection is free.
        #[pin]
        inner: Option<S>,
        record: Record,
        unlooked: u32,
        failed: bool,
        watch: Watch,
        first_token: Option<Duration>,
    }
}

#[cfg(feature = "tokio")]
impl<S> GuardedStream<S> {
    /// Watches `stream` with tokio's timer.
    pub fn new(stream: S, limits: StreamLimits) -> Self {
        Self::with_sleep(stream, limits, TokioSleep)
    }
}

impl<S> GuardedStream<S> {
    /// Watches `stream` and waits with `sleep`. One that is over at once cuts every stream that has to
    /// wait.
    pub fn with_sleep(stream: S, limits: StreamLimits, sleep: impl Sleep + 'static) -> Self {
        Self::on(stream, limits, Arc::new(CoarseClock), Arc::new(sleep))
    }

    pub(super) fn on(
        stream: S,
        limits: StreamLimits,
        clock: Arc<dyn Clock>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        Self {
            inner: Some(stream),
            record: Record::NEW,
            unlooked: 0,
            failed: false,
            watch: Watch::new(limits, clock, sleep),
            first_token: None,
        }
    }

    /// Where time is read; [`CoarseClock`] unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.watch.clock = Arc::new(clock);
        self
    }

    /// When the request was sent, by the same clock: the first token and the total count from there, and
    /// not from the first time that the stream is asked for an item.
    pub fn since(mut self, moment: Monotonic) -> Self {
        self.watch.started = Some(moment);
        self
    }

    /// When the caller needs the end, by the same clock. What is cut then is a
    /// [`Timeout`](agent_primitives::FailureKind::Timeout) of the request, for which no provider is
    /// blamed.
    pub fn until(mut self, deadline: Deadline) -> Self {
        self.watch.deadline = deadline;
        self
    }

    pub(super) fn set_until(self: Pin<&mut Self>, deadline: Deadline) {
        self.project().watch.deadline = deadline;
    }

    /// Keeps the text that is delivered, for [`Partial::text`]; it is not kept unless set. More than `max`
    /// bytes are not kept at all, since half a text would be taken for the whole.
    pub fn keep_text(mut self, max: usize) -> Self {
        self.record.text = Some(Kept::up_to(max));
        self
    }

    /// What was delivered so far.
    pub const fn delivered(&self) -> &Delivered {
        &self.record.delivered
    }

    /// The whole answer was delivered.
    pub fn is_complete(&self) -> bool {
        self.record.phase == Phase::Ended && self.record.stopped.is_none() && !self.failed
    }

    /// Reads no more: the inner stream is dropped.
    pub(super) fn close(self: Pin<&mut Self>) {
        let mut this = self.project();
        this.inner.set(None);
        this.watch.rest();
    }

    /// The answer was said to end with a failure, which comes when what follows has been read.
    pub(super) fn take_stopped(self: Pin<&mut Self>) -> Option<Failure> {
        let verdict = self.project().record.stopped.take()?;
        Some(Failure::new(*verdict))
    }

    /// What the answer took, as far as the stream has told.
    pub const fn usage(&self) -> Option<TokenUsage> {
        self.record.usage
    }

    /// From the start until something of the answer was there; `None` before it is.
    pub const fn first_token(&self) -> Option<Duration> {
        self.first_token
    }
}

impl<S, T, E> Stream for GuardedStream<S>
where
    S: Stream<Item = Result<T, E>>,
    T: StreamItem,
    E: Into<Failure>,
{
    type Item = Result<T, StreamError>;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let record = this.record;
        let failure = if *this.unlooked >= UNLOOKED_MAX
            && let Some((clock, limit)) = look(this.unlooked, this.watch)
        {
            overdue(clock, limit, record.phase)
        } else {
            match inner.poll_next(cx) {
                Poll::Ready(Some(Ok(item))) => {
                    let before = record.phase;
                    let mut lives = this.watch.limits.meta_is_life;
                    item.parts(&mut |part| lives |= record.note(part));
                    record.delivered.items += 1;
                    *this.unlooked += 1;
                    if lives {
                        this.watch.waiting = None;
                    }
                    if before == Phase::Waiting && record.phase != Phase::Waiting {
                        *this.first_token = Some(this.watch.since_start());
                    }
                    return Poll::Ready(Some(Ok(item)));
                }
                Poll::Pending => {
                    *this.unlooked = 0;
                    match this.watch.poll_overdue(record.phase, cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready((clock, limit)) => overdue(clock, limit, record.phase),
                    }
                }
                Poll::Ready(Some(Err(error))) => error.into(),
                Poll::Ready(None) => unfinished(),
            }
        };
        this.inner.set(None);
        this.watch.rest();
        let failure = match record.stopped.take() {
            Some(verdict) => Failure::new(*verdict),
            None if record.phase == Phase::Ended && !is_stop(failure.verdict()) => {
                return Poll::Ready(None);
            }
            None => failure,
        };
        *this.failed = true;
        Poll::Ready(Some(Err(ended(record, failure))))
    }
}

impl<S, T, E> FusedStream for GuardedStream<S>
where
    S: Stream<Item = Result<T, E>>,
    T: StreamItem,
    E: Into<Failure>,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_none()
    }
}

#[cold]
fn look(unlooked: &mut u32, watch: &mut Watch) -> Option<(StreamClock, Duration)> {
    *unlooked = 0;
    watch.is_late()
}

/// The vendor said in the stream that the answer was stopped, which an item with its last words may
/// have taken for an end.
#[cold]
fn is_stop(verdict: &Verdict) -> bool {
    let kind = verdict.kind;
    verdict.evidence == Evidence::Stream
        && matches!(kind, FailureKind::OutputLimit | FailureKind::ContentPolicy)
}

#[cold]
#[inline(never)]
fn ended(record: &mut Record, failure: Failure) -> StreamError {
    if record.delivered.is_nothing() {
        return StreamError::Failed(failure);
    }
    StreamError::Partial(Box::new(Partial {
        text: record.text.take().and_then(Kept::into_text),
        ..Partial::new(record.delivered, failure)
    }))
}

impl<S> fmt::Debug for GuardedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream")
            .field("delivered", &self.record.delivered)
            .field("complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}
