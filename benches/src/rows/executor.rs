//! How the futures of a case are run, and cases made of futures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

use super::operation::repeat;
use crate::harness::{Broken, Case, Kind, ready, version_of};

/// Runs one future after the other on the thread that measures. Clones share their runtimes.
#[derive(Debug, Clone)]
pub(super) enum Executor {
    /// For futures that are ready when nobody else is in their way: polled until they are. The
    /// runtime beside them has only its clock to run, for those who make tokio's timers or, between
    /// two threads, wait on one.
    Spinning(Arc<Runtime>),
    /// For futures that wake themselves: each call enters a runtime of its thread's own.
    Waking(Runtimes),
}

impl Executor {
    pub(super) fn spinning() -> Result<Self, Broken> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .map_err(Broken::when("start a runtime"))?;
        Ok(Self::Spinning(Arc::new(runtime)))
    }

    pub(super) fn waking() -> Self {
        Self::Waking(Runtimes::default())
    }

    /// A case that calls what `handle` makes, which it does once for each batch and thread.
    pub(super) fn case<H, C, T, E>(
        &self,
        kind: Kind,
        name: &str,
        version: impl Into<String>,
        handle: H,
    ) -> Case
    where
        H: Fn() -> C + Send + Sync + 'static,
        C: AsyncFnMut(u32) -> Result<T, E>,
    {
        match self.clone() {
            Self::Spinning(runtime) => Case::looped(kind, name, version, move |calls| {
                let _context = runtime.enter();
                let mut call = handle();
                repeat(calls, |number| ready(call(number)).is_ok());
            }),
            Self::Waking(runtimes) => Case::looped(kind, name, version, move |calls| {
                runtimes.lend(|runtime| {
                    let mut call = {
                        // Some services make a timer when they are made.
                        let _context = runtime.enter();
                        handle()
                    };
                    repeat(calls, |number| runtime.block_on(call(number)).is_ok());
                });
            }),
        }
    }

    /// A case that calls `service`. The threads share what its clones share, as the documentation of
    /// these crates has it.
    pub(super) fn service<S>(&self, name: &str, package: &str, service: S) -> Case
    where
        S: Service<u32, Response = u32> + Clone + Send + Sync + 'static,
    {
        self.case(Kind::Peer, name, version_of(package), move || {
            let mut service = service.clone();
            async move |number| service.ready().await?.call(number).await
        })
    }
}

/// Idle runtimes, as many as threads ever ran at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Runtimes(Arc<Mutex<Vec<Runtime>>>);

impl Runtimes {
    /// # Panics
    /// When the system has no runtime to give: the loop of a case has no other way to fail.
    fn lend(&self, work: impl FnOnce(&Runtime)) {
        let idle = self.idle().pop();
        let runtime = idle.unwrap_or_else(|| {
            let started = Builder::new_current_thread().enable_time().build();
            started.unwrap_or_else(|error| panic!("cannot start a runtime: {error}"))
        });
        work(&runtime);
        self.idle().push(runtime);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Runtime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
