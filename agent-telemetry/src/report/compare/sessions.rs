//! Records into how each session went.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use agent_primitives::{AgentId, SessionId, Usd};

use super::sides::Sides;
use super::{CompareConfig, Contender, ContenderKind, SessionResult};
use crate::{Body, ModelCall, Outcome, Period, ProjectId, Record, SessionEnd, Span, Task};

/// Sessions that are followed, so that memory is bounded.
const SESSIONS: usize = 1 << 20;
/// Agents of a session that are followed.
const AGENTS: usize = 64;

type Key = (Option<ProjectId>, SessionId);

#[derive(Debug)]
pub(super) struct Sessions {
    pub(super) period: Period,
    pub(super) config: CompareConfig,
    place: HashMap<Key, usize>,
    /// In the order of recording.
    told: Vec<(SessionId, OneSession)>,
    beyond: u64,
}

#[derive(Debug, Default)]
struct OneSession {
    task_type: Option<Cow<'static, str>>,
    workers: Vec<Worker>,
    first_asked: Option<Contender>,
    last_outcome: Option<Outcome>,
}

/// One agent in a session.
#[derive(Debug, Default)]
struct Worker {
    agent: Option<AgentId>,
    at_work: bool,
    /// Whether its first mark is a start within the period.
    began: bool,
    marks: Marks,
    outcome: Option<Outcome>,
    elapsed: Duration,
    spent: Spent,
}

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    cost: Usd,
    unpriced: bool,
}

impl Sessions {
    pub(super) fn new(period: Period, config: &CompareConfig) -> Self {
        Self {
            period: period.outward(Span::Minute),
            config: config.clone(),
            place: HashMap::new(),
            told: Vec::new(),
            beyond: 0,
        }
    }

    pub(super) fn tell(&mut self, record: &Record) {
        let Some(session) = &record.session else {
            return;
        };
        if self.config.project.is_some() && record.project != self.config.project {
            return;
        }
        let is_told = matches!(
            record.body,
            Body::SessionStart(_)
                | Body::SessionResume(_)
                | Body::SessionEnd(_)
                | Body::ModelCall(_)
        );
        if !is_told {
            return;
        }
        let key = (record.project.clone(), session.clone());
        let place = match self.place.get(&key) {
            Some(place) => *place,
            None if self.told.len() >= SESSIONS => {
                self.beyond += u64::from(matches!(record.body, Body::SessionStart(_)));
                return;
            }
            None => {
                self.told.push((session.clone(), OneSession::default()));
                self.place.insert(key, self.told.len() - 1);
                self.told.len() - 1
            }
        };
        if let Some((_, session)) = self.told.get_mut(place)
            && !session.add(record, self.period)
        {
            self.beyond += u64::from(matches!(record.body, Body::SessionStart(_)));
        }
    }

    pub(super) fn sides(self) -> Sides {
        let mut sides = Sides::default();
        sides.left_out.beyond = self.beyond;
        for (id, session) in self.told {
            if !self.config.is_asked_for(session.task_type.as_deref()) {
                continue;
            }
            match self.config.of {
                ContenderKind::Agents => session.by_agent(&id, &mut sides),
                ContenderKind::Models => session.by_model(&id, &mut sides),
            }
        }
        sides
    }
}

impl OneSession {
    /// Whether its agent is one of those that are followed.
    fn add(&mut self, record: &Record, period: Period) -> bool {
        let when = When::of(record, period);
        match &record.body {
            Body::SessionStart(task) | Body::SessionResume(task) => self.name(task),
            Body::SessionEnd(end) => self.last_outcome = Some(end.outcome),
            Body::ModelCall(call) if self.first_asked.is_none() && !call.is_unexplained() => {
                self.first_asked = Some(Contender::Model {
                    provider: call.provider.clone(),
                    model: call.model.clone(),
                });
            }
            _ => {}
        }
        let Some(worker) = self.worker(record) else {
            return false;
        };
        match &record.body {
            Body::SessionStart(_) => worker.begin(true, when),
            Body::SessionResume(_) => worker.begin(false, when),
            Body::SessionEnd(end) => worker.end(end, when),
            Body::ModelCall(call) => worker.spent.add(call),
            _ => {}
        }
        true
    }

    fn name(&mut self, task: &Task) {
        if self.task_type.is_none() {
            self.task_type.clone_from(&task.task_type);
        }
    }

    /// `None` beyond the bound.
    fn worker(&mut self, record: &Record) -> Option<&mut Worker> {
        let of = self.workers.iter().position(|it| it.agent == record.agent);
        let place = of.unwrap_or(self.workers.len());
        if place >= AGENTS {
            return None;
        }
        if of.is_none() {
            self.workers.push(Worker {
                agent: record.agent.clone(),
                ..Worker::default()
            });
        }
        self.workers.get_mut(place)
    }

