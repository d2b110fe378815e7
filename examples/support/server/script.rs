//! Which request meets which fault: rules, and the decision from them.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// The faults of a scripted provider: for each request the first rule that matches and is not used
/// up. A request that matches none is answered.
///
/// The same script meets the same requests with the same faults; nothing is random.
///
/// ```
/// use support::{Fault, Rule, Script};
///
/// let built = Script::new([
///     Rule::new(Fault::Overloaded).turn(3).times(2),
///     Rule::new(Fault::Unauthorized).requests(10..=12),
/// ]);
/// let read: Script = serde_json::from_str(
///     r#"[
///         {"fault": {"fault": "overloaded"}, "turn": 3, "times": 2},
///         {"fault": {"fault": "unauthorized"}, "first_request": 10, "last_request": 12, "times": null}
///     ]"#,
/// )?;
/// assert_eq!(read, built);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script {
    rules: Vec<Rule>,
}

/// Which kind of request a rule concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Conversations.
    #[default]
    Chat,
    /// Lists of models, which hosts ask for to see whether the provider is up.
    Probe,
    /// Both.
    Any,
}

/// When a fault happens: every condition that is set must hold. Without conditions, at the next
/// request, once.
///
/// ```
/// use std::time::Duration;
/// use support::{Fault, Rule, Target};
///
/// let outage = Rule::new(Fault::Unavailable)
///     .target(Target::Any)
///     .during(Duration::from_secs(5), Duration::from_secs(8));
/// let json = serde_json::to_value(&outage)?;
/// assert_eq!((&json["from_ms"], &json["times"]), (&5_000.into(), &serde_json::Value::Null));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    fault: Fault,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    first_request: Option<u64>,
    #[serde(default)]
    last_request: Option<u64>,
    #[serde(default)]
    turn: Option<usize>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    from_ms: Option<u64>,
    #[serde(default)]
    until_ms: Option<u64>,
    #[serde(default = "once")]
    times: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
const fn once() -> Option<u32> {
    Some(1)
}

impl Rule {
    /// `fault` at the next request, once.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            target: Target::Chat,
            first_request: None,
            last_request: None,
            turn: None,
            attempt: None,
            from_ms: None,
            until_ms: None,
            times: once(),
        }
    }

    /// Which kind of request; conversations unless set.
    #[must_use]
    pub const fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Only these request numbers, each of them; the first is 1. Conversations and probes are
    /// counted apart, a rule for both looks at the count of the request's own kind.
    #[must_use]
    pub fn requests(mut self, numbers: RangeInclusive<u64>) -> Self {
        self.first_request = Some(*numbers.start());
        self.last_request = Some(*numbers.end());
        self.times = None;
        self
    }

    /// Only requests that ask for this turn of the recording; the first is 1.
    #[must_use]
    pub const fn turn(mut self, number: usize) -> Self {
        self.turn = Some(number);
        self
    }

    /// Only this attempt at a turn; the first is 1.
    #[must_use]
    pub const fn attempt(mut self, number: u32) -> Self {
        self.attempt = Some(number);
        self
    }

    /// Only from `from` to just before `until` after the start of the server, each request; in
    /// milliseconds, the rest is dropped.
    #[must_use]
    pub fn during(mut self, from: Duration, until: Duration) -> Self {
        self.from_ms = Some(millis(from));
        self.until_ms = Some(millis(until));
        self.times = None;
        self
    }

    /// At most so many times; once unless set.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Every time that the conditions hold.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.times = None;
        self
    }

    fn matches(&self, arrival: &Arrival) -> bool {
        let target = match self.target {
            Target::Any => true,
            target => target == arrival.target,
        };
        target
            && self.fault.concerns(arrival.tokens)
            && (arrival.target == Target::Chat || self.fault.suits_probes())
            && self
                .first_request
                .is_none_or(|first| arrival.request >= first)
            && self.last_request.is_none_or(|last| arrival.request <= last)
            && self.turn.is_none_or(|turn| arrival.turn == Some(turn))
            && self
                .attempt
                .is_none_or(|attempt| arrival.attempt == attempt)
            && self
                .from_ms
                .is_none_or(|from| millis(arrival.since_start) >= from)
            && self
                .until_ms
                .is_none_or(|until| millis(arrival.since_start) < until)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a rule may ask about a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) target: Target,
    pub(super) request: u64,
    pub(super) turn: Option<usize>,
    pub(super) attempt: u32,
    pub(super) tokens: u64,
    pub(super) since_start: Duration,
}

