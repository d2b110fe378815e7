//! Looks for what a taker would miss.

use super::{Held, Missing, Package, Piece, Receiver, Verdict};
use crate::history::check;
use crate::redact::Redaction;
use crate::{CountTokens, Drift, StepStatus};

/// Details that are named one by one; more are counted.
const NAMED: usize = 8;

impl Package {
    /// Whether `receiver` can go on with the package. It cannot begin without an objective, with messages
    /// that a provider would refuse, or with instructions and objective that its window does not take. It is
    /// incomplete where
    ///
    /// - a part that the [scenario](super::Scenario::needs) asks for is empty,
    /// - the objective, an instruction, an open call, a request, a fact, a decision, a next step or a failed attempt was
    ///   shortened or left out, here or on the way here,
    /// - a decision has no reason,
    /// - an artifact that is no address (`…://…`) has no digest, or is not there or another at the receiver,
    /// - an open call needs a tool that the receiver has not, or that is another there,
    /// - a tool server of the giver is not connected,
    /// - the first messages are longer than the window,
    /// - something looks like a secret that the receiver may not have.
    ///
    /// What the receiver does not say is not checked. Asks the receiver for each artifact once and does nothing else.
    pub fn validate(&self, receiver: &Receiver<'_>) -> Verdict {
        let mut why = Vec::new();
        let mut missing = Vec::new();
        self.check_objective(&mut why);
        self.check_recent(&mut why);
        if let Some((window, counter)) = receiver.window {
            self.check_window(window, counter, &mut why, &mut missing);
        }
        self.check_needs(receiver, &mut missing);
        self.check_left_out(&mut missing);
        self.check_decisions(&mut missing);
        self.check_artifacts(receiver, &mut missing);
        self.check_tools(receiver, &mut missing);
        if let Some(redaction) = receiver.redaction {
            self.check_secrets(redaction, &mut missing);
        }
        Verdict::of(why, missing)
    }

    fn check_objective(&self, why: &mut Vec<Missing>) {
        if self
            .objective
            .as_deref()
            .unwrap_or_default()
            .trim()
            .is_empty()
        {
            let what = "nobody says what the task is; set `objective`";
            why.push(Missing::new(Piece::Objective, what));
        }
    }

    fn check_recent(&self, why: &mut Vec<Missing>) {
        let flaws = check(&self.recent);
        let named = flaws.iter().map(|flaw| {
            format!(
                "a provider would refuse the messages: {flaw}; repair them with `history::repair`"
            )
        });
        push_all(Piece::Recent, named, why);
    }

    fn check_window(
        &self,
        window: u64,
        counter: &dyn CountTokens,
        why: &mut Vec<Missing>,
        missing: &mut Vec<Missing>,
    ) {
        let opening = self.opening_within(super::begin::BRIEF_TOKENS, counter);
        let count = |sum: u64, message: &crate::Message| sum.saturating_add(counter.count(message));
        let needed = opening.iter().fold(0, count);
        if needed <= window {
            return;
        }
        let objective = crate::Message::user(self.objective.clone().unwrap_or_default());
        let least = self
            .instructions
            .iter()
            .fold(counter.count(&objective), count);
        if least > window {
            let what = format!(
                "task and instructions take {least} tokens where {window} fit; take another model, or shorten them"
            );
            why.push(Missing::new(Piece::Objective, what));
        } else {
            let what = format!(
                "the first messages take {needed} tokens where {window} fit; lower `recent_tokens`, or begin with a shorter brief"
            );
            missing.push(Missing::new(Piece::Recent, what));
        }
    }

    fn check_secrets(&self, redaction: &Redaction, missing: &mut Vec<Missing>) {
        let Ok(masked) = self.masked(redaction) else {
            let what = "the name of an agent looks like a secret; call it otherwise";
            missing.push(Missing::new(Piece::Agents, what));
            return;
        };
        let same = [
            (Piece::Objective, self.objective == masked.objective),
            (
                Piece::Instructions,
                self.instructions == masked.instructions,
            ),
            (Piece::Requests, self.requests == masked.requests),
            (Piece::Summary, self.summary == masked.summary),
            (Piece::Progress, self.progress == masked.progress),
            (Piece::Tried, self.tried == masked.tried),
            (Piece::Files, self.files == masked.files),
            (Piece::Facts, self.facts == masked.facts),
            (Piece::OpenCalls, self.open_calls == masked.open_calls),
            (Piece::Recent, self.recent == masked.recent),
            (Piece::Earlier, self.earlier == masked.earlier),
            (Piece::Components, self.work == masked.work),
            (Piece::Other("extra".into()), self.extra == masked.extra),
        ];
        let what = "something looks like a secret; give the package on `masked`";
        let found = same.into_iter().filter(|(_, is_same)| !is_same);
        missing.extend(found.map(|(piece, _)| Missing::new(piece, what)));
    }

    fn check_needs(&self, receiver: &Receiver<'_>, missing: &mut Vec<Missing>) {
        let scenario = receiver.scenario.unwrap_or(self.scenario);
        for piece in scenario.needs() {
            let (is_there, todo) = self.piece(piece);
            if !is_there {
                let what = format!("{todo}; a {scenario} handoff needs it");
                missing.push(Missing::new(piece.clone(), what));
            }
        }
    }