    fn by_agent(self, session: &SessionId, sides: &mut Sides) {
        for worker in self.workers {
            // An agent that only asks has no end that could be a success or none.
            if worker.marks.is_none() {
                continue;
            }
            let standing = worker.standing();
            let (Standing::Whole(outcome), Some(agent)) = (standing, worker.agent) else {
                sides.left_out.unnamed += u64::from(matches!(standing, Standing::Whole(_)));
                standing.count(sides);
                continue;
            };
            sides.add(&SessionResult {
                who: Contender::Agent(agent),
                session: session.clone(),
                task_type: self.task_type.clone(),
                outcome,
                cost: worker.spent.known(),
                elapsed: worker.elapsed,
            });
        }
    }

    fn by_model(self, session: &SessionId, sides: &mut Sides) {
        let mut standing = None;
        let (mut spent, mut elapsed) = (Spent::default(), Duration::ZERO);
        for worker in &self.workers {
            spent.absorb(worker.spent);
            elapsed = elapsed.saturating_add(worker.elapsed);
            if !worker.marks.is_none() {
                standing = standing.max(Some(worker.standing()));
            }
        }
        let Some(standing) = standing else {
            return;
        };
        match (standing, self.last_outcome, self.first_asked) {
            (Standing::Whole(_), Some(outcome), Some(who)) => sides.add(&SessionResult {
                who,
                session: session.clone(),
                task_type: self.task_type,
                outcome,
                cost: spent.known(),
                elapsed,
            }),
            (Standing::Whole(_), ..) => sides.left_out.unnamed += 1,
            _ => standing.count(sides),
        }
    }
}

/// Whether an agent's part in a session can be counted; what is worse for that is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// No mark of it is in the period.
    Outside,
    Whole(Outcome),
    Partly,
    Open,
}

impl Standing {
    fn count(self, sides: &mut Sides) {
        match self {
            Self::Outside | Self::Whole(_) => {}
            Self::Partly => sides.left_out.partly += 1,
            Self::Open => sides.left_out.open += 1,
        }
    }
}

/// How many starts, resumptions and ends lie where.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    before: u64,
    within: u64,
    behind: u64,
}

impl Marks {
    const fn is_none(self) -> bool {
        self.before == 0 && self.within == 0 && self.behind == 0
    }

    const fn add(&mut self, when: When) {
        match when {
            When::Before => self.before += 1,
            When::Within => self.within += 1,
            When::Behind => self.behind += 1,
        }
    }
}

/// Where a mark lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    Within,
    Behind,
}

impl When {
    fn of(record: &Record, period: Period) -> Self {
        if record.at < period.from() {
            Self::Before
        } else if record.at < period.to() {
            Self::Within
        } else {
            Self::Behind
        }
    }
}

impl Worker {
    fn begin(&mut self, is_start: bool, when: When) {
        self.began |= self.marks.is_none() && is_start && when == When::Within;
        self.marks.add(when);
        self.at_work = true;
    }

    fn end(&mut self, end: &SessionEnd, when: When) {
        self.marks.add(when);
        self.at_work = false;
        self.outcome = Some(end.outcome);
        self.elapsed = self.elapsed.saturating_add(end.elapsed);
    }

    const fn standing(&self) -> Standing {
        match self.outcome {
            _ if self.marks.within == 0 => Standing::Outside,
            _ if !self.began || self.marks.behind > 0 => Standing::Partly,
            Some(outcome) if !self.at_work => Standing::Whole(outcome),
            _ => Standing::Open,
        }
    }
}

impl Spent {
    fn add(&mut self, call: &ModelCall) {
        self.cost += call.cost.unwrap_or_default();
        self.unpriced |= call.is_unpriced();
    }

    fn absorb(&mut self, other: Self) {
        self.cost += other.cost;
        self.unpriced |= other.unpriced;
    }

    fn known(self) -> Option<Usd> {
        (!self.unpriced).then_some(self.cost)
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;

    #[test]
    fn session_with_a_hundred_thousand_agents_takes_no_more_memory_than_one_with_64() {
        let mut sessions = Sessions::new(Period::ALL, &CompareConfig::default());
        for number in 0..100_000 {
            let record = |body: Body| {
                let agent = AgentId::new(format!("a{number}")).unwrap();
                let at = Timestamp::from_unix_seconds(number);
                let record = Record::new(at, body).of_agent(agent);
                record.of_session(SessionId::new("s").unwrap())
            };
            sessions.tell(&record(Body::SessionStart(Task::default())));
            let end = SessionEnd::new(Outcome::Success, Duration::from_secs(1));
            sessions.tell(&record(end.into()));
        }
        assert_eq!((sessions.told.len(), sessions.place.len()), (1, 1));
        assert_eq!(sessions.told[0].1.workers.len(), AGENTS);
        assert_eq!(sessions.beyond, 100_000 - AGENTS as u64);
    }
}
