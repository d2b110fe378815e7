//! Tool calls that failed, and whether it helped to call the tool again.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp, ToolName};

use super::seen::Seen;
use super::{RecoveryRate, ToolErrors};
use crate::report::interval::Share;
use crate::report::ratio;
use crate::{Evidence, ToolCall, ToolOutcome};

/// Tools that are told apart, and tools of one session that are followed.
const KNOWN: usize = 1_024;
const FOLLOWED: usize = 64;
/// Tools that are shown.
const SHOWN: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Tools {
    number: HashMap<ToolName, usize>,
    known: Vec<(ToolName, Sums)>,
    /// Of those beyond the bound.
    others: Counts,
}

/// How many calls ended in which way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) aborted: u64,
}

#[derive(Debug, Default)]
struct Sums {
    counts: Counts,
    again: Share,
    time_lost: Duration,
    seen: Option<Seen>,
    evidence: Evidence,
}

/// The tools of one session that failed in it.
#[derive(Debug, Default)]
pub(super) struct FailedTools(Vec<FailedTool>);

#[derive(Debug)]
struct FailedTool {
    number: usize,
    /// Whether its last call did.
    is_open: bool,
}

impl Counts {
    fn add(&mut self, outcome: ToolOutcome) {
        self.calls += 1;
        match outcome {
            ToolOutcome::Ok => {}
            ToolOutcome::Failed => self.failed += 1,
            ToolOutcome::Aborted => self.aborted += 1,
        }
    }

    fn absorb(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.aborted += other.aborted;
    }
}

impl Tools {
    fn number(&mut self, tool: &ToolName) -> Option<usize> {
        if let Some(number) = self.number.get(tool) {
            return Some(*number);
        }
        if self.known.len() >= KNOWN {
            return None;
        }
        self.known.push((tool.clone(), Sums::default()));
        self.number.insert(tool.clone(), self.known.len() - 1);
        Some(self.known.len() - 1)
    }

    /// A call, of the period or after it, and the session that it belongs to.
    pub(super) fn call(
        &mut self,
        it: &ToolCall,
        (at, counts): (Timestamp, bool),
        session: Option<&mut FailedTools>,
    ) {
        let Some(number) = self.number(&it.tool) else {
            if counts {
                self.others.add(it.outcome);
            }
            return;
        };
        let Some((_, sums)) = self.known.get_mut(number) else {
            return;
        };
        let is_failure = it.outcome == ToolOutcome::Failed;
        if counts {
            sums.counts.add(it.outcome);
            if it.outcome != ToolOutcome::Ok {
                Seen::add(&mut sums.seen, at);
                sums.time_lost = sums.time_lost.saturating_add(it.elapsed);
            }
        }
        let Some(session) = session else { return };
        if session.take(number) {
            sums.again.of += 1;
            sums.again.successes += u64::from(it.outcome == ToolOutcome::Ok);
        }
        if is_failure && counts {
            session.fail(number);
        }
    }

    /// The tools that failed in a session.
    pub(super) fn session(&mut self, failed: &FailedTools, id: &SessionId) {
        for tool in &failed.0 {
            if let Some((_, sums)) = self.known.get_mut(tool.number) {
                sums.evidence.add(id);
            }
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let mut all = self.others;
        for (_, sums) in &self.known {
            all.absorb(sums.counts);
        }
        all
    }

    /// Those that failed, the most failures first, and how many failures the others have.
    pub(super) fn finish(self) -> (Vec<ToolErrors>, u64) {
        let known = self.known.into_iter();
        let lines = known.filter_map(|(tool, sums)| sums.line(tool));
        let mut lines: Vec<ToolErrors> = lines.collect();
        lines.sort_by(|a, b| {
            (Reverse(a.failed), Reverse(a.aborted), &a.tool).cmp(&(
                Reverse(b.failed),
                Reverse(b.aborted),
                &b.tool,
            ))
        });
        let beyond = lines.iter().skip(SHOWN);
        let beyond: u64 = beyond.map(|it| it.failed + it.aborted).sum();
        lines.truncate(SHOWN);
        (lines, beyond + self.others.failed + self.others.aborted)
    }
}

impl Sums {
    fn line(self, tool: ToolName) -> Option<ToolErrors> {
        let Seen { first, last } = self.seen?;
        Some(ToolErrors {
            tool,
            calls: self.counts.calls,
            failed: self.counts.failed,
            aborted: self.counts.aborted,
            failure_rate: ratio(self.counts.failed, self.counts.calls),
            again: RecoveryRate::of(self.again),
            time_lost: self.time_lost,
            first,
            last,
            evidence: self.evidence,
        })
    }
}

impl FailedTools {
    /// Whether the last call of this tool failed, which is answered now.
    fn take(&mut self, number: usize) -> bool {
        let tool = self.0.iter_mut().find(|it| it.number == number);
        tool.is_some_and(|it| std::mem::take(&mut it.is_open))
    }

    fn fail(&mut self, number: usize) {
        if let Some(tool) = self.0.iter_mut().find(|it| it.number == number) {
            tool.is_open = true;
        } else if self.0.len() < FOLLOWED {
            self.0.push(FailedTool {
                number,
                is_open: true,
            });
        }
    }
}
