//! What the tool calls of one agent in one session come to.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use agent_primitives::{Timestamp, Usd};

use super::WastedTurns;
use super::word::{LONGEST, Word, is_bordered};
use crate::{ModelCall, ToolOutcome};

/// One tool call, with what the agent asked of models since the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) tool: u16,
    pub(super) outcome: ToolOutcome,
    pub(super) at: Timestamp,
    pub(super) elapsed: Duration,
    pub(super) before: Turns,
    /// Whether nothing is known of what came right before it.
    pub(super) is_first: bool,
}

/// Model calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Turns {
    asked: u32,
    unpriced: u32,
    cost: Usd,
}

/// What was found in one session.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) words: BTreeMap<Word, Occurrences>,
    pub(super) repeats: BTreeMap<u16, Runs>,
    /// By both tools, the lower number first.
    pub(super) back_and_forth: BTreeMap<(u16, u16), Stretches>,
}

/// Of all sequences that go round alike.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Occurrences {
    pub(super) times: u64,
    pub(super) running: u64,
    /// By how many places behind the least one they begin.
    pub(super) begins: [u64; LONGEST],
    pub(super) time: Duration,
}

/// Failures of one tool, one right after another.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Runs {
    pub(super) times: u64,
    pub(super) longest: u64,
    pub(super) recovered: u64,
    pub(super) wasted: WastedTurns,
}

/// Two tools by turns, with failures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretches {
    pub(super) times: u64,
    pub(super) rounds: u64,
    pub(super) wasted: WastedTurns,
}

impl Turns {
    pub(super) fn add(&mut self, call: &ModelCall) {
        self.asked = self.asked.saturating_add(1);
        let is_unpriced = u32::from(call.is_unpriced());
        self.unpriced = self.unpriced.saturating_add(is_unpriced);
        self.cost += call.cost.unwrap_or_default();
    }
}

impl Call {
    fn failed(&self) -> bool {
        self.outcome == ToolOutcome::Failed
    }
}

impl WastedTurns {
    /// Each call of a slice but the first so many.
    fn add(&mut self, calls: &[Call], but: usize) {
        for pair in calls.windows(2).skip(but.saturating_sub(1)) {
            if let [earlier, call] = pair {
                self.calls += 1;
                self.turns += u64::from(call.before.asked);
                self.unpriced_turns += u64::from(call.before.unpriced);
                self.cost += call.before.cost;
                let between = call.at.since(earlier.at);
                self.time = self.time.saturating_add(between);
            }
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.calls += other.calls;
        self.turns += other.turns;
        self.unpriced_turns += other.unpriced_turns;
        self.cost += other.cost;
        self.time = self.time.saturating_add(other.time);
    }
}

impl Found {
    /// The calls of one agent, in order.
    pub(super) fn add(&mut self, calls: &[Call]) {
        for part in calls.chunk_by(|_, next| !next.is_first) {
            let tools: Vec<u16> = part.iter().map(|call| call.tool).collect();
            for length in 2..=LONGEST.min(tools.len()) {
                self.words(part, &tools, length);
            }
            self.repeats(part);
            self.back_and_forth(part);
        }
    }

    fn words(&mut self, calls: &[Call], tools: &[u16], length: usize) {
        // Where the last one of each class ends.
        let mut ends: HashMap<Word, usize> = HashMap::new();
        for (begin, window) in tools.windows(length).enumerate() {
            if is_bordered(window) {
                continue;
            }
            let (class, behind) = Word::of(window).class();
            let end = ends.get(&class).copied();
            if end.is_some_and(|end| end > begin) {
                continue;
            }
            ends.insert(class, begin + length);
            let found = self.words.entry(class).or_default();
            found.times += 1;
            found.running += u64::from(end == Some(begin));
            if let Some(begins) = found.begins.get_mut(behind) {
                *begins += 1;
            }
            if let (Some(first), Some(last)) = (calls.get(begin), calls.get(begin + length - 1)) {
                let took = last.at.since(first.at).saturating_add(first.elapsed);
                found.time = found.time.saturating_add(took);
            }
        }
    }

    fn repeats(&mut self, calls: &[Call]) {
        let mut behind = 0;
        for run in calls.chunk_by(|a, b| a.failed() && b.failed() && a.tool == b.tool) {
            behind += run.len();
            let Some(first) = run.first().filter(|_| run.len() > 1) else {
                continue;
            };
            let found = self.repeats.entry(first.tool).or_default();
            found.times += 1;
            found.longest = found.longest.max(run.len() as u64);
            found.wasted.add(run, 1);
            let next = calls.get(behind);
            let is_ok = |it: &Call| it.tool == first.tool && it.outcome == ToolOutcome::Ok;
            found.recovered += u64::from(next.is_some_and(is_ok));
        }
    }

    fn back_and_forth(&mut self, calls: &[Call]) {
        let mut begin = 0;
        while let Some([a, b]) = calls.get(begin..begin + 2) {
            // Nor is looked ahead: a tool that fails over and over is no way back and forth.
            if a.tool == b.tool {
                begin += 1;
                continue;
            }
            let is_round = |round: &[Call]| match round {
                [x, y] => x.tool == a.tool && y.tool == b.tool && (x.failed() || y.failed()),
                _ => false,
            };
            let all = calls.get(begin..).unwrap_or_default();
            let rounds = all.chunks(2).take_while(|it| is_round(it)).count();
            if rounds < 2 {
                begin += 1;
                continue;
            }
            let pair = (a.tool.min(b.tool), a.tool.max(b.tool));
            let found = self.back_and_forth.entry(pair).or_default();
            found.times += 1;
            found.rounds += rounds as u64;
            found
                .wasted
                .add(all.get(..2 * rounds).unwrap_or_default(), 2);
            begin += 2 * rounds;
        }
    }
}
