//! How sessions ended, by day and by week.

use std::collections::HashMap;

use agent_primitives::{AgentId, SessionId, Timestamp};

use super::super::interval::Share;
use super::days::{Days, Step, Tally};
use super::{OutcomeLine, QualityLeftOut};
use crate::{Body, Outcome, Outcomes, ProjectId, Record};

/// Sessions that are followed, and agents in one.
const SESSIONS: usize = 1 << 20;
const AGENTS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    known: HashMap<(Option<ProjectId>, SessionId), OneSession>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct OneSession {
    at_work: Vec<Option<AgentId>>,
    last: Option<(Timestamp, Outcome)>,
}

/// What the report says of them.
pub(super) struct Told {
    pub(super) outcomes: Outcomes,
    pub(super) days: Vec<OutcomeLine>,
    pub(super) weeks: Vec<OutcomeLine>,
}

impl Tally for Outcomes {
    fn count(&self) -> u64 {
        self.total()
    }
}

impl Sessions {
    pub(super) fn add(&mut self, record: &Record) {
        let Some(session) = &record.session else {
            return;
        };
        let key = (record.project.clone(), session.clone());
        if self.known.len() >= SESSIONS && !self.known.contains_key(&key) {
            let is_start = matches!(record.body, Body::SessionStart(_));
            self.left_out = self.left_out.saturating_add(u64::from(is_start));
            return;
        }
        let session = self.known.entry(key).or_default();
        let place = session.at_work.iter().position(|it| *it == record.agent);
        match (&record.body, place) {
            (Body::SessionEnd(end), place) => {
                session.last = Some((record.at, end.outcome));
                if let Some(place) = place {
                    session.at_work.swap_remove(place);
                }
            }
            (_, None) if session.at_work.len() < AGENTS => {
                session.at_work.push(record.agent.clone());
            }
            _ => {}
        }
    }

    pub(super) fn finish(self, left_out: &mut QualityLeftOut) -> Told {
        left_out.sessions = self.left_out;
        let mut outcomes = Outcomes::default();
        let (mut days, mut weeks) = (Days::of(Step::Day), Days::of(Step::Week));
        for session in self.known.values() {
            let last = session.last.filter(|_| session.at_work.is_empty());
            let outcome = last.map(|(_, outcome)| outcome);
            *outcomes.of(outcome) += 1;
            if let Some((at, _)) = last {
                for part in [&mut days, &mut weeks] {
                    part.add(at, |of: &mut Outcomes| *of.of(outcome) += 1);
                }
            }
        }
        left_out.days = left_out.days.saturating_add(days.left_out());
        Told {
            outcomes,
            days: lines(&days),
            weeks: lines(&weeks),
        }
    }
}

fn lines(parts: &Days<Outcomes>) -> Vec<OutcomeLine> {
    let line = |(from, outcomes): (Timestamp, &Outcomes)| {
        let share = Share::new(outcomes.success, outcomes.total());
        OutcomeLine {
            from,
            outcomes: *outcomes,
            success_rate: share.value(),
            success_interval: share.interval(),
        }
    };
    parts.parts().map(line).collect()
}
