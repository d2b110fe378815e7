//! Every two models within each kind of work by itself.

use agent_primitives::Usd;

use super::super::interval::Difference;
use super::judge;
use super::sessions::Sessions;
use super::sides::Side;
use super::{CompareConfig, Contender, ContenderKind, LeftOut, Measured, Shortage};
use crate::{Evidence, Period, Record};

/// The sessions of models, by the one that was asked first.
#[derive(Debug)]
pub(in crate::report) struct ModelsByTaskType {
    sessions: Sessions,
    config: CompareConfig,
}

/// One model against another in one kind of work, from the one to the other.
#[derive(Debug, Clone)]
pub(in crate::report) struct Judged {
    pub(in crate::report) task_type: Option<String>,
    pub(in crate::report) from: Contender,
    pub(in crate::report) to: Contender,
    pub(in crate::report) from_sessions: u64,
    pub(in crate::report) to_sessions: u64,
    /// What the sessions of the one cost, where that is known.
    pub(in crate::report) spent: Usd,
    /// Of the one, less that of the other; of the one, divided by that of the other.
    pub(in crate::report) success: Measured,
    pub(in crate::report) cost: Measured,
    /// The probability of shares like these where the other's true one is lower by the margin, or more.
    pub(in crate::report) worse: f64,
    /// The sessions of both.
    pub(in crate::report) evidence: Evidence,
}

impl ModelsByTaskType {
    /// With the difference of success rates that matters.
    pub(in crate::report) fn new(period: Period, rate_margin: f64) -> Self {
        let config = CompareConfig {
            of: ContenderKind::Models,
            rate_margin,
            ..CompareConfig::default()
        };
        Self {
            sessions: Sessions::new(period, &config),
            config,
        }
    }

    pub(in crate::report) fn add(&mut self, record: &Record) {
        self.sessions.tell(record);
    }

    /// Every two in both directions.
    pub(in crate::report) fn finish(self) -> (Vec<Judged>, LeftOut) {
        let (kinds, left_out) = self.sessions.sides().by_task_type();
        let mut judged = Vec::new();
        for (task_type, sides) in kinds {
            let task_type = task_type.as_deref().map(str::to_owned);
            for pair in judge::pairs(&sides, &self.config) {
                let side = |who: &Contender| sides.iter().find(|side| side.who == *who);
                let (Some(first), Some(second)) = (side(&pair.first), side(&pair.second)) else {
                    continue;
                };
                let [success, cost] = [&pair.success, &pair.cost_per_success];
                let there = direction(first, second, task_type.as_ref(), &self.config);
                judged.extend(there.map(|it| Judged {
                    success: success.clone(),
                    cost: cost.clone(),
                    ..it
                }));
                let back = direction(second, first, task_type.as_ref(), &self.config);
                judged.extend(back.map(|it| Judged {
                    success: success.turned(|it| 0.0 - it),
                    cost: cost.turned(f64::recip),
                    ..it
                }));
            }
        }
        (judged, left_out)
    }
}

fn direction(
    from: &Side,
    to: &Side,
    task_type: Option<&String>,
    config: &CompareConfig,
) -> Option<Judged> {
    let a = from.sums.by_task_type.values().next()?;
    let b = to.sums.by_task_type.values().next()?;
    let difference = Difference::of(&[(b.success, a.success)]);
    let mut evidence = a.evidence.clone();
    evidence.absorb(&b.evidence);
    Some(Judged {
        task_type: task_type.cloned(),
        from: from.who.clone(),
        to: to.who.clone(),
        from_sessions: a.success.of,
        to_sessions: b.success.of,
        spent: a.spent,
        success: judge::missing(Shortage::CommonWork),
        cost: judge::missing(Shortage::CommonWork),
        worse: difference.map_or(1.0, |it| it.not_above(-config.rate_margin())),
        evidence,
    })
}

impl Measured {
    /// That of the second against the first.
    fn turned(&self, with: impl Fn(f64) -> f64) -> Self {
        Self {
            first: self.second,
            second: self.first,
            difference: self.difference.map(&with),
            interval: self.interval.map(|it| {
                let turned = it.map(&with);
                super::Interval::new(turned.high, turned.low)
            }),
            ..self.clone()
        }
    }
}
