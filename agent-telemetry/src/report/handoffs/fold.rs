//! Records into paths, and what came of them.

use std::collections::HashMap;

use agent_primitives::{Handoff, Party, SessionId};

use super::super::folded::Folded;
use super::after::After;
use super::chains::Chains;
use super::lines::{Counted, Lines};
use super::session::{Given, OneSession};
use super::{HandoffsLeftOut, HandoffsReport, SCHEMA};
use crate::{Body, Outcome, Period, ProjectId, Record, Span};

/// Sessions that are followed, and paths that are told apart, so that memory is bounded.
const SESSIONS: usize = 1 << 20;
const PATHS: usize = 4_096;

#[derive(Debug)]
pub(super) struct Fold {
    period: Period,
    place: HashMap<(Option<ProjectId>, SessionId), usize>,
    /// In the order of recording.
    told: Vec<(SessionId, OneSession)>,
    paths: Paths,
    /// By path, and of those on paths beyond the bound.
    counted: Vec<Counted>,
    others: Counted,
    left_out: HandoffsLeftOut,
}

/// Givers and takers by number.
#[derive(Debug, Default)]
pub(super) struct Paths {
    number: HashMap<(Party, Party), usize>,
    ends: Vec<(Party, Party)>,
}

impl Paths {
    fn number(&mut self, handoff: &Handoff) -> Option<usize> {
        let ends = (handoff.from.clone(), handoff.to.clone());
        if let Some(number) = self.number.get(&ends) {
            return Some(*number);
        }
        if self.ends.len() >= PATHS {
            return None;
        }
        self.ends.push(ends.clone());
        self.number.insert(ends, self.ends.len() - 1);
        Some(self.ends.len() - 1)
    }

    pub(super) fn ends(&self, number: usize) -> Option<(Party, Party)> {
        self.ends.get(number).cloned()
    }
}

impl Folded for Fold {
    type Report = HandoffsReport;

    fn add(&mut self, record: &Record) {
        match &record.body {
            Body::Handoff(handoff) if self.period.contains(record.at) => {
                self.give(record, handoff);
            }
            Body::SessionStart(task) => {
                let Some(place) = self.place(record) else {
                    return;
                };
                let parent = task.parent.as_ref().and_then(|parent| {
                    let parent = (record.project.clone(), parent.session.clone());
                    self.place.get(&parent).copied()
                });
                if let Some((_, parent)) = parent
                    .filter(|parent| *parent != place)
                    .and_then(|parent| self.told.get_mut(parent))
                {
                    for given in &mut parent.handoffs {
                        given.after.see_child(given.at, record, place);
                    }
                }
                self.tell(place, record);
            }
            Body::SessionResume(_)
            | Body::SessionEnd(_)
            | Body::ModelCall(_)
            | Body::Attempt(_) => {
                if let Some(place) = self.place(record) {
                    self.tell(place, record);
                }
            }
            _ => {}
        }
    }

    fn finish(self) -> HandoffsReport {
        let mut left_out = self.left_out;
        let (mut lines, beyond) = Lines::most_frequent(&self.counted);
        left_out.paths = beyond + self.others.handoffs;
        let ends = |path| self.paths.ends(path);
        let other = |place: usize| self.told.get(place).map(|(_, session)| session);
        let mut chains = Chains::default();
        let mut sessions = 0;
        for (id, session) in &self.told {
            lines.add(id, session, ends, other);
            if session.handoffs.is_empty() {
                continue;
            }
            sessions += 1;
            let paths: Vec<usize> = session.handoffs.iter().map(|given| given.path).collect();
            let is_success = session.outcome() == Some(Outcome::Success);
            chains.add(id, &paths, ends, is_success);
        }
        let mut all = self.others;
        for counted in &self.counted {
            all.absorb(counted);
        }
        let (automatic, manual) = all.initiators();
        let paths = lines.finish(&self.counted, ends);
        let (chains, chains_left_out) = chains.finish(ends);
        left_out.chains = chains_left_out;
        HandoffsReport {
            schema: SCHEMA,
            period: self.period,
            handoffs: all.handoffs,
            automatic,
            manual,
            sessions,
            paths,
            reasons: all.reasons(),
            chains,
            left_out,
        }
    }
}

impl Fold {
    pub(super) fn new(period: Period) -> Self {
        Self {
            period: period.outward(Span::Minute),
            place: HashMap::new(),
            told: Vec::new(),
            paths: Paths::default(),
            counted: Vec::new(),
            others: Counted::default(),
            left_out: HandoffsLeftOut::default(),
        }
    }

    fn tell(&mut self, place: usize, record: &Record) {
        if let Some((_, session)) = self.told.get_mut(place) {
            session.add(record, self.period);
        }
    }

    fn place(&mut self, record: &Record) -> Option<usize> {
        let session = record.session.as_ref()?;
        let key = (record.project.clone(), session.clone());
        if let Some(place) = self.place.get(&key) {
            return Some(*place);
        }
        if self.told.len() >= SESSIONS {
            return None;
        }
        self.told.push((session.clone(), OneSession::default()));
        self.place.insert(key, self.told.len() - 1);
        Some(self.told.len() - 1)
    }

    fn give(&mut self, record: &Record, handoff: &Handoff) {
        let Some(path) = self.paths.number(handoff) else {
            self.others.add(handoff);
            return;
        };
        self.counted
            .resize_with(self.paths.ends.len(), Counted::default);
        if let Some(counted) = self.counted.get_mut(path) {
            counted.add(handoff);
        }
        self.left_out.no_session += u64::from(record.session.is_none());
        let Some(place) = self.place(record) else {
            self.left_out.beyond += u64::from(record.session.is_some());
            return;
        };
        let Some((_, session)) = self.told.get_mut(place) else {
            return;
        };
        let given = Given {
            path,
            at: record.at,
            spent_before: session.spent,
            unpriced_before: session.unpriced,
            after: After::Awaited(handoff.to.clone()),
        };
        if !session.give(given) {
            self.left_out.beyond += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{AgentId, HandoffReason, ModelId, ProviderId, Timestamp};

    use super::*;
    use crate::ModelCall;

    #[test]
    fn session_with_a_hundred_thousand_handoffs_takes_no_more_memory_than_one_with_64() {
        let mut fold = Fold::new(Period::ALL);
        let session = SessionId::new("s").unwrap();
        let agent = |number: u32| AgentId::new(format!("a{number}")).unwrap();
        for number in 0..100_000 {
            let of = |body: Body| {
                let at = Timestamp::from_unix_seconds(number.into());
                let record = Record::new(at, body).of_session(session.clone());
                record.of_agent(agent(number))
            };
            let to = agent(number + 1);
            let handoff = Handoff::automatic(agent(number), to, HandoffReason::Quality);
            fold.add(&of(handoff.into()));
            let model = ModelId::new("m").unwrap();
            let call = ModelCall::new(ProviderId::new("p").unwrap(), model);
            fold.add(&of(call.into()));
            fold.add(&of(Body::SessionStart(crate::Task::default())));
        }
        assert_eq!((fold.told.len(), fold.place.len()), (1, 1));
        assert_eq!(
            (fold.paths.ends.len(), fold.paths.number.len()),
            (PATHS, PATHS)
        );
        assert_eq!(fold.counted.len(), PATHS);
        assert_eq!(fold.told[0].1.followed(), (64, 64));
        let report = fold.finish();
        assert_eq!(report.handoffs, 100_000, "all of them count");
        let it = report.left_out;
        // Those on further paths are not followed either.
        assert_eq!((it.paths, it.beyond), (100_000 - 64, PATHS as u64 - 64));
    }
}
