//! What a played scenario is worth.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::catalogue::{ATTEMPT_LIMIT, Check, OUTAGE, Scenario};
use super::host::Caller;
use super::stage::{CallSeen, Ended, Observed, play};
use crate::Progress;

/// How a scenario ended, in Failover Bench's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The right end, and every check holds.
    Pass,
    /// The right end, and a check does not hold.
    Partial,
    /// A clean error in time, where an answer was possible.
    SafeError,
    /// Half an answer shown as a whole one, a call that took too long, or the wrong end.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Partial => "partial",
            Self::SafeError => "safe error",
            Self::Fail => "FAIL",
        })
    }
}

/// A scenario and what came of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scored {
    /// Which scenario.
    pub id: &'static str,
    /// What happened in it.
    pub title: &'static str,
    /// What it is worth.
    pub verdict: Verdict,
    /// The longest call.
    pub longest: Duration,
    /// Calls that reached the preferred provider.
    pub primary_calls: usize,
    /// Calls that reached the other one.
    pub fallback_calls: usize,
    /// What does not hold.
    pub broken: Vec<String>,
    /// How the last call ended, in one line.
    pub end: String,
}

/// All scenarios and what came of them. `Display` is the scorecard.
#[derive(Debug, Clone)]
pub struct Score(pub Vec<Scored>);

impl Score {
    /// Plays all scenarios.
    ///
    /// # Errors
    /// When no server can be started. It must be run on one thread.
    pub async fn of(caller: Caller) -> Result<Self, Box<dyn Error>> {
        let mut score = Self(Vec::new());
        for scenario in Scenario::all() {
            let observed = play(&scenario, caller).await?;
            score.0.push(Scored::new(&scenario, &observed));
        }
        Ok(score)
    }

    /// How many scenarios ended so.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|one| one.verdict == verdict).count()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<4} {:<38} {:<10} {:>8} {:>8} {:>9}  end",
            "", "scenario", "verdict", "longest", "primary", "fallback"
        )?;
        for one in &self.0 {
            writeln!(
                f,
                "{:<4} {:<38} {:<10} {:>7.1}s {:>8} {:>9}  {}",
                one.id,
                one.title,
                one.verdict,
                one.longest.as_secs_f64(),
                one.primary_calls,
                one.fallback_calls,
                one.end
            )?;
            for broken in &one.broken {
                writeln!(f, "     {broken}")?;
            }
        }
        write!(
            f,
            "{} of {} pass; partial {}, safe error {}, fail {}",
            self.count(Verdict::Pass),
            self.0.len(),
            self.count(Verdict::Partial),
            self.count(Verdict::SafeError),
            self.count(Verdict::Fail)
        )
    }
}

impl Scored {
    /// Judges what was seen of `scenario`.
    #[must_use]
    pub fn new(scenario: &Scenario, observed: &Observed) -> Self {
        let longest = observed.calls.iter().map(|call| call.took).max();
        let longest = longest.unwrap_or_default();
        let mut broken: Vec<String> = scenario
            .checks
            .iter()
            .filter_map(|check| violation(*check, observed))
            .collect();
        if !observed.alive_after {
            broken.push("a call afterwards is not answered".to_owned());
        }
        let ends = || observed.calls.iter().map(|call| &call.ended);
        let truncated = ends().any(|end| matches!(end, Ended::Answered { whole: false, .. }));
        let late = longest > ATTEMPT_LIMIT + Duration::from_secs(1);
        let answered = ends().all(|end| matches!(end, Ended::Answered { .. }));
        let failed = ends().all(|end| matches!(end, Ended::Failed(_)));
        let verdict = if truncated || late || (scenario.wants_error && !failed) {
            Verdict::Fail
        } else if !answered && !scenario.wants_error {
            Verdict::SafeError
        } else if broken.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Partial
        };
        if late {
            broken.push(format!(
                "a call took {longest:?}, with an attempt limit of {ATTEMPT_LIMIT:?}"
            ));
        }
        let end = match observed.calls.last().map(|call| &call.ended) {
            Some(Ended::Answered { by, .. }) => format!("answered by {by}"),
            Some(Ended::Failed(error)) => error.clone(),
            None => "no call".to_owned(),
        };
        Self {
            id: scenario.id,
            title: scenario.title,
            verdict,
            longest,
            primary_calls: observed.primary.len(),
            fallback_calls: observed.fallback.len(),
            broken,
            end,
        }
    }
}

