//! Records into the calls of each session, and those into what is told of them.

use std::collections::{BTreeMap, HashMap};

use agent_primitives::{AgentId, SessionId, Timestamp, ToolName};

use super::super::folded::Folded;
use super::lines::Lines;
use super::stream::{Call, Found, Turns};
use super::{SCHEMA, SequencesLeftOut, ToolSequencesReport};
use crate::{Body, Outcome, Period, ProjectId, Record, Span, ToolCall};

/// Calls and sessions in memory: some 60 MB.
const CALLS: usize = 1 << 19;
const SESSIONS: usize = 1 << 17;
/// Tools that are told apart, and agents of one session.
const TOOLS: usize = 4_096;
const AGENTS: usize = 64;

type Key = (Option<ProjectId>, SessionId);

#[derive(Debug)]
pub(in crate::report) struct Fold {
    period: Period,
    tools: Tools,
    number: HashMap<Key, u64>,
    /// In the order of recording.
    told: BTreeMap<u64, (Key, OneSession)>,
    next: u64,
    in_memory: usize,
    calls: u64,
    sessions: u64,
    lines: Lines,
    left_out: SequencesLeftOut,
}

/// Tools by number.
#[derive(Debug, Default)]
pub(super) struct Tools {
    number: HashMap<ToolName, u16>,
    names: Vec<ToolName>,
}

#[derive(Debug, Default)]
struct OneSession {
    workers: Vec<Worker>,
    last_outcome: Option<Outcome>,
}

#[derive(Debug)]
struct Worker {
    agent: Option<AgentId>,
    at_work: bool,
    calls: Vec<Call>,
    asked: Turns,
    /// When the newest of all model calls had ended.
    asked_at: Option<Timestamp>,
    /// Whether the next call follows on the last one.
    follows: bool,
}

impl Tools {
    fn number(&mut self, tool: &ToolName) -> Option<u16> {
        if let Some(number) = self.number.get(tool) {
            return Some(*number);
        }
        if self.names.len() >= TOOLS {
            return None;
        }
        let number = u16::try_from(self.names.len()).ok()?;
        self.names.push(tool.clone());
        self.number.insert(tool.clone(), number);
        Some(number)
    }

    pub(super) fn name(&self, number: u16) -> Option<ToolName> {
        self.names.get(usize::from(number)).cloned()
    }
}

impl Folded for Fold {
    type Report = ToolSequencesReport;

    fn add(&mut self, record: &Record) {
        let is_told = matches!(
            record.body,
            Body::SessionStart(_)
                | Body::SessionResume(_)
                | Body::SessionEnd(_)
                | Body::ModelCall(_)
                | Body::ToolCall(_)
        );
        // Usage that no call explains belongs to no turn.
        let is_told = is_told && !record.body.is_unexplained();
        if !is_told || !self.period.contains(record.at) {
            return;
        }
        let tool = match &record.body {
            Body::ToolCall(call) => self.tools.number(&call.tool),
            _ => None,
        };
        let Some((_, session)) = self
            .place(record)
            .and_then(|place| self.told.get_mut(&place))
        else {
            let is_call = matches!(record.body, Body::ToolCall(_));
            self.left_out.no_session += u64::from(is_call);
            return;
        };
        if let Body::SessionEnd(end) = &record.body {
            session.last_outcome = Some(end.outcome);
        }
        let Some(worker) = session.worker(record) else {
            self.left_out.beyond += u64::from(tool.is_some());
            return;
        };
        match &record.body {
            Body::ToolCall(call) => {
                self.calls += 1;
                if let Some(tool) = tool {
                    worker.call(record, call, tool);
                    self.in_memory += 1;
                } else {
                    worker.follows = false;
                    self.left_out.beyond += 1;
                }
            }
            Body::ModelCall(call) => {
                worker.asked.add(call);
                worker.asked_at = worker.asked_at.max(Some(record.at));
            }
            body => {
                worker.at_work = !matches!(body, Body::SessionEnd(_));
                worker.follows = false;
            }
        }
        if self.in_memory >= CALLS || self.told.len() >= SESSIONS {
            self.make_room();
        }
    }

