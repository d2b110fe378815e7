//! A provider whose key is not there: it is passed over, and nothing is remembered against it.

use agent_primitives::{FailureKind, ProviderId, Scope};
use agent_resilience::classify::Verdict;
use agent_resilience::{Failure, Provider};
use support::{ChatReply, ChatRequest};

/// Says what is missing in place of an answer.
pub(crate) struct Keyless {
    pub(crate) name: ProviderId,
    pub(crate) missing: String,
}

impl Keyless {
    /// The failure of this run alone: the key may be there for the next.
    pub(crate) fn failure(missing: &str) -> Failure {
        let verdict = Verdict::new(FailureKind::Auth).scope(Scope::Request);
        Failure::new(verdict).with_source(missing.to_owned())
    }
}

#[async_trait::async_trait]
impl Provider<ChatRequest> for Keyless {
    type Reply = ChatReply;

    fn id(&self) -> &ProviderId {
        &self.name
    }

    async fn call(&self, _: &ChatRequest) -> Result<ChatReply, Failure> {
        Err(Self::failure(&self.missing))
    }
}
