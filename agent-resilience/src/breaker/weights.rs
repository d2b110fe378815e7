//! What a failure says about the service behind a breaker.

use std::collections::BTreeMap;
use std::fmt;

use agent_primitives::{FailureKind, Scope};
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::classify::Verdict;

const KINDS: usize = FailureKind::ALL.len();

/// How many failures a failure counts as, by its kind: 0 to 255.
///
/// By default failures of the service count as one (overload, errors inside, timeouts, broken
/// connections and streams, and what nobody can place) and all others as none. A limit says nothing
/// about the service's health: a cooldown answers it.
///
/// A failure of weight 2 counts as two failed calls, in a row and in the window alike. As data it is a
/// map of what differs from the default.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::FailureWeights;
///
/// let weights: FailureWeights = serde_json::from_str(r#"{"timeout": 2, "rate_limited": 1}"#)?;
/// assert_eq!(weights.of(FailureKind::Timeout), 2);
/// assert_eq!(weights.of(FailureKind::Server), 1);
/// assert_eq!(weights, FailureWeights::default()
///     .with(FailureKind::Timeout, 2)
///     .with(FailureKind::RateLimited, 1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FailureWeights([u8; KINDS]);

impl Default for FailureWeights {
    fn default() -> Self {
        [
            FailureKind::Overloaded,
            FailureKind::Server,
            FailureKind::Timeout,
            FailureKind::Network,
            FailureKind::StreamCut,
            FailureKind::Unknown,
        ]
        .into_iter()
        .fold(Self([0; KINDS]), |weights, kind| weights.with(kind, 1))
    }
}

impl FailureWeights {
    /// Lets each failure of `kind` count as `weight` failures.
    #[must_use]
    pub fn with(mut self, kind: FailureKind, weight: u8) -> Self {
        if let Some(place) = self.0.get_mut(kind as usize) {
            *place = weight;
        }
        self
    }

    /// How many failures one of `kind` counts as.
    pub fn of(&self, kind: FailureKind) -> u8 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    fn differences(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let usual = Self::default();
        FailureKind::ALL
            .iter()
            .filter(move |kind| self.of(**kind) != usual.of(**kind))
            .map(|kind| (kind.as_str(), self.of(*kind)))
    }
}

impl fmt::Debug for FailureWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weighed = FailureKind::ALL.iter().map(|kind| (kind, self.of(*kind)));
        f.debug_map()
            .entries(weighed.filter(|(_, weight)| *weight > 0))
            .finish()
    }
}

impl Serialize for FailureWeights {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.differences().count()))?;
        for (kind, weight) in self.differences() {
            map.serialize_entry(kind, &weight)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for FailureWeights {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = BTreeMap::<String, u8>::deserialize(from)?;
        given
            .into_iter()
            .try_fold(Self::default(), |weights, (word, weight)| {
                // A misspelt kind must not pass as `unknown`.
                let kind = FailureKind::from_word(&word).ok_or_else(|| {
                    D::Error::custom(format_args!(
                        "{word:?} is no kind of failure, such as \"timeout\""
                    ))
                })?;
                Ok(weights.with(kind, weight))
            })
    }
}

/// What a failed call was about: all that a breaker wants to know of it.
///
/// Made from a verdict, from a kind with its scope, or from a kind alone, whose usual scope is taken.
///
/// ```
/// use agent_primitives::{FailureKind, Scope};
/// use agent_resilience::Cause;
/// use agent_resilience::classify::Verdict;
///
/// let verdict = Verdict::new(FailureKind::Auth);
/// assert_eq!(Cause::from(&verdict), Cause::from((FailureKind::Auth, Scope::Key)));
/// assert_eq!(Cause::from(FailureKind::Auth).scope, Scope::Key);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// What went wrong.
    pub kind: FailureKind,
    /// What else would fail in the same way now.
    pub scope: Scope,
}

impl From<&Verdict> for Cause {
    fn from(verdict: &Verdict) -> Self {
        let Verdict { kind, scope, .. } = *verdict;
        Self { kind, scope }
    }
}

impl From<(FailureKind, Scope)> for Cause {
    fn from((kind, scope): (FailureKind, Scope)) -> Self {
        Self { kind, scope }
    }
}

impl From<FailureKind> for Cause {
    fn from(kind: FailureKind) -> Self {
        Self::from(&Verdict::new(kind))
    }
}

/// What a failed call says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vote {
    /// It fails; counts so often.
    Against(u16),
    /// It works: it answered.
    For,
    /// Nothing.
    Abstain,
}

pub(super) fn vote(weights: &FailureWeights, guards: Scope, cause: Cause) -> Vote {
    match weights.of(cause.kind) {
        weight if weight > 0 && cause.scope >= guards => Vote::Against(weight.into()),
        _ if answers(cause.kind) => Vote::For,
        _ => Vote::Abstain,
    }
}

/// Whether the failure is the answer of a service that works.
fn answers(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::ContextTooLong
            | FailureKind::PayloadTooLarge
            | FailureKind::OutputLimit
            | FailureKind::Auth
            | FailureKind::Permission
            | FailureKind::NotFound
            | FailureKind::InvalidRequest
            | FailureKind::ContentPolicy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cause: impl Into<Cause>) -> Vote {
        vote(&FailureWeights::default(), Scope::Model, cause.into())
    }

    #[test]
    fn a_failure_narrower_than_what_is_guarded_is_no_vote_against_it() {
        assert_eq!(of(FailureKind::Server), Vote::Against(1));
        assert_eq!(of((FailureKind::Server, Scope::Request)), Vote::Abstain);
        assert_eq!(of((FailureKind::Overloaded, Scope::Key)), Vote::Abstain);
        assert_eq!(
            of((FailureKind::Overloaded, Scope::Model)),
            Vote::Against(1)
        );
    }

    #[test]
    fn an_answer_that_refuses_shows_that_the_service_works() {
        assert_eq!(of(FailureKind::Auth), Vote::For);
        assert_eq!(of(FailureKind::RateLimited), Vote::Abstain);
        assert_eq!(of(FailureKind::Cancelled), Vote::Abstain);
    }

    #[test]
    fn a_breaker_of_one_key_counts_what_its_host_weighs() {
        let weights = FailureWeights::default().with(FailureKind::Auth, 3);
        let auth = Cause::from(FailureKind::Auth);
        assert_eq!(vote(&weights, Scope::Key, auth), Vote::Against(3));
        assert_eq!(vote(&weights, Scope::Model, auth), Vote::For);
    }

    #[test]
    fn a_weight_taken_away_is_no_vote_for_a_service_that_did_not_answer() {
        let weights = FailureWeights::default().with(FailureKind::Timeout, 0);
        let timeout = Cause::from(FailureKind::Timeout);
        assert_eq!(vote(&weights, Scope::Model, timeout), Vote::Abstain);
    }

    #[test]
    fn weights_survive_being_written_and_misspelt_kinds_are_refused() {
        let weights = FailureWeights::default()
            .with(FailureKind::Server, 0)
            .with(FailureKind::Auth, 9);
        let text = serde_json::to_string(&weights).unwrap();
        assert_eq!(text, r#"{"auth":9,"server":0}"#);
        assert_eq!(
            serde_json::from_str::<FailureWeights>(&text).unwrap(),
            weights
        );
        let error = serde_json::from_str::<FailureWeights>(r#"{"timeuot": 2}"#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("\"timeuot\" is no kind of failure"),
            "{error}"
        );
    }

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for (place, kind) in FailureKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place, "{kind}");
        }
    }
}
