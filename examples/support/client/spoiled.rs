//! Why a reply under status 200 is no answer.

use agent_primitives::FailureKind;
use agent_resilience::Failure;
use agent_resilience::classify::{Evidence, Verdict};

/// What spoiled a reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum Spoiled {
    #[error("the reply broke off")]
    Cut(#[source] reqwest::Error),
    #[error("the reply ended before the answer was complete")]
    Unfinished,
    #[error("the reply is not what this vendor sends: {0}")]
    Garbled(String),
    #[error("the reply has more than {0} bytes")]
    TooLarge(usize),
    #[error("nothing came for {0:?}")]
    Stalled(std::time::Duration),
    #[error("the answer was not complete after {0:?}")]
    Late(std::time::Duration),
    #[error("the provider reported an error inside the reply: {0}")]
    Reported(String, Box<Verdict>),
    #[error("the answer was stopped: {0}")]
    Stopped(&'static str, FailureKind),
}

impl From<serde_json::Error> for Spoiled {
    fn from(error: serde_json::Error) -> Self {
        Self::Garbled(error.to_string())
    }
}

impl From<Spoiled> for Failure {
    fn from(spoiled: Spoiled) -> Self {
        let stream = |kind| Verdict::new(kind).evidence(Evidence::Stream);
        let verdict = match &spoiled {
            Spoiled::Cut(_) | Spoiled::Unfinished | Spoiled::Garbled(_) => {
                stream(FailureKind::StreamCut)
            }
            Spoiled::TooLarge(_) => stream(FailureKind::Server),
            Spoiled::Stalled(_) | Spoiled::Late(_) => stream(FailureKind::Timeout),
            Spoiled::Reported(_, verdict) => (**verdict).clone(),
            Spoiled::Stopped(_, kind) => stream(*kind),
        };
        Self::new(verdict).with_source(spoiled)
    }
}
