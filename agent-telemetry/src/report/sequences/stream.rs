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
    /// When the agent's newest model call had ended by then; `None` where none is told.
    pub(super) asked_at: Option<Timestamp>,
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

    /// Whether it was made when a failure was known: it began no earlier than that had ended, and was asked for
    /// since, where it is told what the agent asks. Calls side by side, and all calls that one turn asks for, know
    /// nothing of each other.
    fn knew(&self, failure: &Self) -> bool {
        self.at - self.elapsed >= failure.at && self.asked_at.is_none_or(|at| at >= failure.at)
    }
}

impl WastedTurns {
    /// A call, and the one before it.
    fn add(&mut self, earlier: &Call, call: &Call) {
        self.calls += 1;
        self.turns += u64::from(call.before.asked);
        self.unpriced_turns += u64::from(call.before.unpriced);
        self.cost += call.before.cost;
        let between = call.at.since(earlier.at);
        self.time = self.time.saturating_add(between);
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
            let Some(first) = run.first() else {
                continue;
            };
            let mut wasted = WastedTurns::default();
            // The last failure that was known to the one after it, and how many of those there are.
            let (mut known, mut longest) = (first, 1);
            for pair in run.windows(2) {
                if let [earlier, call] = pair
                    && call.knew(first)
                {
                    wasted.add(earlier, call);
                    if call.knew(known) {
                        known = call;
                        longest += 1;
                    }
                }
            }
            if wasted.calls == 0 {
                continue;
            }
            let found = self.repeats.entry(first.tool).or_default();
            found.times += 1;
            found.longest = found.longest.max(longest);
            found.wasted.absorb(&wasted);
            let next = calls.get(behind);
            let is_ok = |it: &Call| it.tool == first.tool && it.outcome == ToolOutcome::Ok;
            found.recovered += u64::from(next.is_some_and(is_ok));
        }
    }

    fn back_and_forth(&mut self, calls: &[Call]) {
        for (begin, rounds) in stretches(|place| calls.get(place)) {
            let all = calls.get(begin..begin + 2 * rounds).unwrap_or_default();
            let [a, b, ..] = all else {
                continue;
            };
            let pair = (a.tool.min(b.tool), a.tool.max(b.tool));
            let found = self.back_and_forth.entry(pair).or_default();
            found.times += 1;
            found.rounds += rounds as u64;
            for pair in all.windows(2).skip(1) {
                if let [earlier, call] = pair {
                    found.wasted.add(earlier, call);
                }
            }
        }
    }
}

/// Where two tools are called by turns, with a failure in each round that was made when that of the round before
/// was known: where such stretches begin, and how many rounds they have, at least two.
fn stretches<'a>(call: impl Fn(usize) -> Option<&'a Call>) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut begin = 0;
    while let (Some(a), Some(b)) = (call(begin), call(begin + 1)) {
        // Nor is looked ahead: a tool that fails over and over is no way back and forth.
        let rounds = if a.tool == b.tool {
            0
        } else {
            rounds(&call, begin, (a.tool, b.tool))
        };
        if rounds < 2 {
            begin += 1;
        } else {
            found.push((begin, rounds));
            begin += 2 * rounds;
        }
    }
    found
}

/// How many rounds of two tools there are from a call on.
fn rounds<'a>(call: &impl Fn(usize) -> Option<&'a Call>, begin: usize, tools: (u16, u16)) -> usize {
    let mut known: Option<&Call> = None;
    let mut rounds = 0;
    while let (Some(a), Some(b)) = (call(begin + 2 * rounds), call(begin + 2 * rounds + 1)) {
        let both = [a, b];
        let is_next = known.is_none_or(|known| both.iter().any(|it| it.failed() && it.knew(known)));
        let Some(failed) = both.into_iter().find(|it| it.failed()) else {
            break;
        };
        if (a.tool, b.tool) != tools || !is_next {
            break;
        }
        known = Some(failed);
        rounds += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A second long, one after another; capitals are failures.
    fn calls(names: &str) -> Vec<Call> {
        let names = names.bytes().zip(1..);
        let call = |(name, second): (u8, i64)| Call {
            tool: name.to_ascii_lowercase().into(),
            outcome: if name.is_ascii_uppercase() {
                ToolOutcome::Failed
            } else {
                ToolOutcome::Ok
            },
            at: Timestamp::from_unix_seconds(second),
            elapsed: Duration::from_secs(1),
            before: Turns::default(),
            asked_at: None,
            is_first: second == 1,
        };
        names.map(call).collect()
    }

    /// What is found, and how many calls are looked at for it.
    fn looked(names: &str) -> (Vec<(usize, usize)>, usize) {
        let (calls, looked) = (calls(names), Cell::new(0));
        let found = stretches(|place| {
            looked.set(looked.get() + 1);
            calls.get(place)
        });
        (found, looked.get())
    }

    #[test]
    fn each_call_is_looked_at_a_few_times_however_long_a_tool_fails() {
        for (names, stretches) in [
            ("X", 0),
            ("x", 0),
            ("XY", 1),
            ("Xy", 1),
            // One round with a failure, over and over.
            ("Xyxy", 0),
            ("XYY", 0),
            ("XYYX", 0),
        ] {
            let (found, looked) = looked(&names.repeat(4_000));
            assert_eq!(found.len(), stretches, "{names}");
            let most = 6 * 4_000 * names.len();
            assert!(looked <= most, "{names}: {looked} of {most}");
        }
    }
}
