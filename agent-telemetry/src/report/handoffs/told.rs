//! What was told of sessions, in the order of recording.

use std::borrow::Cow;
use std::collections::HashMap;

use agent_primitives::{AgentId, Handoff, Party, SessionId, Timestamp};

use super::after::After;
use super::session::{Given, OneSession};
use crate::{ProjectId, Record};

/// Sessions that are followed, and paths that are told apart, so that memory is bounded.
const SESSIONS: usize = 1 << 20;
const PATHS: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Told {
    place: HashMap<(Option<ProjectId>, SessionId), usize>,
    sessions: Vec<(SessionId, OneSession)>,
    paths: Paths,
    strata: Strata,
    /// Sessions of which something was told since the last look.
    changed: Vec<usize>,
}

/// Where one handoff of a session is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) session: usize,
    /// Among the handoffs of the session.
    pub(super) number: usize,
}

/// Givers and takers by number.
#[derive(Debug, Default)]
struct Paths {
    number: HashMap<(Party, Party), usize>,
    ends: Vec<(Party, Party)>,
}

/// Who began a session, and what it is about.
pub(super) type Stratum = (Option<AgentId>, Option<Cow<'static, str>>);

/// Of such pairs, each by number: as many as there are sessions at most, twice.
#[derive(Debug, Default)]
struct Strata {
    number: HashMap<Stratum, usize>,
    all: Vec<Stratum>,
}

impl Told {
    /// The number of a path; `None` for those beyond the bound.
    pub(super) fn path(&mut self, handoff: &Handoff) -> Option<usize> {
        let ends = (handoff.from.clone(), handoff.to.clone());
        if let Some(number) = self.paths.number.get(&ends) {
            return Some(*number);
        }
        if self.paths.ends.len() >= PATHS {
            return None;
        }
        self.paths.ends.push(ends.clone());
        self.paths.number.insert(ends, self.paths.ends.len() - 1);
        Some(self.paths.ends.len() - 1)
    }

    pub(super) fn ends(&self, path: usize) -> Option<&(Party, Party)> {
        self.paths.ends.get(path)
    }

    pub(super) fn stratum(&self, number: usize) -> Option<&Stratum> {
        self.strata.all.get(number)
    }

    pub(super) fn name(&self, place: usize) -> Option<&SessionId> {
        self.sessions.get(place).map(|(name, _)| name)
    }

    pub(super) fn session(&self, place: usize) -> Option<&OneSession> {
        self.sessions.get(place).map(|(_, session)| session)
    }

    /// A handoff with its session.
    pub(super) fn line(&self, line: Line) -> Option<(&OneSession, &Given)> {
        let session = self.session(line.session)?;
        Some((session, session.handoffs.get(line.number)?))
    }

    /// `None` without a session, and for those beyond the bound.
    pub(super) fn place(&mut self, record: &Record) -> Option<usize> {
        let session = record.session.as_ref()?;
        let key = (record.project.clone(), session.clone());
        if let Some(place) = self.place.get(&key) {
            return Some(*place);
        }
        if self.sessions.len() >= SESSIONS {
            return None;
        }
        self.sessions.push((session.clone(), OneSession::default()));
        self.place.insert(key, self.sessions.len() - 1);
        Some(self.sessions.len() - 1)
    }

    /// A handoff of that session, followed or not.
    pub(super) fn mark(&mut self, place: usize) {
        if let Some((_, session)) = self.sessions.get_mut(place)
            && !std::mem::replace(&mut session.has_given, true)
        {
            self.change(place);
        }
    }

    /// A handoff on that path, followed unless the session has too many.
    pub(super) fn give(
        &mut self,
        place: usize,
        path: usize,
        at: Timestamp,
        handoff: &Handoff,
    ) -> Option<Line> {
        let (_, session) = self.sessions.get_mut(place)?;
        let given = Given {
            path,
            at,
            spent_before: session.spent,
            unpriced_before: session.unpriced,
            after: After::Awaited(handoff.to.clone()),
        };
        let number = session.give(given)?;
        self.change(place);
        Some(Line {
            session: place,
            number,
        })
    }

    /// A record of a session; says when the session began, where this is what says it.
    pub(super) fn tell(&mut self, place: usize, record: &Record) -> Option<Timestamp> {
        let (_, session) = self.sessions.get_mut(place)?;
        let knew = session.began;
        session.add(record);
        let learnt = session.began.filter(|_| knew.is_none());
        self.change(place);
        learnt
    }

    /// The start of a session, at that place, which names another one as its parent.
    pub(super) fn tell_parent(&mut self, parent: &SessionId, place: usize, record: &Record) {
        let parent = (record.project.clone(), parent.clone());
        let Some(&parent) = self.place.get(&parent).filter(|parent| **parent != place) else {
            return;
        };
        let Some((_, session)) = self.sessions.get_mut(parent) else {
            return;
        };
        let mut is_taken = false;
        for given in &mut session.handoffs {
            is_taken |= given.after.see_child(given.at, record, place);
        }
        if is_taken {
            self.change(parent);
            if let Some((_, child)) = self.sessions.get_mut(place) {
                child.parents.insert(parent);
            }
        }
    }

    fn change(&mut self, place: usize) {
        if let Some((_, session)) = self.sessions.get_mut(place)
            && !std::mem::replace(&mut session.is_changed, true)
        {
            self.changed.push(place);
        }
    }

    /// When something happened of which there is more to be said since the last look, which this is.
    pub(super) fn look(&mut self, mut at: impl FnMut(Timestamp)) {
        for place in std::mem::take(&mut self.changed) {
            let Some((_, session)) = self.sessions.get_mut(place) else {
                continue;
            };
            session.is_changed = false;
            if session.began.is_some() {
                let stratum = (session.agent.clone(), session.task_type.clone());
                session.stratum = Some(self.strata.number(stratum));
            }
            session.began.into_iter().for_each(&mut at);
            let parents = session.parents.clone();
            for place in [place].into_iter().chain(parents) {
                for given in self.session(place).into_iter().flat_map(|it| &it.handoffs) {
                    at(given.at);
                }
            }
        }
    }
}

impl Strata {
    fn number(&mut self, stratum: Stratum) -> usize {
        let all = &mut self.all;
        *self.number.entry(stratum).or_insert_with_key(|stratum| {
            all.push(stratum.clone());
            all.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{HandoffReason, ModelId, ProviderId};

    use super::*;
    use crate::{Body, HandoffsReport, ModelCall, Period, Task};

    fn hostile() -> Vec<Record> {
        let session = SessionId::new("s").unwrap();
        let agent = |number: u32| AgentId::new(format!("a{number}")).unwrap();
        let mut records = Vec::new();
        for number in 0..100_000 {
            let mut give = |body: Body| {
                let at = Timestamp::from_unix_seconds(number.into());
                let record = Record::new(at, body).of_session(session.clone());
                records.push(record.of_agent(agent(number)));
            };
            let to = agent(number + 1);
            give(Handoff::automatic(agent(number), to, HandoffReason::Quality).into());
            let model = ModelId::new("m").unwrap();
            give(ModelCall::new(ProviderId::new("p").unwrap(), model).into());
            give(Body::SessionStart(Task::default()));
        }
        records
    }

    #[test]
    fn session_with_a_hundred_thousand_handoffs_is_followed_as_one_with_64() {
        let records = hostile();
        let mut told = Told::default();
        for record in &records {
            let place = told.place(record).unwrap();
            match &record.body {
                Body::Handoff(handoff) => {
                    if let Some(path) = told.path(handoff) {
                        told.give(place, path, record.at, handoff);
                    }
                }
                _ => {
                    told.tell(place, record);
                }
            }
        }
        assert_eq!((told.sessions.len(), told.place.len()), (1, 1));
        assert_eq!(
            (told.paths.ends.len(), told.paths.number.len()),
            (PATHS, PATHS)
        );
        assert_eq!(told.sessions[0].1.followed(), (64, 64));

        let report = HandoffsReport::of(Period::ALL, &records);
        assert_eq!(report.handoffs, 100_000, "all of them count");
        let it = report.left_out;
        // Those on further paths are not followed either.
        assert_eq!((it.paths, it.beyond), (100_000 - 64, PATHS as u64 - 64));
    }
}
