//! The last decisions of a chain, for a person to look at.

use std::collections::VecDeque;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use crate::route::Decision;

/// One choice of a chain: which request it was for, and what became of each provider.
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
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let chain = FallbackChain::builder().provider(claude).build().unwrap();
/// chain.call("hello").await.unwrap();
/// let record = &chain.decisions()[0];
/// assert_eq!((record.request, record.decision.chosen()), (1, Some(0)));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DecisionRecord {
    /// When.
    pub at: Timestamp,
    /// The request's number: the chain's first is 1. A request that goes on to another provider has
    /// several decisions.
    pub request: u64,
    /// What was chosen, and why not the others, in the chain's order of providers.
    pub decision: Decision,
}

/// As many as there is room for; the oldest go.
#[derive(Debug)]
pub(super) struct DecisionLog {
    kept: VecDeque<DecisionRecord>,
    room: usize,
    dropped: u64,
}

impl DecisionLog {
    pub(super) fn new(room: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            room,
            dropped: 0,
        }
    }

    pub(super) fn push(&mut self, record: DecisionRecord) {
        if self.room == 0 {
            return;
        }
        if self.kept.len() >= self.room {
            self.kept.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.kept.push_back(record);
    }

    pub(super) fn to_vec(&self) -> Vec<DecisionRecord> {
        self.kept.iter().cloned().collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
