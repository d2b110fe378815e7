//! Turns that lead nowhere.

use super::super::{ToolSequencesReport, WastedTurns};
use super::gain::Told;
use super::{Finding, LookedAt, SuggestConfig, Suggestion, SuggestionKind};
use crate::Evidence;
use crate::stats::layout::{count, plural, time};

pub(super) fn suggest(
    sequences: ToolSequencesReport,
    config: &SuggestConfig,
    told: Told,
    found: &mut Vec<Suggestion>,
) -> [LookedAt; 2] {
    let is_enough = |wasted: &WastedTurns, evidence: &Evidence| {
        wasted.calls >= config.wasted_calls && evidence.count >= config.wasted_sessions
    };
    let takes = |what: &str| {
        format!(
            "{what} {} or more, in {} or more",
            plural(config.wasted_calls, "time"),
            plural(config.wasted_sessions, "session")
        )
    };
    let mut repeats = looked(
        SuggestionKind::RepeatedFailure,
        takes("a tool that failed right after it failed"),
    );
    let mut pairs = looked(
        SuggestionKind::BackAndForth,
        takes("calls of two tools by turns, with a failure in each round,"),
    );
    for line in sequences.repeats {
        repeats.candidates += 1;
        if !is_enough(&line.wasted, &line.evidence) {
            continue;
        }
        repeats.enough += 1;
        let text = format!(
            "{} failed again right after it had failed, {} in {}, up to {} running: say in its error what would work, or stop after the second failure.",
            line.tool,
            plural(line.wasted.calls, "time"),
            plural(line.evidence.count, "session"),
            count(line.longest),
        );
        let finding = Finding::RepeatedFailure {
            tool: line.tool,
            runs: line.runs,
            longest: line.longest,
            wasted: line.wasted,
        };
        found.push(suggestion(text, finding, line.wasted, line.evidence, told));
    }
    for line in sequences.back_and_forth {
        pairs.candidates += 1;
        if !is_enough(&line.wasted, &line.evidence) {
            continue;
        }
        pairs.enough += 1;
        let text = format!(
            "{} and {} were called by turns with a failure in each round, {} in {}: have the agent look at the failure, or ask somebody else, after the second round.",
            line.first,
            line.second,
            plural(line.rounds, "round"),
            plural(line.evidence.count, "session"),
        );
        let finding = Finding::BackAndForth {
            first: line.first,
            second: line.second,
            stretches: line.stretches,
            rounds: line.rounds,
            wasted: line.wasted,
        };
        found.push(suggestion(text, finding, line.wasted, line.evidence, told));
    }
    [repeats, pairs]
}

const fn looked(kind: SuggestionKind, takes: String) -> LookedAt {
    LookedAt {
        kind,
        candidates: 0,
        enough: 0,
        takes,
        nearest: None,
    }
}

fn suggestion(
    text: String,
    finding: Finding,
    wasted: WastedTurns,
    evidence: Evidence,
    told: Told,
) -> Suggestion {
    let confidence = format!(
        "Counted: {}, {} and {} that asked for them. Arguments are not recorded: whether the calls asked for the same is not known.",
        plural(wasted.calls, "call"),
        time(wasted.time),
        plural(wasted.turns, "turn"),
    );
    // Where no model calls are recorded, each call takes a turn.
    let turns = if wasted.turns > 0 {
        wasted.turns
    } else {
        wasted.calls
    };
    Suggestion {
        kind: finding.kind(),
        text,
        gain: told.at_most(wasted.cost, wasted.time, turns),
        confidence,
        finding,
        evidence,
    }
}
