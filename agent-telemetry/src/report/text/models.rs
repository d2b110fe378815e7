//! The text of the report per model.

use std::fmt;

use super::{dash, known, offer, percentiles, title};
use crate::report::ModelsReport;
use crate::stats::layout::{Decimals, Table, count, fact, money, plural, section, share};

impl fmt::Display for ModelsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        title(f, "Models", &self.period)?;
        if self.models.is_empty() {
            return writeln!(f, "\n  There were no model calls in this period.");
        }
        section(f, "Cost")?;
        let total = match (self.unpriced_calls, self.cost.is_zero()) {
            (0, _) => format!("{} for {}", money(self.cost), plural(self.calls, "call")),
            (unpriced, true) => format!(
                "not known: {} of {} without a known price",
                count(unpriced),
                plural(self.calls, "call")
            ),
            (unpriced, false) => format!(
                "{} for {}, and {} of them without a known price",
                money(self.cost),
                plural(self.calls, "call"),
                count(unpriced)
            ),
        };
        fact(f, "total", &total)?;
        self.costs().write_below(f)?;
        self.tokens().write_below(f)?;
        section(f, "Time of successful calls")?;
        self.times().write(f)?;
        let failures = self.failures();
        if !failures.is_empty() {
            section(f, "Failures")?;
            failures.write(f)?;
        }
        Ok(())
    }
}

impl ModelsReport {
    fn costs(&self) -> Table {
        let decimals = Decimals::of(self.models.iter().map(|line| line.cost));
        let mut table = Table::new(
            0,
            [
                "models", "calls", "failed", "unpriced", "tokens", "cost", "share",
            ],
        );
        for line in &self.models {
            table.row([
                offer(&line.provider, &line.model),
                count(line.calls),
                count(line.failed()),
                count(line.unpriced_calls),
                count(line.usage.total()),
                known(line.cost, line.unpriced_calls, decimals),
                line.cost_share
                    .map_or_else(dash, |share| format!("{:.1} %", share * 100.0)),
            ]);
        }
        table
    }

    fn tokens(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "tokens",
                "input",
                "cache read",
                "cache write",
                "output",
                "reasoning",
            ],
        );
        for line in self.models.iter().filter(|line| line.usage.total() > 0) {
            let usage = &line.usage;
            table.row([
                offer(&line.provider, &line.model),
                count(usage.input()),
                count(usage.cache_read()),
                count(usage.cache_write()),
                count(usage.output()),
                count(usage.reasoning()),
            ]);
        }
        table
    }

    fn times(&self) -> Table {
        let mut table = Table::new(
            0,
            [
                "models",
                "calls",
                "p50",
                "p95",
                "p99",
                "first token p50",
                "p95",
            ],
        );
        for line in &self.models {
            let [p50, p95, p99] = percentiles(line.latency);
            let [first_p50, first_p95, _] = percentiles(line.first_token);
            table.row([
                offer(&line.provider, &line.model),
                count(line.latency.map_or(0, |it| it.count)),
                p50,
                p95,
                p99,
                first_p50,
                first_p95,
            ]);
        }
        table
    }

    fn failures(&self) -> Table {
        let mut table = Table::new(1, ["models", "failure", "calls", "of all"]);
        for line in &self.models {
            for failure in &line.failures {
                table.row([
                    offer(&line.provider, &line.model),
                    failure.kind.to_string(),
                    count(failure.calls),
                    share(failure.calls, line.calls),
                ]);
            }
        }
        table
    }
}
