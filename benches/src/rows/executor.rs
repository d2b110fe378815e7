//! How the futures of a case are run, and cases made of futures.

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

use super::operation::repeat;
use crate::harness::{Broken, Case, Kind, ready, version_of};

/// How the calls of a case end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the answer.
    Answered,
    /// Without a call. A limit lets the first one through.
    TurnedAway,
}

/// Runs one future after the other on the thread that measures. The runtime beside it has only its
/// clock to run, for those who make tokio's timers or, between two threads, wait on one. Clones share
/// it.
#[derive(Debug, Clone)]
pub(super) enum Executor {
    /// For futures that are ready when nobody else is in their way: polled until they are.
    Spinning(Arc<Runtime>),
    /// For futures that wake themselves: each call enters the runtime and leaves it.
    Waking(Arc<Runtime>),
}

impl Executor {
    pub(super) fn spinning() -> Result<Self, Broken> {
        clock().map(Self::Spinning)
    }

    pub(super) fn waking() -> Result<Self, Broken> {
        clock().map(Self::Waking)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Spinning(runtime) | Self::Waking(runtime) => runtime.block_on(future),
        }
    }

    /// A case that calls what `handle` makes, which it does once for each batch and thread.
    ///
    /// # Errors
    /// When the second call does not end as `ending` says: then something else would be measured.
    pub(super) fn case<H, C, T, E>(
        &self,
        kind: Kind,
        name: &str,
        version: impl Into<String>,
        ending: Ending,
        handle: H,
    ) -> Result<Case, Broken>
    where
        H: Fn() -> C + Send + Sync + 'static,
        C: AsyncFnMut(u32) -> Result<T, E>,
    {
        let seen = self.block_on(async {
            let mut call = handle();
            let _ = call(0).await;
            call(1)
                .await
                .map_or(Ending::TurnedAway, |_| Ending::Answered)
        });
        if seen != ending {
            let why = format!("its calls end as {seen:?} instead of {ending:?}");
            return Err(Broken::new(format!("set up {name:?}"), why));
        }
        Ok(match self.clone() {
            Self::Spinning(runtime) => Case::looped(kind, name, version, move |calls| {
                let _context = runtime.enter();
                let mut call = handle();
                repeat(calls, |number| ready(call(number)).is_ok());
            }),
            Self::Waking(runtime) => Case::looped(kind, name, version, move |calls| {
                let mut call = {
                    // Some services make a timer when they are made.
                    let _context = runtime.enter();
                    handle()
                };
                repeat(calls, |number| runtime.block_on(call(number)).is_ok());
            }),
        })
    }

    /// A case that calls `service`. The threads share what its clones share, as the documentation of
    /// these crates has it.
    pub(super) fn service<S>(
        &self,
        name: &str,
        package: &str,
        ending: Ending,
        service: S,
    ) -> Result<Case, Broken>
    where
        S: Service<u32, Response = u32> + Clone + Send + Sync + 'static,
    {
        self.case(Kind::Peer, name, version_of(package), ending, move || {
            let mut service = service.clone();
            async move |number| service.ready().await?.call(number).await
        })
    }
}

/// A runtime with nothing to run but its clock.
fn clock() -> Result<Arc<Runtime>, Broken> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .map(Arc::new)
        .map_err(Broken::when("start a runtime"))
}

#[cfg(test)]
mod tests {
    use super::super::operation::{Refused, answer_async};
    use super::*;

    fn set_up(ending: Ending, answers: bool) -> Result<Case, Broken> {
        Executor::spinning()?.case(Kind::Peer, "one", "1", ending, move || {
            async move |number| {
                if answers {
                    answer_async(number).await
                } else {
                    Err(Refused)
                }
            }
        })
    }

    #[test]
    fn case_that_ends_otherwise_than_it_says_is_broken() {
        assert!(set_up(Ending::Answered, true).is_ok());
        assert!(set_up(Ending::TurnedAway, false).is_ok());
        let broken = set_up(Ending::Answered, false).unwrap_err().to_string();
        assert!(
            broken.contains("TurnedAway instead of Answered"),
            "{broken}"
        );
        assert!(set_up(Ending::TurnedAway, true).is_err());
    }
}