    /// Whether a part says anything, and what to do where it does not.
    fn piece(&self, piece: &Piece) -> (bool, &'static str) {
        let work = &self.work;
        match piece {
            Piece::Progress => (
                !self.progress.is_empty() || !work.artifacts.is_empty(),
                "nothing says what is done; add to `progress`, or the artifacts",
            ),
            Piece::NextSteps => {
                let mut steps = work.workflow.iter().flat_map(|workflow| &workflow.steps);
                let goes_on = |status: &StepStatus| {
                    matches!(status, StepStatus::Running | StepStatus::Pending)
                };
                let is_there = !self.open_calls.is_empty()
                    || work.next_steps.iter().any(|step| !step.is_done())
                    || steps.any(|step| goes_on(&step.status));
                (is_there, "nothing says how to go on; add a next step")
            }
            Piece::Recent => (
                !self.recent.is_empty(),
                "there are no messages to go on from; raise `recent_tokens`",
            ),
            Piece::Tried => (
                !self.tried.is_empty(),
                "nothing says what was not good enough; add to `tried`",
            ),
            Piece::Taker => (
                self.to.is_some(),
                "nobody is named who takes the work; set `to`",
            ),
            Piece::Checkpoint => (
                self.from.checkpoint.is_some(),
                "no checkpoint is named; save first, or set `from.checkpoint`",
            ),
            _ => (true, ""),
        }
    }

    fn check_left_out(&self, missing: &mut Vec<Missing>) {
        for piece in [
            Piece::Objective,
            Piece::Instructions,
            Piece::OpenCalls,
            Piece::Requests,
            Piece::Facts,
            Piece::Decisions,
            Piece::NextSteps,
            Piece::Tried,
        ] {
            if let Some(count) = self.left_out.get(&piece).filter(|count| **count > 0) {
                let what = format!(
                    "{count} shortened or left out; raise the bounds, or take the count out of `left_out` where that is as it should be"
                );
                missing.push(Missing::new(piece, what));
            }
        }
    }

    fn check_decisions(&self, missing: &mut Vec<Missing>) {
        let decisions = self.work.decisions.iter();
        let bare = decisions.filter(|decision| decision.why.trim().is_empty());
        let named = bare.map(|decision| format!("{:?} has no reason; say why", decision.what));
        push_all(Piece::Decisions, named, missing);
    }

    fn check_artifacts(&self, receiver: &Receiver<'_>, missing: &mut Vec<Missing>) {
        let named = self.work.artifacts.iter().filter_map(|artifact| {
            let path = &artifact.path;
            if path.contains("://") {
                return None;
            }
            if artifact.hash.is_none() {
                return Some(format!(
                    "{path} has no digest; make it with `Artifact::of_bytes`"
                ));
            }
            match receiver.artifacts?(artifact) {
                Held::Same => None,
                Held::Different => Some(format!(
                    "{path} is another than the one handed over; send that, or say why it changed"
                )),
                Held::Absent => Some(format!("{path} is not there; send it")),
                Held::Unknown => Some(format!(
                    "the digest of {path} cannot be compared; compare it and say `Held::Same`"
                )),
            }
        });
        push_all(Piece::Artifacts, named, missing);
    }

    fn check_tools(&self, receiver: &Receiver<'_>, missing: &mut Vec<Missing>) {
        if let Some(servers) = &receiver.servers {
            let gone = self.work.mcp_servers.iter().filter(|saved| {
                let mut same = servers.iter();
                !same.any(|server| server.name == saved.name)
            });
            let gone = gone.map(|saved| format!("{} is not connected; connect it", saved.name));
            push_all(Piece::ToolServers, gone, missing);
        }
        if receiver.tools.is_none() && receiver.servers.is_none() {
            return;
        }
        let named = self.open_calls.iter().filter_map(|call| {
            let name = &call.name;
            let has = receiver.tools.as_ref().is_some_and(|tools| tools.contains(name));
            let servers = receiver.servers.iter().flatten();
            let offered = servers.filter_map(|now| Some((now, now.tool_called(name)?)));
            let offered: Vec<_> = offered.collect();
            if !has && offered.is_empty() {
                return Some(format!(
                    "the call {:?} needs the tool {name}, which is not there; offer it, or answer the call",
                    call.id
                ));
            }
            let drift = offered.into_iter().find_map(|(now, tool)| {
                let saved = self.work.mcp_server(&now.name)?;
                saved.drift(now).into_iter().find(|drift| drift.breaks(tool))
            });
            drift.map(|drift: Drift| {
                format!("the call {:?} needs the tool {name}, and {drift}", call.id)
            })
        });
        push_all(Piece::OpenCalls, named, missing);
    }
}

/// The first few by name, and how many more there are.
fn push_all(piece: Piece, what: impl Iterator<Item = String>, missing: &mut Vec<Missing>) {
    let mut more = 0_u64;
    for (at, what) in what.enumerate() {
        if at < NAMED {
            missing.push(Missing::new(piece.clone(), what));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        missing.push(Missing::new(piece, format!("and {more} more of the same")));
    }
}
