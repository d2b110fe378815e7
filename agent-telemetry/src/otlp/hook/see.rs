//! From hooks to what was seen. Which names of events tell what stands here alone.

use agent_primitives::Timestamp;
use twox_hash::XxHash3_128;

use super::super::seen::{Channel, Seen, ToolSeen, What, Who};
use super::figures::HookFigures;
use super::input::Input;
use super::open::Open;
use crate::{Outcome, ToolOutcome};

/// What the hook of a status line is called, where it is called anything.
const STATUS: &str = "Status";
/// Events that tell something, be it that the session is at work.
const EVENTS: &[&str] = &[
    "SessionStart",
    "SessionEnd",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "Notification",
    "Stop",
    STATUS,
];
/// Calls of tools, and agents, that are under way.
const OPEN: usize = 4_096;
/// Sessions whose compaction is under way.
const COMPACTING: usize = 1_024;

/// How far a compaction is of which two or three hooks tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compacting {
    /// It is to begin.
    Announced { automatic: bool },
    /// It is over, and was told by the session that went on.
    Told,
}

/// What is kept from one hook to the next.
#[derive(Debug)]
pub(crate) struct Hooks {
    seed: u64,
    /// When calls of tools began.
    tools: Open<Timestamp>,
    /// Since when sessions, and subagents, are at work.
    agents: Open<Timestamp>,
    compacting: Open<Compacting>,
    figures: HookFigures,
}

impl Hooks {
    /// With a secret, so that nobody can make two ids look like one.
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            tools: Open::new(OPEN),
            agents: Open::new(OPEN),
            compacting: Open::new(COMPACTING),
            figures: HookFigures {
                known: 0,
                unknown: 0,
                invalid: 0,
                incomplete: 0,
                forgotten: 0,
            },
        }
    }

    /// Tells what one hook says that came at `now`.
    pub(crate) fn see(&mut self, input: &Input<'_>, who: Who, now: Timestamp, out: &mut Vec<Seen>) {
        let key = |what: u8, id: &str| {
            let session = who.session.as_ref().map_or("", |it| it.as_str());
            let bytes = [&[what], session.as_bytes(), &[0], id.as_bytes()].concat();
            XxHash3_128::oneshot_with_seed(self.seed, &bytes)
        };
        let event = input.hook_event_name.as_deref().unwrap_or(STATUS);
        if !EVENTS.contains(&event) {
            self.figures.unknown += 1;
            return;
        }
        self.figures.known += 1;
        let agent = key(b'a', input.agent());
        if !self.agents.knows(agent) {
            self.agents.put(agent, now);
        }
        let tool = input.call().map(|it| key(b't', it));
        let began = What::Began { resumed: false };
        let what = match event {
            "SessionStart" => match input.source.as_deref() {
                Some("compact") => self.went_on(agent).unwrap_or(began),
                source => {
                    self.agents.put(agent, now);
                    What::Began {
                        resumed: source == Some("resume"),
                    }
                }
            },
            "SubagentStart" => {
                self.agents.put(agent, now);
                began
            }
            "PreToolUse" => {
                if let Some(tool) = tool {
                    self.tools.put(tool, now);
                }
                began
            }
            "PostToolUse" => self
                .called(input, tool, ToolOutcome::Ok, now)
                .unwrap_or(began),
            "PostToolUseFailure" => self
                .called(input, tool, ToolOutcome::Failed, now)
                .unwrap_or(began),
            "PreCompact" => {
                let automatic = input.is_automatic();
                self.compacting
                    .put(agent, Compacting::Announced { automatic });
                began
            }
            "PostCompact" => match self.compacting.take(agent) {
                Some(Compacting::Told) => began,
                _ => compacted(input.is_automatic()),
            },
            // No more is told than that the subagent is done.
            "SubagentStop" => self.ended(agent, Outcome::Success, now),
            // Nobody says whether the work was done.
            "SessionEnd" => self.ended(agent, Outcome::Aborted, now),
            STATUS => {
                if let Some((used, window)) = input.context() {
                    What::Context { used, window }
                } else {
                    self.figures.incomplete += 1;
                    began
                }
            }
            // The session is at work.
            _ => began,
        };
        out.push(Seen {
            who,
            at: now,
            channel: Channel::Hook,
            what,
        });
    }

    /// One could not be read.
    pub(crate) const fn invalid(&mut self) {
        self.figures.invalid += 1;
    }

    pub(crate) const fn figures(&self) -> HookFigures {
        HookFigures {
            forgotten: self.tools.forgotten + self.agents.forgotten + self.compacting.forgotten,
            ..self.figures
        }
    }

    /// A session goes on after a compaction, which it thereby tells where its hook is not set or comes later.
    fn went_on(&mut self, agent: u128) -> Option<What> {
        let Compacting::Announced { automatic } = self.compacting.take(agent)? else {
            return None;
        };
        self.compacting.put(agent, Compacting::Told);
        Some(compacted(automatic))
    }

    /// A call of a tool ended. One without a name is not a fact.
    fn called(
        &mut self,
        input: &Input<'_>,
        key: Option<u128>,
        outcome: ToolOutcome,
        now: Timestamp,
    ) -> Option<What> {
        let began = key.and_then(|it| self.tools.take(it));
        let Some(tool) = input.tool() else {
            self.figures.incomplete += 1;
            return None;
        };
        let call = input.call().map(str::to_owned);
        self.figures.incomplete += u64::from(call.is_none());
        Some(What::Tool(ToolSeen {
            call,
            span: None,
            item: None,
            tool,
            outcome,
            // Between two hooks, a person may have been asked.
            elapsed: input.elapsed().or_else(|| Some(now.since(began?))),
        }))
    }

    fn ended(&mut self, agent: u128, outcome: Outcome, now: Timestamp) -> What {
        let began = self.agents.take(agent).unwrap_or(now);
        What::Ended {
            outcome,
            elapsed: now.since(began),
        }
    }
}

const fn compacted(automatic: bool) -> What {
    What::Compacted {
        before: None,
        after: None,
        automatic,
    }
}
