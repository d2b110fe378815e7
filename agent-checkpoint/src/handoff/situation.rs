//! Recognises what kind of handoff it is from what the host knows.

use agent_primitives::{ContextPressure, FailureKind, HandoffReason};
use serde::{Deserialize, Serialize};

use super::Scenario;

/// From this share of the window on, in percent, a context counts as full.
pub const FULL_PERCENT: u64 = 70;

/// Who takes the work.
///
/// ```
/// assert_eq!(
///     agent_checkpoint::handoff::Taker::default(),
///     agent_checkpoint::handoff::Taker::Agent,
/// );
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Taker {
    /// An agent, the same one with another model or session included.
    #[default]
    Agent,
    /// An agent that does a part and gives it back.
    Helper,
    /// The agent that gave the work in the first place.
    Giver,
    /// A person.
    Person,
}

/// What a host knows when work is about to change hands. Every field may be left as it is.
///
/// ```
/// use agent_checkpoint::handoff::{Scenario, Situation, Taker};
/// use agent_primitives::{ContextPressure, FailureKind};
///
/// let mut now = Situation::default();
/// assert_eq!(now.scenario(), Scenario::Planned);
/// now.context = Some(ContextPressure::new(150_000, 200_000));
/// assert_eq!(now.scenario(), Scenario::ContextFull);
/// now.failure = Some(FailureKind::RateLimited);
/// assert_eq!(now.scenario(), Scenario::ProviderLimited);
/// now.taker = Taker::Person;
/// assert_eq!(now.scenario(), Scenario::Person);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Situation {
    /// Who takes the work.
    pub taker: Taker,
    /// Whether the giver is gone: its process ended without giving anything over.
    pub giver_is_gone: bool,
    /// Why work changes hands, where somebody said so.
    pub reason: Option<HandoffReason>,
    /// What a call failed with, where one did.
    pub failure: Option<FailureKind>,
    /// How full the context is, where that is known.
    pub context: Option<ContextPressure>,
}

impl Situation {
    /// What kind of handoff it is; pure. The first of these that holds decides:
    ///
    /// 1. A person takes the work: [`Scenario::Person`].
    /// 2. The giver is gone: [`Scenario::Crashed`].
    /// 3. Who gave the work takes it back: [`Scenario::Returned`]; a helper takes a part of it:
    ///    [`Scenario::Delegated`].
    /// 4. The reason that was said, unless it is [`Manual`](HandoffReason::Manual) or
    ///    [`Other`](HandoffReason::Other), which say too little.
    /// 5. What a call failed with.
    /// 6. A context of [`FULL_PERCENT`] or more: [`Scenario::ContextFull`].
    /// 7. Otherwise [`Scenario::Planned`].
    pub fn scenario(&self) -> Scenario {
        match self.taker {
            Taker::Person => return Scenario::Person,
            _ if self.giver_is_gone => return Scenario::Crashed,
            Taker::Giver => return Scenario::Returned,
            Taker::Helper => return Scenario::Delegated,
            Taker::Agent => {}
        }
        let said = self.reason.and_then(of_reason);
        let failed = || self.failure.map(of_failure);
        let is_full = self.context.is_some_and(|c| c.percent() >= FULL_PERCENT);
        let full = || is_full.then_some(Scenario::ContextFull);
        said.or_else(failed).or_else(full).unwrap_or_default()
    }
}

fn of_reason(reason: HandoffReason) -> Option<Scenario> {
    Some(match reason {
        HandoffReason::ContextTooLong => Scenario::ContextFull,
        HandoffReason::RateLimited | HandoffReason::QuotaExhausted | HandoffReason::Predicted => {
            Scenario::ProviderLimited
        }
        HandoffReason::Overloaded
        | HandoffReason::AccessDenied
        | HandoffReason::Timeout
        | HandoffReason::Failed
        | HandoffReason::BreakerOpen => Scenario::ProviderFailed,
        HandoffReason::Cost => Scenario::Cost,
        HandoffReason::Quality => Scenario::Quality,
        HandoffReason::Capability => Scenario::Capability,
        HandoffReason::Delegated => Scenario::Delegated,
        // The work goes back to the provider that is preferred: nothing is wrong.
        HandoffReason::Recovered => Scenario::Planned,
        _ => return None,
    })
}

fn of_failure(failure: FailureKind) -> Scenario {
    match failure {
        // The giver's model would refuse the same again, or has no room for the answer.
        FailureKind::ContentPolicy | FailureKind::OutputLimit | FailureKind::PayloadTooLarge => {
            Scenario::Capability
        }
        failure => of_reason(failure.into()).unwrap_or(Scenario::ProviderFailed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(change: impl FnOnce(&mut Situation)) -> Scenario {
        let mut situation = Situation::default();
        change(&mut situation);
        situation.scenario()
    }

    #[test]
    fn every_reason_has_its_scenario() {
        use HandoffReason as R;
        for (reason, wanted) in [
            (R::ContextTooLong, Scenario::ContextFull),
            (R::RateLimited, Scenario::ProviderLimited),
            (R::QuotaExhausted, Scenario::ProviderLimited),
            (R::Predicted, Scenario::ProviderLimited),
            (R::Overloaded, Scenario::ProviderFailed),
            (R::AccessDenied, Scenario::ProviderFailed),
            (R::Timeout, Scenario::ProviderFailed),
            (R::Failed, Scenario::ProviderFailed),
            (R::BreakerOpen, Scenario::ProviderFailed),
            (R::Cost, Scenario::Cost),
            (R::Quality, Scenario::Quality),
            (R::Capability, Scenario::Capability),
            (R::Delegated, Scenario::Delegated),
            (R::Recovered, Scenario::Planned),
            (R::Manual, Scenario::Planned),
            (R::Other, Scenario::Planned),
        ] {
            assert_eq!(situation(|s| s.reason = Some(reason)), wanted, "{reason}");
        }
    }

    #[test]
    fn the_taker_goes_before_the_reason_and_the_reason_before_failure_and_context() {
        let all = |s: &mut Situation| {
            s.giver_is_gone = true;
            s.reason = Some(HandoffReason::Quality);
            s.failure = Some(FailureKind::Server);
            s.context = Some(ContextPressure::new(9, 10));
        };
        assert_eq!(situation(all), Scenario::Crashed);
        let with = |taker: Taker, gone: bool| {
            situation(|s| {
                all(s);
                (s.taker, s.giver_is_gone) = (taker, gone);
            })
        };
        assert_eq!(with(Taker::Person, true), Scenario::Person);
        assert_eq!(with(Taker::Giver, false), Scenario::Returned);
        assert_eq!(with(Taker::Helper, false), Scenario::Delegated);
        assert_eq!(with(Taker::Agent, false), Scenario::Quality);
        let failed = |failure| {
            situation(|s| {
                s.reason = Some(HandoffReason::Manual);
                s.failure = Some(failure);
                s.context = Some(ContextPressure::new(9, 10));
            })
        };
        assert_eq!(failed(FailureKind::Server), Scenario::ProviderFailed);
        assert_eq!(failed(FailureKind::ContentPolicy), Scenario::Capability);
        assert_eq!(failed(FailureKind::ContextTooLong), Scenario::ContextFull);
        let used = |used| situation(|s| s.context = Some(ContextPressure::new(used, 100)));
        assert_eq!(
            (used(69), used(70)),
            (Scenario::Planned, Scenario::ContextFull)
        );
    }
}
