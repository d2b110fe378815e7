//! What was found in the sessions, as lines.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::SessionId;

use super::super::interval::Share;
use super::fold::Tools;
use super::sketch::{Kept, Sketch};
use super::stream::{Found, Occurrences, Runs, Stretches};
use super::word::{LONGEST, Word};
use super::{BackAndForthLine, RepeatLine, SequenceLine, SequencesLeftOut};
use crate::{Evidence, Outcome, Outcomes};

/// Sequences of each length that are counted, those that are looked at in the end, and lines that are shown.
const COUNTED: usize = 4_096;
const LOOKED_AT: usize = 1_024;
const SHOWN: usize = 64;
/// How often it takes to recur.
const RECURS: u64 = 3;

#[derive(Debug)]
pub(super) struct Lines {
    /// By length, from two on.
    words: [Sketch<Word, Of<Occurrences>>; LONGEST - 1],
    repeats: BTreeMap<u16, Of<Runs>>,
    back_and_forth: BTreeMap<(u16, u16), Of<Stretches>>,
    /// Of pairs of tools beyond the bound.
    left_out: u64,
}

/// Sums over sessions, and how those ended.
#[derive(Debug, Default)]
struct Of<T> {
    sums: T,
    outcomes: Outcomes,
    evidence: Evidence,
}

/// What the report says.
pub(super) struct Told {
    pub(super) sequences: Vec<SequenceLine>,
    pub(super) repeats: Vec<RepeatLine>,
    pub(super) back_and_forth: Vec<BackAndForthLine>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            words: std::array::from_fn(|_| Sketch::new(COUNTED)),
            repeats: BTreeMap::new(),
            back_and_forth: BTreeMap::new(),
            left_out: 0,
        }
    }
}

impl<T> Of<T> {
    fn add(&mut self, session: &SessionId, outcome: Option<Outcome>, add: impl FnOnce(&mut T)) {
        add(&mut self.sums);
        *self.outcomes.of(outcome) += 1;
        self.evidence.add(session);
    }
}

impl Lines {
    pub(super) fn add(&mut self, session: &SessionId, found: &Found, outcome: Option<Outcome>) {
        for (word, more) in &found.words {
            let of_length = word.tools().len().saturating_sub(2);
            if let Some(sketch) = self.words.get_mut(of_length) {
                sketch.add(*word, more.times, |of| {
                    of.add(session, outcome, |sums: &mut Occurrences| sums.absorb(more));
                });
            }
        }
        for (tool, more) in &found.repeats {
            let of = self.repeats.entry(*tool).or_default();
            of.add(session, outcome, |sums| sums.absorb(more));
        }
        for (pair, more) in &found.back_and_forth {
            if self.back_and_forth.len() >= COUNTED && !self.back_and_forth.contains_key(pair) {
                self.left_out += 1;
                continue;
            }
            let of = self.back_and_forth.entry(*pair).or_default();
            of.add(session, outcome, |sums| sums.absorb(more));
        }
    }

    pub(super) fn finish(self, tools: &Tools, left_out: &mut SequencesLeftOut) -> Told {
        let mut candidates = Vec::new();
        // The longest first, so that parts meet the whole.
        for sketch in self.words.into_iter().rev() {
            left_out.sequences += sketch.gave_way();
            let recurs = |(_, kept): &(Word, Kept<Of<Occurrences>>)| kept.sums.sums.times >= RECURS;
            let mut of_length: Vec<_> = sketch.into_kept().filter(recurs).collect();
            of_length.sort_by_key(|(_, kept)| Reverse(kept.sums.sums.times));
            left_out.lines += of_length.len().saturating_sub(LOOKED_AT) as u64;
            of_length.truncate(LOOKED_AT);
            candidates.extend(of_length);
        }
        let mut wholes: Vec<(Word, Kept<Of<Occurrences>>)> = Vec::new();
        // Of those that are not shown as well: what lies within them lies within something longer.
        let mut earlier: Vec<(Word, Occurrences)> = Vec::new();
        for (word, kept) in candidates {
            let sums = kept.sums.sums;
            let shown = sums.shown(&word);
            let is_part = earlier
                .iter()
                .any(|(whole, of)| of.is_as_frequent(&sums) && of.has(whole, &word))
                || wholes.iter().any(|(class, kept)| {
                    let of = &kept.sums.sums;
                    of.is_as_frequent(&sums) && shown.overlaps(&of.shown(class))
                });
            earlier.push((shown, sums));
            if is_part {
                left_out.parts += 1;
            } else {
                wholes.push((word, kept));
            }
        }
        // Stable: of equally frequent ones the longer first.
        wholes.sort_by_key(|(_, kept)| Reverse(kept.sums.sums.times));
        left_out.lines += bound(&mut wholes);
        let sequences = wholes
            .into_iter()
            .filter_map(|(word, kept)| sequence(&word, kept, tools));
        let mut repeats: Vec<_> = self.repeats.into_iter().collect();
        repeats.sort_by_key(|(_, of)| Reverse(of.sums.wasted.calls));
        left_out.lines += bound(&mut repeats);
        let mut pairs: Vec<_> = self.back_and_forth.into_iter().collect();
        pairs.sort_by_key(|(_, of)| Reverse(of.sums.wasted.calls));
        left_out.lines += bound(&mut pairs) + self.left_out;
        Told {
            sequences: sequences.collect(),
            repeats: repeats
                .into_iter()
                .filter_map(|(tool, of)| repeat(tool, of, tools))
                .collect(),
            back_and_forth: pairs
                .into_iter()
                .filter_map(|(pair, of)| back_and_forth(pair, of, tools))
                .collect(),
        }
    }
}

