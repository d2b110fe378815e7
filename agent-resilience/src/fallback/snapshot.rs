//! What a chain has learned of health, kept over a restart.

use std::time::Duration;

use agent_primitives::{FailureKind, HandoffReason, Monotonic, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};

use super::FallbackChain;
use super::health::Health;
use super::scopes::Reach;

/// Who rests and until when, as data that outlives the process.
///
/// As many entries as the chain has health entries at the most, five for each provider. Circuit breakers,
/// counts of limits and figures of strategies begin anew.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{FailureKind, ManualClock, ProviderId};
/// use agent_resilience::ChainSnapshot;
/// # use agent_resilience::{classify::Verdict, *};
/// # struct Named(ProviderId, Option<FailureKind>);
/// # #[async_trait::async_trait]
/// # impl Provider<str> for Named {
/// #     type Reply = String;
/// #     fn id(&self) -> &ProviderId { &self.0 }
/// #     async fn call(&self, _: &str) -> Result<String, Failure> {
/// #         self.1.map_or(Ok("fine".into()), |kind| Err(Verdict::new(kind).into()))
/// #     }
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let groq = || Named(ProviderId::new("groq").unwrap(), Some(FailureKind::QuotaExhausted));
/// let clock = ManualClock::default();
/// let chain = FallbackChain::builder().provider(groq()).clock(clock.clone()).build()?;
/// chain.call("hello").await.unwrap_err();
/// let kept = serde_json::to_string(&chain.snapshot())?;
///
/// clock.advance(Duration::from_secs(600));
/// let chain = FallbackChain::builder().provider(groq()).clock(clock).build()?;
/// assert_eq!(chain.restore(&serde_json::from_str(&kept)?), 0, "nobody was unknown");
/// assert_eq!(chain.status()[0].rests_for, Some(Duration::from_secs(3_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSnapshot {
    rests: Vec<RestEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestEntry {
    /// One of those that share it.
    provider: ProviderId,
    reach: Reach,
    own_until: Option<Timestamp>,
    named_until: Option<Timestamp>,
    in_row: u32,
    failure: Option<FailureKind>,
    reason: HandoffReason,
}

/// What of a health entry outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lasting {
    pub(super) own_left: Option<Duration>,
    pub(super) named_left: Option<Duration>,
    pub(super) in_row: u32,
    pub(super) failure: Option<FailureKind>,
    pub(super) reason: HandoffReason,
}

impl<Req: ?Sized, Rep: Send> FallbackChain<Req, Rep> {
    /// Who rests now and until when.
    pub fn snapshot(&self) -> ChainSnapshot {
        let (now, at) = (self.shared.clock.monotonic(), self.shared.clock.timestamp());
        let state = self.lock();
        let mut seen = vec![false; state.healths.len()];
        let mut rests = Vec::new();
        for (link, standing) in self.shared.links.iter().zip(&state.links) {
            for reach in Reach::ALL {
                let place = standing.places.at(reach);
                let Some(lasting) = state.healths.get(place).and_then(|h| h.lasting(now)) else {
                    continue;
                };
                if seen.get(place) == Some(&false) {
                    rests.push(RestEntry {
                        provider: link.id.clone(),
                        reach,
                        own_until: lasting.own_left.map(|left| at + left),
                        named_until: lasting.named_left.map(|left| at + left),
                        in_row: lasting.in_row,
                        failure: lasting.failure,
                        reason: lasting.reason,
                    });
                }
                if let Some(seen) = seen.get_mut(place) {
                    *seen = true;
                }
            }
        }
        ChainSnapshot { rests }
    }

    /// Goes on from a snapshot, of this chain or of one that had other providers as well: returns how
    /// many entries were of providers that this one does not have. What rests already rests for the
    /// longer of both; nobody rests for longer than [`Rest::longest_hint`](crate::Rest::longest_hint).
    pub fn restore(&self, snapshot: &ChainSnapshot) -> usize {
        let (now, at) = (self.shared.clock.monotonic(), self.shared.clock.timestamp());
        let longest = self.shared.config.rest.longest_hint;
        let left = |until: Option<Timestamp>| {
            let left = until.map(|until| until.since(at).min(longest));
            left.filter(|left| !left.is_zero())
        };
        let mut unknown = 0;
        let mut state = self.lock();
        for entry in &snapshot.rests {
            let place = self
                .position(&entry.provider)
                .and_then(|index| state.links.get(index))
                .map(|standing| standing.places.at(entry.reach));
            let Some(health) = place.and_then(|place| state.healths.get_mut(place)) else {
                unknown += 1;
                continue;
            };
            let lasting = Lasting {
                own_left: left(entry.own_until),
                named_left: left(entry.named_until),
                in_row: entry.in_row,
                failure: entry.failure,
                reason: entry.reason,
            };
            health.go_on(lasting, self.shared.config.probe_every, now);
        }
        unknown
    }
}

impl Health {
    /// What of it outlives the process; nothing where the chain never turned away.
    fn lasting(&self, now: Monotonic) -> Option<Lasting> {
        let left = |until: Option<Monotonic>| until.map(|until| until.since(now));
        let (own, named) = self.until();
        Some(Lasting {
            own_left: left(own).filter(|left| !left.is_zero()),
            named_left: left(named).filter(|left| !left.is_zero()),
            in_row: self.in_row(),
            failure: self.last_failure,
            reason: self.left_because?,
        })
    }
}
