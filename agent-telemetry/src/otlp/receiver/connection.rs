//! Driving one connection to its end: its own, that of patience, or that of the receiver.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::patience::{Patience, Phase};
use super::shared::Shared;

/// When there is no deadline, it is looked again after this time.
const FAR: Duration = Duration::from_secs(3_600);

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// By its own, or in peace.
    Well,
    /// The sender was idle for too long.
    Idle,
    /// The sender was too slow.
    TimedOut,
    /// It broke, or something else than HTTP came.
    Broken,
}

/// Polls `connection` until it ends. When the receiver stops, and when the sender is idle for too long, it is told to
/// `stop`: to end after the requests under way.
pub(super) async fn drive<C>(
    connection: C,
    stop: impl Fn(Pin<&mut C>),
    patience: &Patience,
    shared: &Shared,
) -> Ended
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let mut signal = shared.stopping.subscribe();
    let mut stopping = pin!(async move { signal.wait_for(|it| *it).await.is_ok() });
    let mut alarm = pin!(sleep_until(Instant::now() + FAR));
    let (mut stopped, mut idle_until) = (false, None);
    poll_fn(|cx| {
        if !stopped && stopping.as_mut().poll(cx).is_ready() {
            stopped = true;
            stop(connection.as_mut());
        }
        loop {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                return Poll::Ready(match end {
                    _ if idle_until.is_some() => Ended::Idle,
                    Ok(()) => Ended::Well,
                    // A sender that is gone when it is told so, or before it was told anything, is nothing special.
                    Err(error) if error.is_shutdown() => Ended::Well,
                    Err(_) => Ended::Broken,
                });
            }
            let now = Instant::now();
            let deadline = idle_until.or_else(|| patience.deadline(&shared.limits));
            let deadline = deadline.unwrap_or_else(|| now + FAR);
            // Not asked of the alarm, which may not go off in a task that always has something to read.
            if now < deadline {
                // An alarm that comes too early is cheaper than one that is set anew with each request.
                if deadline < alarm.deadline() || alarm.is_elapsed() {
                    alarm.as_mut().reset(deadline);
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                continue;
            }
            match patience.phase() {
                Phase::Idle if idle_until.is_none() => {
                    idle_until = now.checked_add(shared.limits.header_timeout);
                    stop(connection.as_mut());
                }
                Phase::Idle => return Poll::Ready(Ended::Idle),
                // What was to be said is said.
                Phase::Linger => return Poll::Ready(Ended::Well),
                _ => return Poll::Ready(Ended::TimedOut),
            }
        }
    })
    .await
}

pub(super) fn count(ended: Ended, shared: &Shared) {
    let counters = &shared.counters;
    match ended {
        Ended::Well => {}
        Ended::Idle => counters.idle.add(1),
        Ended::TimedOut => counters.timed_out.add(1),
        Ended::Broken => counters.broken.add(1),
    }
}