/// What is wrong, if the check does not hold.
fn violation(check: Check, observed: &Observed) -> Option<String> {
    let at: Vec<Duration> = observed
        .primary
        .iter()
        .map(|exchange| exchange.at)
        .collect();
    let first = at.first().copied().unwrap_or_default();
    let says = |wrong: bool, text: String| wrong.then_some(text);
    match check {
        Check::PrimaryCalls { least, most } => says(
            !(least..=most).contains(&at.len()),
            format!("{} calls to the primary, not {least} to {most}", at.len()),
        ),
        Check::FirstGap(least) => {
            let gap = at.get(1).map(|second| second.saturating_sub(first));
            says(
                gap.is_none_or(|gap| gap < least),
                format!("the second call after {gap:?}, not after {least:?}"),
            )
        }
        Check::PrimaryCallsWithin(time, most) => {
            let early = at
                .iter()
                .filter(|at| at.saturating_sub(first) < time)
                .count();
            says(
                early > most,
                format!("{early} calls to the primary within {time:?}"),
            )
        }
        Check::NotRoutedAround => says(
            !observed.fallback.is_empty(),
            "what was refused was asked elsewhere".to_owned(),
        ),
        Check::NamesFallback => says(
            !answers(observed).all(|(by, _)| by == "fallback"),
            "the reply names another provider than the one that gave it".to_owned(),
        ),
        Check::HasUsage => says(
            !answers(observed).all(|(_, tokens)| tokens > 0),
            "the reply does not say what it took".to_owned(),
        ),
        Check::NoPrefill => {
            let refused = |progress| matches!(progress, Progress::Refused { .. });
            let refusals = observed
                .fallback
                .iter()
                .filter(|it| refused(it.progress))
                .count();
            says(
                refusals > 0,
                format!("the fallback refused {refusals} requests"),
            )
        }
        Check::ServedDuringOutage { primary_most } => {
            let served = |call: &&CallSeen| matches!(call.ended, Ended::Answered { .. });
            let during: Vec<_> = observed
                .calls
                .iter()
                .filter(|call| call.at < OUTAGE)
                .collect();
            let unserved = during.iter().filter(|call| !served(call)).count();
            let calls = at.iter().filter(|at| **at < OUTAGE).count();
            says(
                unserved > 0 || calls > primary_most,
                format!(
                    "{unserved} of {} calls not answered in the outage, {calls} calls to the primary in it",
                    during.len()
                ),
            )
        }
        Check::ReturnsWithin(longest) => {
            let after =
                |it: &&crate::Exchange| it.progress == Progress::Answered && it.at >= OUTAGE;
            let back = observed
                .primary
                .iter()
                .find(after)
                .map(|it| it.at.saturating_sub(OUTAGE));
            says(
                back.is_none_or(|back| back > longest),
                format!("the primary answers again after {back:?}, not within {longest:?}"),
            )
        }
    }
}

/// Who answered, and with how many tokens.
fn answers(observed: &Observed) -> impl Iterator<Item = (&str, u64)> {
    observed.calls.iter().filter_map(|call| match &call.ended {
        Ended::Answered { by, tokens, .. } => Some((by.as_str(), *tokens)),
        Ended::Failed(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(took: u64, ended: Ended) -> Observed {
        Observed {
            calls: vec![CallSeen {
                at: Duration::ZERO,
                took: Duration::from_secs(took),
                ended,
            }],
            primary: Vec::new(),
            fallback: Vec::new(),
            alive_after: true,
        }
    }

    fn answered(whole: bool) -> Ended {
        Ended::Answered {
            whole,
            by: "fallback".to_owned(),
            tokens: 0,
        }
    }

    fn verdict(id: &str, observed: &Observed) -> Verdict {
        let scenario = Scenario::all().into_iter().find(|it| it.id == id);
        Scored::new(&scenario.unwrap(), observed).verdict
    }

    #[test]
    fn half_an_answer_shown_as_a_whole_one_fails() {
        assert_eq!(verdict("S08", &observed(1, answered(false))), Verdict::Fail);
        assert_eq!(verdict("S08", &observed(1, answered(true))), Verdict::Pass);
    }

    #[test]
    fn a_second_beyond_the_attempt_limit_is_too_late() {
        assert_eq!(verdict("S07", &observed(11, answered(true))), Verdict::Pass);
        assert_eq!(verdict("S07", &observed(12, answered(true))), Verdict::Fail);
    }

    #[test]
    fn an_error_is_safe_unless_it_is_what_is_wanted() {
        let failed = || Ended::Failed("refused".to_owned());
        assert_eq!(verdict("S05", &observed(1, failed())), Verdict::SafeError);
        assert_eq!(verdict("S13", &observed(1, answered(true))), Verdict::Fail);
    }

    #[test]
    fn a_missing_figure_is_partial() {
        assert_eq!(
            verdict("S16", &observed(1, answered(true))),
            Verdict::Partial
        );
    }
}
