//! Asking resting providers whether they work again.

use agent_primitives::ProviderId;

use super::{FallbackChain, Link};
use crate::failure::Failure;

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Probes every resting provider whose time has come, one after the other, and says how each
    /// probe went. A provider that passes may be called again at once, unless it named the time
    /// itself; one that fails rests for at least another
    /// [`probe_every`](super::FallbackConfig::probe_every). Providers without a probe are left alone.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the provider that was being probed for the next time.
    pub async fn probe_due(&self) -> Vec<(ProviderId, Result<(), Failure>)> {
        let mut outcomes = Vec::new();
        for (index, link) in self.shared.links.iter().enumerate() {
            if let Some(outcome) = self.probe(index, link).await {
                outcomes.push((link.id.clone(), outcome));
            }
        }
        outcomes
    }

    /// Probes one provider, if it is due and can be probed.
    async fn probe(&self, index: usize, link: &Link<Req, Rep>) -> Option<Result<(), Failure>> {
        let every = self.shared.config.probe_every;
        let now = self.shared.clock.monotonic();
        if !self.lock().claim_probe(index, every, now) {
            return None;
        }
        let Some(outcome) = link.provider.probe().await else {
            // Who shares what rests may have a probe.
            self.lock().release_probe(index, every, now);
            return None;
        };
        tracing::debug!(gen_ai.provider.name = %link.id, works = outcome.is_ok(), "probe");
        let now = self.shared.clock.monotonic();
        let works_again = self.lock().probed(index, outcome.is_ok(), every, now);
        if works_again {
            // The next request is the real test.
            self.breaker_of(link).half_open();
        }
        Some(outcome)
    }
}

/// Probes in the background; dropping it ends that.
///
/// ```
/// # use agent_resilience::*; use agent_primitives::*;
/// # struct P(ProviderId);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for P {
/// #     type Reply = ();
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<(), Failure> { Ok(()) }
/// # }
/// # let claude = P(ProviderId::new("claude").unwrap());
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(claude).build().unwrap();
/// let probes = chain.spawn_probes();
/// assert!(!probes.is_finished());
/// # });
/// ```
#[cfg(feature = "tokio")]
#[derive(Debug)]
#[must_use = "dropping it ends the probes"]
pub struct ProbeTask(tokio::task::JoinHandle<()>);

#[cfg(feature = "tokio")]
impl ProbeTask {
    /// Whether the task ended, which it does only with its runtime.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

#[cfg(feature = "tokio")]
impl Drop for ProbeTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(feature = "tokio")]
impl<Req: ?Sized + 'static, Rep: Send + 'static> FallbackChain<Req, Rep> {
    /// Probes each resting provider every [`probe_every`](super::FallbackConfig::probe_every) on the
    /// present tokio runtime until the task is dropped. Idle while nobody rests; a probe that takes
    /// longer than that time is given up, so that it does not keep the others waiting.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn_probes(&self) -> ProbeTask {
        let chain = self.clone();
        ProbeTask(tokio::spawn(async move {
            let every = chain.shared.config.probe_every;
            loop {
                chain.shared.sleep.sleep(every).await;
                for (index, link) in chain.shared.links.iter().enumerate() {
                    // Nothing to do about a probe that hangs: the provider stays at rest.
                    let _ = tokio::time::timeout(every, chain.probe(index, link)).await;
                }
            }
        }))
    }
}
