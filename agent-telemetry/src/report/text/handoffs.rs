//! The text of the report on handoffs.

use std::fmt;

use agent_primitives::Party;

use super::{dash, percentiles};
use crate::report::handoffs::{ChainLine, HandoffsReport, PathLine};
use crate::report::sheet::{Chart, Flow, Section, Sheet};
use crate::stats::layout::{Decimals, Table, count, known, plural, share};
use crate::stats::width::cut;

/// Columns of a name in a path.
const NAME: usize = 20;

impl fmt::Display for HandoffsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl HandoffsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Handoffs", self.period);
        if self.handoffs == 0 {
            sheet.note("There were no handoffs in this period.");
            return sheet;
        }
        let of_all = |part| format!("{}, {}", count(part), share(part, self.handoffs));
        let top = sheet.top();
        top.fact(
            "handoffs",
            &format!(
                "{} in {}",
                count(self.handoffs),
                plural(self.sessions, "session")
            ),
        );
        top.fact("automatic", &of_all(self.automatic));
        top.fact("manual", &of_all(self.manual));
        let paths = sheet.section("Paths");
        paths.chart(self.flow());
        paths.table(self.paths());
        let after = sheet.section("What happened after");
        after.table(self.after());
        after.table(self.outcomes());
        let extra = sheet.section("What such sessions cost");
        extra.table(self.extra_cost());
        if self.paths.iter().any(|line| line.extra_cost.is_some()) {
            extra.note("Beside sessions of the same agents and task types without any handoff. What goes together need not be its cause: longer sessions cost more and change hands more often.");
        }
        sheet.section("Reasons").table(self.reasons());
        sheet.section("Through several hands").table(self.chains());
        self.left_out(sheet.section("Left out"));
        sheet
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        for (name, number, what) in [
            ("paths", it.paths, "on less frequent paths"),
            (
                "no session",
                it.no_session,
                "of which only that they happened is known",
            ),
            (
                "beyond",
                it.beyond,
                "of which what came after is not followed, for their number",
            ),
        ] {
            if number > 0 {
                section.fact(name, &format!("{} {what}", plural(number, "handoff")));
            }
        }
        if it.chains > 0 {
            section.fact(
                "chains",
                &format!("{} that are less frequent", count(it.chains)),
            );
        }
    }

    fn flow(&self) -> Chart {
        let paths = self.paths.iter();
        Chart::Flow {
            title: "Who gave work to whom".to_owned(),
            paths: paths
                .map(|line| Flow {
                    from: line.from.to_string(),
                    to: line.to.to_string(),
                    count: line.handoffs,
                    note: match share(line.succeeded, ended(line)).as_str() {
                        "-" => String::new(),
                        share => format!("{share} of those that ended succeeded"),
                    },
                })
                .collect(),
        }
    }

    fn paths(&self) -> Table {
        let header = [
            "from → to",
            "handoffs",
            "automatic",
            "manual",
            "wait p50",
            "p95",
            "p99",
        ];
        let mut table = Table::new(0, header);
        for line in &self.paths {
            let [p50, p95, p99] = percentiles(line.wait);
            table.row([
                path(line),
                count(line.handoffs),
                count(line.automatic),
                count(line.manual),
                p50,
                p95,
                p99,
            ]);
        }
        table
    }

    fn after(&self) -> Table {
        let header = [
            "the taker",
            "taken up",
            "succeeded",
            "rate",
            "failed",
            "gave back",
            "gave on",
        ];
        let mut table = Table::new(0, header);
        for line in &self.paths {
            table.row([
                path(line),
                count(line.taken_up),
                count(line.succeeded),
                share(line.succeeded, ended(line)),
                count(line.failed),
                count(line.given_back),
                count(line.given_on),
            ]);
        }
        table
    }

    fn outcomes(&self) -> Table {
        let costs = self.paths.iter().map(|line| line.cost_after);
        let decimals = Decimals::of(costs);
        let header = [
            "the sessions",
            "success",
            "rate",
            "escalated",
            "failed",
            "aborted",
            "open",
            "cost after",
        ];
        let mut table = Table::new(0, header);
        for line in &self.paths {
            let it = &line.outcomes;
            let ended = [it.success, it.escalated, it.failed, it.aborted];
            let ended = ended.into_iter().fold(0, u64::saturating_add);
            table.row([
                path(line),
                count(it.success),
                share(it.success, ended),
                count(it.escalated),
                count(it.failed),
                count(it.aborted),
                count(it.open),
                known(line.cost_after, line.unpriced_after, decimals),
            ]);
        }
        table
    }

    fn extra_cost(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "path",
                "sessions",
                "each",
                "without",
                "each",
                "ratio",
                "95 % interval",
            ],
        );
        for line in &self.paths {
            let cells = match &line.extra_cost {
                Some(it) => [
                    count(it.sessions_with),
                    format!("${:.4}", it.with),
                    count(it.sessions_without),
                    format!("${:.4}", it.without),
                    format!("{:.2} ×", it.times),
                    format!("{:.2} to {:.2} ×", it.interval.low, it.interval.high),
                ],
                None => [
                    count(line.evidence.count),
                    dash(),
                    dash(),
                    dash(),
                    dash(),
                    "not enough data".to_owned(),
                ],
            };
            let [sessions, with, others, without, times, interval] = cells;
            table.row([path(line), sessions, with, others, without, times, interval]);
        }
        table
    }

    fn reasons(&self) -> Table {
        let mut table = Table::new(1, ["reason", "from → to", "handoffs", "of the path"]);
        for reason in &self.reasons {
            for line in &self.paths {
                let of_path = line.reasons.iter().find(|it| it.reason == reason.reason);
                if let Some(it) = of_path {
                    table.row([
                        it.reason.to_string(),
                        path(line),
                        count(it.handoffs),
                        share(it.handoffs, line.handoffs),
                    ]);
                }
            }
        }
        table
    }

    fn chains(&self) -> Table {
        let mut table = Table::new(0, ["chain", "times", "in successful sessions"]);
        for line in &self.chains {
            table.row([
                chain(line),
                count(line.times),
                share(line.success, line.times),
            ]);
        }
        table
    }
}

fn name(party: &Party) -> String {
    cut(party.name(), NAME)
}

/// Handoffs of which it is known how the taker did.
const fn ended(line: &PathLine) -> u64 {
    line.succeeded.saturating_add(line.failed)
}

fn path(line: &PathLine) -> String {
    format!("{} → {}", name(&line.from), name(&line.to))
}

fn chain(line: &ChainLine) -> String {
    let names: Vec<String> = line.parties.iter().map(name).collect();
    names.join(" → ")
}
