//! The text of the report per agent.

use std::fmt;

use agent_primitives::Usd;

use super::{dash, known, title};
use crate::report::{AgentLine, AgentsReport};
use crate::stats::layout::{Decimals, Table, count, number, section, share, time};
use crate::stats::width::cut;

impl fmt::Display for AgentsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        title(f, "Agents", &self.period)?;
        if self.agents.is_empty() {
            return writeln!(f, "\n  There were no sessions in this period.");
        }
        section(f, "Sessions")?;
        if self.agents.iter().all(|line| line.sessions.is_none()) {
            writeln!(
                f,
                "  There were no sessions in this period, but other work."
            )?;
        } else {
            self.sessions().write(f)?;
        }
        section(f, "Cost")?;
        self.cost().write(f)?;
        self.tokens().write_below(f)?;
        section(f, "Work")?;
        self.work().write(f)?;
        self.changes().write_below(f)?;
        self.metrics().write_below(f)
    }
}

impl AgentsReport {
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
                (Some(cost), 1..) => amount(cost),
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
