//! One item of a stream under watch: ready at once, and after a wait.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use agent_resilience::{Failure, GuardedStream, Part, StreamItem, StreamLimits};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_stream::{Stream, StreamExt};

use super::executor::{Ending, Executor};
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// Longer than any item here takes.
const IDLE: Duration = Duration::from_secs(60);

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("stream, item that is ready", |name| {
            Ok(Group::new(
                name,
                cases(&Executor::spinning()?, Source::ready)?,
            ))
        }),
        Plan::new("stream, item that suspends once", |name| {
            Ok(Group::new(
                name,
                cases(&Executor::waking()?, Source::later)?,
            ))
        }),
    ]
}

fn cases(executor: &Executor, source: fn() -> Source) -> Result<Vec<Case>, Broken> {
    Ok(vec![
        case(executor, Kind::Floor, "the bare stream", "", source)?,
        case(
            executor,
            Kind::Ours,
            "guarded stream",
            version_of("agent-resilience"),
            move || GuardedStream::new(source(), StreamLimits::default()),
        )?,
        case(
            executor,
            Kind::Peer,
            "tokio-stream timeout, idle alone",
            version_of("tokio-stream"),
            move || source().timeout(IDLE),
        )?,
        executor.case(
            Kind::Peer,
            "tokio timeout around each item, idle alone",
            version_of("tokio"),
            Ending::Answered,
            move || {
                let mut stream = source();
                async move |_| timeout(IDLE, stream.next()).await.map_err(drop)?.ok_or(())
            },
        )?,
        case(
            executor,
            Kind::Peer,
            "written by hand, three timers",
            "",
            move || ByHand::new(source()),
        )?,
    ])
}

fn case<S, N>(
    executor: &Executor,
    kind: Kind,
    name: &str,
    version: &str,
    new: N,
) -> Result<Case, Broken>
where
    S: Stream,
    N: Fn() -> S + Send + Sync + 'static,
{
    executor.case(kind, name, version, Ending::Answered, move || {
        let mut stream = Box::pin(new());
        async move |_| stream.next().await.ok_or(())
    })
}

/// A piece of an answer.
struct Chunk(&'static str);

impl StreamItem for Chunk {
    fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
        tell(Part::Text(self.0));
    }
}

/// Has no end.
struct Source {
    waits: bool,
    waited: bool,
}

impl Source {
    const fn ready() -> Self {
        Self {
            waits: false,
            waited: false,
        }
    }

    const fn later() -> Self {
        Self {
            waits: true,
            waited: false,
        }
    }
}

impl Stream for Source {
    type Item = Result<Chunk, Failure>;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.waits && !self.waited {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        Poll::Ready(Some(Ok(Chunk(std::hint::black_box("token")))))
    }
}

/// What hosts write: a timer for the first token, one that is set anew with each item, and one over all.
struct ByHand {
    inner: Source,
    has_begun: bool,
    first: Pin<Box<Sleep>>,
    idle: Pin<Box<Sleep>>,
    total: Pin<Box<Sleep>>,
}

impl ByHand {
    fn new(inner: Source) -> Self {
        Self {
            inner,
            has_begun: false,
            first: Box::pin(sleep(IDLE)),
            idle: Box::pin(sleep(IDLE)),
            total: Box::pin(sleep(10 * IDLE)),
        }
    }
}

impl Stream for ByHand {
    type Item = Result<Chunk, Option<Failure>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(item) = Pin::new(&mut this.inner).poll_next(cx) {
            this.has_begun = true;
            this.idle.as_mut().reset(Instant::now() + IDLE);
            return Poll::Ready(item.map(|item| item.map_err(Some)));
        }
        let own = if this.has_begun {
            &mut this.idle
        } else {
            &mut this.first
        };
        if own.as_mut().poll(cx).is_ready() || this.total.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(None)));
        }
        Poll::Pending
    }
}
