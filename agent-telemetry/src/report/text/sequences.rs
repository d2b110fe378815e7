//! The text about sequences of tool calls.

use std::fmt;

use agent_primitives::ToolName;

use super::{dash, known, plural_first};
use crate::report::sequences::{ToolSequencesReport, WastedTurns};
use crate::report::sheet::{Bar, Chart, Scale, Section, Sheet, number};
use crate::stats::layout::{Decimals, Table, count, plural, share, time};
use crate::stats::width::cut;

/// Columns of a name beside others.
const NAME: usize = 18;

impl fmt::Display for ToolSequencesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl ToolSequencesReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Sequences of tool calls", self.period);
        if self.calls == 0 {
            sheet.note("There were no tool calls in sessions of this period.");
            self.left_out(sheet.section("Left out"));
            return sheet;
        }
        self.sections(&mut sheet);
        sheet
    }

    /// As parts of a report on tools.
    pub(super) fn sections(&self, sheet: &mut Sheet) {
        let sequences = sheet.section("Sequences that recur");
        if self.sequences.is_empty() {
            sequences.note("No sequence of two to five calls was seen three times.");
        }
        sequences.chart(self.bars());
        sequences.table(self.recurring());
        let wasted = sheet.section("Calls that led nowhere");
        wasted.table(self.repeats());
        wasted.table(self.back_and_forth());
        if !(self.repeats.is_empty() && self.back_and_forth.is_empty()) {
            wasted.note("Arguments are not recorded: whether calls in a row asked for the same is not known.");
        }
        self.left_out(sheet.section("Left out of the sequences"));
    }

    fn bars(&self) -> Chart {
        let bars = self.sequences.iter().map(|line| {
            let note = plural(line.evidence.count, "session");
            Bar::new(path(&line.tools), number(line.times)).with_note(note)
        });
        Chart::Bars {
            title: "How often".to_owned(),
            scale: Scale::Count,
            bars: bars.collect(),
        }
    }

    fn recurring(&self) -> Table {
        let header = [
            "sequence",
            "times",
            "running",
            "sessions",
            "success",
            "mean time",
        ];
        let mut table = Table::new(0, header);
        for line in &self.sequences {
            let it = &line.outcomes;
            let times = match line.missed_at_most {
                0 => count(line.times),
                more => format!(
                    "{} to {}",
                    count(line.times),
                    count(line.times.saturating_add(more))
                ),
            };
            table.row([
                path(&line.tools),
                times,
                count(line.running),
                count(line.evidence.count),
                share(it.success, it.total() - it.open),
                time(line.mean_time),
            ]);
        }
        table
    }

    fn repeats(&self) -> Table {
        let decimals = Decimals::of(self.repeats.iter().map(|line| line.wasted.cost));
        let header = [
            "failing again",
            "runs",
            "longest",
            "recovered",
            "sessions",
            "wasted calls",
            "turns",
            "cost",
            "time",
        ];
        let mut table = Table::new(0, header);
        for line in &self.repeats {
            let [calls, turns, cost, time] = wasted(&line.wasted, decimals);
            table.row([
                line.tool.to_string(),
                count(line.runs),
                count(line.longest),
                count(line.recovered),
                count(line.evidence.count),
                calls,
                turns,
                cost,
                time,
            ]);
        }
        table
    }

    fn back_and_forth(&self) -> Table {
        let decimals = Decimals::of(self.back_and_forth.iter().map(|line| line.wasted.cost));
        let header = [
            "back and forth",
            "times",
            "rounds",
            "sessions",
            "wasted calls",
            "turns",
            "cost",
            "time",
        ];
        let mut table = Table::new(0, header);
        for line in &self.back_and_forth {
            let [calls, turns, cost, time] = wasted(&line.wasted, decimals);
            table.row([
                format!("{} ⇄ {}", line.first, line.second),
                count(line.stretches),
                count(line.rounds),
                count(line.evidence.count),
                calls,
                turns,
                cost,
                time,
            ]);
        }
        table
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        for (name, number, what) in [
            ("no session", it.no_session, "call outside of any session"),
            ("beyond", it.beyond, "call of further tools and agents"),
            ("gave way", it.sequences, "rare sequence, for its place"),
            ("parts", it.parts, "sequence that others hold"),
            ("lines", it.lines, "line that is less frequent"),
            ("cut", it.cut, "session told in parts, for its memory"),
        ] {
            if number > 0 {
                section.fact(name, &plural_first(number, what));
            }
        }
    }
}

/// One tool after another; one that is called several times running is named once.
fn path(tools: &[ToolName]) -> String {
    let names = tools.chunk_by(|a, b| a == b).filter_map(|running| {
        let name = cut(running.first()?.as_str(), NAME);
        Some(match running.len() {
            1 => name,
            times => format!("{times} × {name}"),
        })
    });
    names.collect::<Vec<_>>().join(" → ")
}

fn wasted(it: &WastedTurns, decimals: Decimals) -> [String; 4] {
    [
        count(it.calls),
        count(it.turns),
        // No turn is no cost of nothing.
        if it.turns > 0 {
            known(it.cost, it.unpriced_turns, decimals)
        } else {
            dash()
        },
        time(it.time),
    ]
}
