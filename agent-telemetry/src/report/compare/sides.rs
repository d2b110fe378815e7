//! What each side did, by kind of work.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent_primitives::Usd;

use super::super::interval::{Moments, PerSuccess, Share};
use super::{Contender, LeftOut, SessionResult, SideLine, SideTaskType};
use crate::{Evidence, Outcome};

/// Sides that are compared, each with each.
const SIDES: usize = 16;
/// Kinds of work that are told apart.
const TASK_TYPES: usize = 256;

pub(super) type TaskType = Option<Cow<'static, str>>;

#[derive(Debug, Default)]
pub(super) struct Sides {
    by_contender: BTreeMap<Contender, Sums>,
    task_types: BTreeSet<TaskType>,
    pub(super) left_out: LeftOut,
}

/// One side.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) who: Contender,
    pub(super) sums: Sums,
}

#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) by_task_type: BTreeMap<TaskType, Stratum>,
    escalated: u64,
    failed: u64,
    aborted: u64,
    cost: Usd,
    /// Of sessions without an unpriced call.
    priced_cost: Usd,
    priced_successes: u64,
    elapsed: Duration,
    evidence: Evidence,
}

/// One kind of work of one side.
#[derive(Debug, Clone, Default)]
pub(super) struct Stratum {
    pub(super) success: Share,
    /// In US dollars, of the sessions whose cost is known.
    pub(super) cost: Moments,
    /// In seconds.
    pub(super) time: Moments,
    /// Of the sessions whose cost is known, exact.
    pub(super) spent: Usd,
    pub(super) evidence: Evidence,
}

impl Sides {
    pub(super) fn add(&mut self, result: &SessionResult) {
        if !self.task_types.contains(&result.task_type) {
            if self.task_types.len() >= TASK_TYPES {
                self.left_out.beyond += 1;
                return;
            }
            self.task_types.insert(result.task_type.clone());
        }
        if !self.by_contender.contains_key(&result.who) {
            self.by_contender
                .insert(result.who.clone(), Sums::default());
        }
        if let Some(sums) = self.by_contender.get_mut(&result.who) {
            sums.add(result);
        }
    }

    /// The sides of each kind of work by themselves, those with the most sessions first, and what is left
    /// out.
    pub(super) fn by_task_type(self) -> (Vec<(TaskType, Vec<Side>)>, LeftOut) {
        let mut kinds: BTreeMap<TaskType, Vec<Side>> = BTreeMap::new();
        for (who, sums) in self.by_contender {
            for (task_type, stratum) in sums.by_task_type {
                let alone = Sums {
                    by_task_type: BTreeMap::from([(task_type.clone(), stratum)]),
                    ..Sums::default()
                };
                let side = Side {
                    who: who.clone(),
                    sums: alone,
                };
                kinds.entry(task_type).or_default().push(side);
            }
        }
        let mut left_out = self.left_out;
        for sides in kinds.values_mut() {
            sides.sort_by_key(|side| Reverse(side.sessions()));
            left_out.sides += sides.len().saturating_sub(SIDES) as u64;
            sides.truncate(SIDES);
        }
        (kinds.into_iter().collect(), left_out)
    }

    /// Those with the most sessions, and what is left out.
    pub(super) fn finish(self) -> (Vec<Side>, LeftOut) {
        let mut sides: Vec<Side> = self
            .by_contender
            .into_iter()
            .map(|(who, sums)| Side { who, sums })
            .collect();
        // Stable: with equally many, in the order of names.
        sides.sort_by_key(|side| Reverse(side.sums.evidence.count));
        let mut left_out = self.left_out;
        left_out.sides = sides.len().saturating_sub(SIDES) as u64;
        sides.truncate(SIDES);
        (sides, left_out)
    }
}

impl Sums {
    fn add(&mut self, result: &SessionResult) {
        let success = result.outcome == Outcome::Success;
        match result.outcome {
            Outcome::Success => {}
            Outcome::Escalated => self.escalated += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Aborted => self.aborted += 1,
        }
        self.evidence.add(&result.session);
        let stratum = self
            .by_task_type
            .entry(result.task_type.clone())
            .or_default();
        stratum.evidence.add(&result.session);
        stratum.success.of += 1;
        stratum.success.successes += u64::from(success);
        stratum.time.add(result.elapsed.as_secs_f64(), success);
        self.elapsed = self.elapsed.saturating_add(result.elapsed);
        if let Some(cost) = result.cost {
            stratum.cost.add(dollars(cost), success);
            stratum.spent += cost;
            self.priced_cost += cost;
            self.priced_successes += u64::from(success);
            self.cost += cost;
        }
    }

    /// Of all kinds of work together.
    fn all(&self, of: impl Fn(&Stratum) -> Moments) -> Option<PerSuccess> {
        let mut all = Moments::default();
        for stratum in self.by_task_type.values() {
            all.merge(&of(stratum));
        }
        PerSuccess::of_all(&all)
    }
}

impl Side {
    fn sessions(&self) -> u64 {
        let strata = self.sums.by_task_type.values();
        strata.map(|it| it.success.of).sum()
    }

    pub(super) fn line(&self) -> SideLine {
        let sums = &self.sums;
        let mut all = Share::default();
        let mut task_types = Vec::with_capacity(sums.by_task_type.len());
        let mut priced = 0;
        for (task_type, stratum) in &sums.by_task_type {
            let Share { successes, of } = stratum.success;
            all = Share::new(all.successes + successes, all.of + of);
            priced += stratum.cost.cases;
            task_types.push(SideTaskType {
                task_type: task_type.as_deref().map(str::to_owned),
                sessions: of,
                success: successes,
            });
        }
        task_types.sort_by_key(|line| Reverse(line.sessions));
        let successes = u32::try_from(all.successes).unwrap_or(u32::MAX);
        SideLine {
            who: self.who.clone(),
            sessions: all.of,
            success: all.successes,
            escalated: sums.escalated,
            failed: sums.failed,
            aborted: sums.aborted,
            success_rate: all.value(),
            success_interval: all.interval(),
            cost: sums.cost,
            unpriced_sessions: all.of - priced,
            cost_per_success: sums.priced_cost.div_round(sums.priced_successes),
            cost_interval: sums.all(|it| it.cost).map(|it| it.interval()),
            time_per_success: sums.elapsed.checked_div(successes),
            time_interval: sums.all(|it| it.time).map(|it| it.interval()),
            task_types,
            evidence: sums.evidence.clone(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "statistics need no 53 bits")]
fn dollars(cost: Usd) -> f64 {
    cost.picos() as f64 / 1e12
}
