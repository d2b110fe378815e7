//! The text of the report per agent.

use std::fmt;

use agent_primitives::Usd;

use super::{at_least, dash, known};
use crate::report::interval::Share;
use crate::report::sheet::{Bar, Chart, Scale, Sheet};
use crate::report::{AgentLine, AgentsReport};
use crate::stats::layout::{Decimals, Table, count, number, plural, share, time};
use crate::stats::width::cut;

impl fmt::Display for AgentsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl AgentsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Agents", self.period);
        self.tiles(&mut sheet);
        if self.agents.is_empty() {
            sheet.note("There were no sessions in this period.");
            return sheet;
        }
        let sessions = sheet.section("Sessions");
        if self.agents.iter().all(|line| line.sessions.is_none()) {
            sessions.note("There were no sessions in this period, but other work.");
        }
        sessions.chart(self.rates());
        sessions.table(self.sessions());
        let cost = sheet.section("Cost");
        cost.table(self.cost());
        cost.table(self.tokens());
        let work = sheet.section("Work");
        work.table(self.work());
        work.table(self.changes());
        work.table(self.metrics());
        sheet
    }

    fn tiles(&self, sheet: &mut Sheet) {
        let sum =
            |of: fn(&AgentLine) -> u64| self.agents.iter().map(of).fold(0, u64::saturating_add);
        let [ended, success] = [
            sum(|line| line.sessions.ended()),
            sum(|line| line.sessions.success),
        ];
        let started = sum(|line| line.sessions.started);
        sheet.tile(
            "sessions",
            &count(started),
            &format!("{} ended", count(ended)),
        );
        sheet.tile(
            "success rate",
            &share(success, ended),
            &format!("{} of {}", count(success), count(ended)),
        );
        let [calls, unpriced] = [
            sum(|line| line.model_calls),
            sum(|line| line.unpriced_calls),
        ];
        let cost: Usd = self.agents.iter().map(|line| line.cost).sum();
        let remark = match unpriced {
            0 => format!("for {}", plural(calls, "call")),
            _ if unpriced > calls => format!("for {}, and usage", plural(calls, "call")),
            _ => format!("{} of {} unpriced", count(unpriced), plural(calls, "call")),
        };
        sheet.tile(
            "cost",
            &known(cost, unpriced, Decimals::of([cost])),
            &remark,
        );
    }

    fn rates(&self) -> Chart {
        let bar = |line: &AgentLine| {
            let sessions = &line.sessions;
            let interval = Share::new(sessions.success, sessions.ended()).interval();
            Some(Bar {
                label: name(line),
                value: line.success_rate?,
                interval: interval.map(|it| (it.low, it.high)),
                note: format!("of {}", count(sessions.ended())),
            })
        };
        Chart::Bars {
            title: "Success rate, with the 95 % interval".to_owned(),
            scale: Scale::Share,
            bars: self.agents.iter().filter_map(bar).collect(),
        }
    }

    fn sessions(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "agent",
                "started",
                "resumed",
                "ended",
                "success",
                "rate",
                "escalated",
                "failed",
                "aborted",
            ],
        );
        let worked = self.agents.iter().filter(|line| !line.sessions.is_none());
        for line in worked {
            let it = &line.sessions;
            table.row([
                name(line),
                count(it.started),
                count(it.resumed),
                count(it.ended()),
                count(it.success),
                share(it.success, it.ended()),
                count(it.escalated),
                count(it.failed),
                count(it.aborted),
            ]);
        }
        table
    }

    fn cost(&self) -> Table {
        let amounts = self.agents.iter();
        let amounts = amounts.flat_map(|line| [Some(line.cost), line.cost_per_success]);
        let decimals = Decimals::of(amounts.flatten());
        let mut table = Table::new(
            0,
            [
                "agent",
                "model calls",
                "failed",
                "unpriced",
                "cost",
                "per success",
            ],
        );
        for line in &self.agents {
            let amount = |cost: Usd| known(cost, line.unpriced_calls, decimals);
            let cost = match line.model_calls {
                0 => dash(),
                _ => amount(line.cost),
            };
            let per_success = match (line.cost_per_success, line.model_calls) {
                (Some(cost), 1..) => at_least(cost, line.unpriced_calls, decimals),
                _ => dash(),
            };
            table.row([
                name(line),
                count(line.model_calls),
                count(line.failed_model_calls),
                count(line.unpriced_calls),
                cost,
                per_success,
            ]);
        }
        table
    }

    fn tokens(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "tokens",
                "all",
                "input",
                "cache read",
                "cache write",
                "output",
                "reasoning",
            ],
        );
        let used = self.agents.iter().filter(|line| line.usage.total() > 0);
        for line in used {
            let usage = &line.usage;
            table.row([
                name(line),
                count(usage.total()),
                count(usage.input()),
                count(usage.cache_read()),
                count(usage.cache_write()),
                count(usage.output()),
                count(usage.reasoning()),
            ]);
        }
        table
    }

    fn work(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "agent",
                "tool calls",
                "handoffs",
                "violations",
                "fixed",
                "critical",
                "error",
                "warning",
                "info",
            ],
        );
        for line in &self.agents {
            let it = &line.violations;
            table.row([
                name(line),
                count(line.tool_calls),
                count(line.handoffs),
                count(it.found()),
                share(it.fixed, it.found()),
                count(it.critical),
                count(it.error),
                count(it.warning),
                count(it.info),
            ]);
        }
        table
    }

    fn changes(&self) -> Table {
        let header = [
            "changes", "files", "added", "removed", "tasks", "queued", "ran", "retries", "at work",
        ];
        let mut table = Table::new(0, header);
        let is_any = |line: &&AgentLine| {
            let any = line.files | line.lines_added | line.lines_removed | line.tasks;
            (any | line.retries) != 0 || !line.at_work.is_zero()
        };
        for line in self.agents.iter().filter(is_any) {
            let [queued, ran] = [line.queued, line.ran].map(|it| it.map_or_else(dash, time));
            table.row([
                name(line),
                count(line.files),
                count(line.lines_added),
                count(line.lines_removed),
                count(line.tasks),
                queued,
                ran,
                count(line.retries),
                time(line.at_work),
            ]);
        }
        table
    }

    fn metrics(&self) -> Table {
        let mut table = Table::new(
            1,
            [
                "metrics", "of", "values", "mean", "lowest", "highest", "unit",
            ],
        );
        for line in &self.agents {
            for metric in &line.metrics {
                let [mean, min, max] = [metric.mean, metric.min, metric.max].map(number);
                table.row([
                    metric.name.clone(),
                    cut(&name(line), 24),
                    count(metric.count),
                    mean,
                    min,
                    max,
                    metric.unit.to_string(),
                ]);
            }
        }
        table
    }
}

fn name(line: &AgentLine) -> String {
    match &line.agent {
        Some(agent) => agent.to_string(),
        None => "(no agent)".to_owned(),
    }
}