impl Script {
    /// Looks at the rules in this order.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
        }
    }
}

/// A script and how much of it is used up.
#[derive(Debug)]
pub(super) struct RunningScript {
    rules: Vec<Rule>,
}

impl RunningScript {
    pub(super) fn new(script: Script) -> Self {
        Self {
            rules: script.rules,
        }
    }

    /// The fault that `arrival` meets, if any; uses it up.
    pub(super) fn decide(&mut self, arrival: &Arrival) -> Option<Fault> {
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.times != Some(0) && rule.matches(arrival))?;
        if let Some(left) = &mut rule.times {
            *left -= 1;
        }
        Some(rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(request: u64) -> Arrival {
        Arrival {
            target: Target::Chat,
            request,
            turn: Some(1),
            attempt: 1,
            tokens: 100,
            since_start: Duration::ZERO,
        }
    }

    fn met(rule: Rule, arrivals: &[Arrival]) -> Vec<bool> {
        let mut running = RunningScript::new(Script::new([rule]));
        arrivals
            .iter()
            .map(|arrival| running.decide(arrival).is_some())
            .collect()
    }

    #[test]
    fn a_rule_is_used_up_after_its_times() {
        let arrivals = [chat(1), chat(2), chat(3)];
        let rule = Rule::new(Fault::Overloaded);
        assert_eq!(met(rule.clone(), &arrivals), [true, false, false]);
        assert_eq!(met(rule.clone().times(2), &arrivals), [true, true, false]);
        assert_eq!(met(rule.always(), &arrivals), [true, true, true]);
    }

    #[test]
    fn every_condition_must_hold() {
        let rule = Rule::new(Fault::Reset).turn(2).attempt(2).always();
        let at = |turn, attempt| Arrival {
            turn: Some(turn),
            attempt,
            ..chat(1)
        };
        let arrivals = [at(2, 1), at(1, 2), at(2, 2), at(2, 3)];
        assert_eq!(met(rule, &arrivals), [false, false, true, false]);
    }

    #[test]
    fn a_range_of_requests_includes_both_ends() {
        let rule = Rule::new(Fault::Reset).requests(2..=3);
        let arrivals = [chat(1), chat(2), chat(3), chat(4)];
        assert_eq!(met(rule, &arrivals), [false, true, true, false]);
    }

    #[test]
    fn a_span_of_time_excludes_its_end() {
        let rule =
            Rule::new(Fault::Reset).during(Duration::from_millis(10), Duration::from_millis(20));
        let at = |millis| Arrival {
            since_start: Duration::from_millis(millis),
            ..chat(1)
        };
        let arrivals = [at(9), at(10), at(19), at(20)];
        assert_eq!(met(rule, &arrivals), [false, true, true, false]);
    }

    #[test]
    fn a_request_that_fits_does_not_use_up_the_context_limit() {
        let rule = Rule::new(Fault::ContextTooLong { limit: 100 });
        let large = Arrival {
            tokens: 101,
            ..chat(3)
        };
        assert_eq!(met(rule, &[chat(1), chat(2), large]), [false, false, true]);
    }

    #[test]
    fn probes_are_met_only_by_rules_for_them() {
        let probe = Arrival {
            target: Target::Probe,
            turn: None,
            tokens: 0,
            ..chat(1)
        };
        let rule = Rule::new(Fault::Overloaded).always();
        assert_eq!(met(rule.clone(), &[probe, chat(1)]), [false, true]);
        assert_eq!(
            met(rule.clone().target(Target::Probe), &[probe, chat(1)]),
            [true, false]
        );
        assert_eq!(
            met(rule.target(Target::Any), &[probe, chat(1)]),
            [true, true]
        );
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let mut running = RunningScript::new(Script::new([
            Rule::new(Fault::Reset).turn(1),
            Rule::new(Fault::Silence).always(),
        ]));
        assert_eq!(running.decide(&chat(1)), Some(Fault::Reset));
        assert_eq!(running.decide(&chat(2)), Some(Fault::Silence));
    }

    #[test]
    fn misspelt_conditions_are_refused() {
        let error = serde_json::from_str::<Script>(r#"[{"fault": {"fault": "reset"}, "trun": 3}]"#)
            .unwrap_err();
        assert!(error.to_string().contains("trun"), "{error}");
    }
}