    fn finish(mut self) -> ToolSequencesReport {
        let all = self.told.keys().copied().collect();
        self.look_through(all);
        let mut left_out = self.left_out;
        let told = self.lines.finish(&self.tools, &mut left_out);
        ToolSequencesReport {
            schema: SCHEMA,
            period: self.period,
            calls: self.calls,
            sessions: self.sessions,
            sequences: told.sequences,
            repeats: told.repeats,
            back_and_forth: told.back_and_forth,
            left_out,
        }
    }
}

impl Fold {
    pub(in crate::report) fn new(period: Period) -> Self {
        Self {
            period: period.outward(Span::Minute),
            tools: Tools::default(),
            number: HashMap::new(),
            told: BTreeMap::new(),
            next: 0,
            in_memory: 0,
            calls: 0,
            sessions: 0,
            lines: Lines::default(),
            left_out: SequencesLeftOut::default(),
        }
    }

    fn place(&mut self, record: &Record) -> Option<u64> {
        let key = (record.project.clone(), record.session.clone()?);
        if let Some(place) = self.number.get(&key) {
            return Some(*place);
        }
        let place = self.next;
        self.next += 1;
        self.number.insert(key.clone(), place);
        self.told.insert(place, (key, OneSession::default()));
        Some(place)
    }

    /// First the sessions that have ended; all of them where that is not half.
    fn make_room(&mut self) {
        let ended = self.told.iter().filter(|(_, (_, it))| it.has_ended());
        let ended: Vec<u64> = ended.map(|(place, _)| *place).collect();
        self.look_through(ended);
        if self.in_memory >= CALLS / 2 || self.told.len() >= SESSIONS / 2 {
            self.left_out.cut += self.told.len() as u64;
            let all = self.told.keys().copied().collect();
            self.look_through(all);
        }
    }

    fn look_through(&mut self, places: Vec<u64>) {
        for place in places {
            let Some((key, session)) = self.told.remove(&place) else {
                continue;
            };
            let mut found = Found::default();
            let mut is_any = false;
            for worker in &session.workers {
                self.in_memory = self.in_memory.saturating_sub(worker.calls.len());
                is_any |= !worker.calls.is_empty();
                found.add(&worker.calls);
            }
            self.sessions += u64::from(is_any);
            self.lines.add(&key.1, &found, session.outcome());
            self.number.remove(&key);
        }
    }
}

impl OneSession {
    /// `None` for one agent too many.
    fn worker(&mut self, record: &Record) -> Option<&mut Worker> {
        let known = self.workers.iter().position(|it| it.agent == record.agent);
        let place = match known {
            Some(place) => place,
            None if self.workers.len() < AGENTS => {
                self.workers.push(Worker {
                    agent: record.agent.clone(),
                    at_work: false,
                    calls: Vec::new(),
                    asked: Turns::default(),
                    asked_at: None,
                    follows: false,
                });
                self.workers.len() - 1
            }
            None => return None,
        };
        self.workers.get_mut(place)
    }

    fn has_ended(&self) -> bool {
        self.outcome().is_some()
    }

    /// `None` while anybody works in it, or after the process of one died.
    fn outcome(&self) -> Option<Outcome> {
        if self.workers.iter().any(|worker| worker.at_work) {
            return None;
        }
        self.last_outcome
    }
}

impl Worker {
    fn call(&mut self, record: &Record, call: &ToolCall, tool: u16) {
        self.calls.push(Call {
            tool,
            outcome: call.outcome,
            at: record.at,
            elapsed: call.elapsed,
            before: std::mem::take(&mut self.asked),
            asked_at: self.asked_at,
            is_first: !self.follows,
        });
        self.follows = true;
    }
}
