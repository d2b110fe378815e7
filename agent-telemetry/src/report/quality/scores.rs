//! Scores and their courses.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::AgentId;

use super::super::interval::{Interval, Values};
use super::days::{Days, Tally};
use super::seen::Seen;
use super::{QualityLeftOut, ScoreDay, ScoreLine};
use crate::{Evidence, Metric, Record, Unit};

/// Scores that are told apart, and those that are shown.
const KNOWN: usize = 1_024;
const SHOWN: usize = 64;

type Key = (String, Unit, Option<AgentId>);

#[derive(Debug, Default)]
pub(super) struct Scores {
    known: BTreeMap<Key, Course>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Course {
    all: Values,
    days: Days<Values>,
    evidence: Evidence,
}

impl Tally for Values {
    fn count(&self) -> u64 {
        self.count
    }
}

impl Scores {
    pub(super) fn add(&mut self, record: &Record, metric: &Metric, seen: &mut Seen) {
        let key = (
            metric.name().to_owned(),
            metric.unit(),
            record.agent.clone(),
        );
        if self.known.len() >= KNOWN && !self.known.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let thing = ("score", metric.name(), metric.unit(), &record.agent);
        let course = self.known.entry(key).or_default();
        course.all.add(metric.value());
        course.days.add(record.at, |day| day.add(metric.value()));
        seen.add(thing, record, &mut course.evidence);
    }

    /// Those with the most values first; with equally many, in the order of names.
    pub(super) fn finish(self, left_out: &mut QualityLeftOut) -> Vec<ScoreLine> {
        let mut known: Vec<(Key, Course)> = self.known.into_iter().collect();
        known.sort_by_key(|(_, course)| Reverse(course.all.count));
        left_out.scores = self.left_out;
        for (_, course) in known.iter().skip(SHOWN) {
            left_out.scores = left_out.scores.saturating_add(course.all.count);
        }
        known.truncate(SHOWN);
        for (_, course) in &known {
            left_out.days = left_out.days.saturating_add(course.days.left_out());
        }
        known.into_iter().filter_map(line).collect()
    }
}

fn line(((name, unit, agent), course): (Key, Course)) -> Option<ScoreLine> {
    let (min, max) = course.all.range()?;
    let days = course.days.parts().filter_map(|(from, values)| {
        Some(ScoreDay {
            from,
            count: values.count,
            mean: values.mean()?,
            interval: interval(values, unit),
        })
    });
    Some(ScoreLine {
        name,
        unit,
        agent,
        count: course.all.count,
        mean: course.all.mean()?,
        interval: interval(&course.all, unit),
        min,
        max,
        days: days.collect(),
        evidence: course.evidence,
    })
}

/// That of shares of a whole stays between nothing and the whole, where all of them do.
fn interval(values: &Values, unit: Unit) -> Option<Interval> {
    let interval = values.interval()?;
    let is_share = unit == Unit::Ratio
        && values
            .range()
            .is_some_and(|(min, max)| min >= 0.0 && max <= 1.0);
    Some(if is_share {
        interval.map(|bound| bound.clamp(0.0, 1.0))
    } else {
        interval
    })
}