fn bound<T>(lines: &mut Vec<T>) -> u64 {
    let beyond = lines.len().saturating_sub(SHOWN) as u64;
    lines.truncate(SHOWN);
    beyond
}

impl Occurrences {
    fn absorb(&mut self, more: &Self) {
        self.times += more.times;
        self.running += more.running;
        self.time = self.time.saturating_add(more.time);
        for (begins, more) in self.begins.iter_mut().zip(more.begins) {
            *begins += more;
        }
    }

    /// Four fifths as often, or more.
    const fn is_as_frequent(&self, other: &Self) -> bool {
        self.times.saturating_mul(5) >= other.times.saturating_mul(4)
    }

    /// Whether a shorter one is a part of this, or of its going round.
    fn has(&self, whole: &Word, part: &Word) -> bool {
        let goes_round = self.running.saturating_mul(4) >= self.times;
        part.tools().len() < whole.tools().len() && part.is_within(whole, goes_round)
    }

    /// From where it begins most often.
    fn shown(&self, class: &Word) -> Word {
        let begins = self.begins.iter().enumerate();
        let most = begins.max_by_key(|(behind, times)| (**times, Reverse(*behind)));
        class.rotated(most.map_or(0, |(behind, _)| behind))
    }
}

impl Runs {
    fn absorb(&mut self, more: &Self) {
        self.times += more.times;
        self.longest = self.longest.max(more.longest);
        self.recovered += more.recovered;
        self.wasted.absorb(&more.wasted);
    }
}

impl Stretches {
    fn absorb(&mut self, more: &Self) {
        self.times += more.times;
        self.rounds += more.rounds;
        self.wasted.absorb(&more.wasted);
    }
}

fn sequence(word: &Word, kept: Kept<Of<Occurrences>>, tools: &Tools) -> Option<SequenceLine> {
    let Of {
        sums,
        outcomes,
        evidence,
    } = kept.sums;
    let shown = sums.shown(word);
    let names: Option<Vec<_>> = shown.tools().iter().map(|it| tools.name(*it)).collect();
    let success = Share::new(outcomes.success, outcomes.total() - outcomes.open);
    let mean = sums.time.as_nanos() / u128::from(sums.times.max(1));
    Some(SequenceLine {
        tools: names?,
        times: sums.times,
        missed_at_most: kept.missed_at_most,
        running: sums.running,
        outcomes,
        success_rate: success.value(),
        success_interval: success.interval(),
        mean_time: Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX)),
        evidence,
    })
}

fn repeat(tool: u16, of: Of<Runs>, tools: &Tools) -> Option<RepeatLine> {
    Some(RepeatLine {
        tool: tools.name(tool)?,
        runs: of.sums.times,
        longest: of.sums.longest,
        recovered: of.sums.recovered,
        wasted: of.sums.wasted,
        outcomes: of.outcomes,
        evidence: of.evidence,
    })
}

fn back_and_forth(pair: (u16, u16), of: Of<Stretches>, tools: &Tools) -> Option<BackAndForthLine> {
    let (a, b) = (tools.name(pair.0)?, tools.name(pair.1)?);
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    Some(BackAndForthLine {
        first,
        second,
        stretches: of.sums.times,
        rounds: of.sums.rounds,
        wasted: of.sums.wasted,
        outcomes: of.outcomes,
        evidence: of.evidence,
    })
}
