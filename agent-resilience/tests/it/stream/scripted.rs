//! Streams that do what a test says, and a clock that shows tokio's paused time.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use agent_primitives::{Clock, FailureKind, Monotonic, Timestamp, TokenUsage};
use agent_resilience::classify::Verdict;
use agent_resilience::{Failure, GuardedStream, Part, StreamError, StreamItem, StreamLimits};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

/// Time as tokio's paused timer has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.0.elapsed().as_secs()
    }
}

impl Clock for PausedClock {
    fn monotonic(&self) -> Monotonic {
        Monotonic::from_nanos(0) + self.0.elapsed()
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000) + self.0.elapsed()
    }
}

/// One item, as a reader of a vendor's events makes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Text(&'static str),
    Reasoning(&'static str),
    Json(&'static str),
    Call,
    Arguments(&'static str),
    CallEnd,
    Usage(u64),
    Ping,
    End,
    Stopped(FailureKind),
    /// Says two things at once, as the last line of some vendors does.
    TextAndEnd(&'static str),
}

impl StreamItem for Item {
    fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
        match self {
            Self::Text(text) => tell(Part::Text(text)),
            Self::Reasoning(text) => tell(Part::Reasoning(text)),
            Self::Json(text) => tell(Part::Structured(text)),
            Self::Call => tell(Part::ToolCall),
            Self::Arguments(text) => tell(Part::Arguments(text)),
            Self::CallEnd => tell(Part::ToolCallEnd),
            Self::Usage(output) => tell(Part::Usage(TokenUsage::new(0, *output))),
            Self::Ping => tell(Part::Meta),
            Self::End => tell(Part::End),
            Self::Stopped(kind) => tell(Part::Stopped(&Verdict::new(*kind))),
            Self::TextAndEnd(text) => {
                tell(Part::Text(text));
                tell(Part::End);
            }
        }
    }
}

/// What a scripted stream does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Give(Item),
    /// So many seconds pass.
    Wait(u64),
    Fail(FailureKind),
    /// Nothing comes any more.
    Stall,
}

pub(crate) struct Scripted {
    steps: VecDeque<Step>,
    wait: Option<Pin<Box<Sleep>>>,
}

pub(crate) fn stream(steps: impl IntoIterator<Item = Step>) -> Scripted {
    Scripted {
        steps: steps.into_iter().collect(),
        wait: None,
    }
}

impl Stream for Scripted {
    type Item = Result<Item, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            match self.steps.front() {
                None => return Poll::Ready(None),
                Some(Step::Stall) => return Poll::Pending,
                Some(_) => {}
            }
            match self.steps.pop_front() {
                Some(Step::Give(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Step::Fail(kind)) => {
                    return Poll::Ready(Some(Err(Verdict::new(kind).into())));
                }
                Some(Step::Wait(seconds)) => {
                    let length = Duration::from_secs(seconds);
                    self.wait = Some(Box::pin(tokio::time::sleep(length)));
                }
                Some(Step::Stall) | None => return Poll::Pending,
            }
        }
    }
}

/// Everything at once, then the end of the connection.
pub(crate) fn items(items: impl IntoIterator<Item = Item>) -> Scripted {
    stream(items.into_iter().map(Step::Give))
}

pub(crate) fn limits() -> StreamLimits {
    StreamLimits::default()
        .first_token(Duration::from_secs(20))
        .idle(Duration::from_secs(10))
        .total(Duration::from_secs(100))
}

/// What came, and how it ended.
pub(crate) struct Read {
    pub(crate) items: Vec<Item>,
    pub(crate) error: Option<StreamError>,
    /// When the last of it came.
    pub(crate) seconds: u64,
}

impl Read {
    pub(crate) fn kind(&self) -> Option<FailureKind> {
        Some(self.error.as_ref()?.verdict().kind)
    }

    pub(crate) fn may_continue(&self) -> bool {
        let partial = self.error.as_ref().and_then(StreamError::partial);
        partial.is_some_and(agent_resilience::Partial::may_continue)
    }
}

pub(crate) async fn read(inner: Scripted, limits: StreamLimits) -> Read {
    let clock = PausedClock::new();
    read_on(GuardedStream::new(inner, limits).clock(clock), clock).await
}

/// Reads to the end, and makes sure that it is the end.
pub(crate) async fn read_on(mut guarded: GuardedStream<Scripted>, clock: PausedClock) -> Read {
    let (mut items, mut error) = (Vec::new(), None);
    while let Some(item) = guarded.next().await {
        assert!(error.is_none(), "an error is the last item");
        match item {
            Ok(item) => items.push(item),
            Err(failed) => error = Some(failed),
        }
    }
    assert!(guarded.next().await.is_none(), "the end is the end");
    assert_eq!(guarded.is_complete(), error.is_none());
    assert_eq!(guarded.delivered().items, items.len() as u64);
    Read {
        items,
        error,
        seconds: clock.seconds(),
    }
}
