//! The text of the report per model.

use std::fmt;

use super::{dash, known, offer, percentiles};
use crate::report::sheet::{Bar, Chart, Scale, Sheet, dollars, number};
use crate::report::{ModelFigures, ModelsReport};
use crate::stats::layout::{Decimals, Table, count, money, plural, share, time};

impl fmt::Display for ModelsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl ModelsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Models", self.period);
        if self.models.is_empty() {
            sheet.note("There were no model calls in this period.");
            return sheet;
        }
        sheet.tile("model calls", &count(self.calls), "");
        sheet.tile(
            "cost",
            &known(self.cost, self.unpriced_calls, Decimals::of([self.cost])),
            "",
        );
        let busiest = self.models.iter().max_by_key(|line| line.calls);
        if let Some((line, times)) = busiest.and_then(|line| Some((line, line.latency?))) {
            sheet.tile("p95", &time(times.p95), &offer(&line.provider, &line.model));
        }
        let cost = sheet.section("Cost");
        cost.fact("total", &self.total());
        cost.chart(self.shares());
        cost.table(self.costs());
        cost.chart(self.used());
        cost.table(self.tokens());
        sheet
            .section("Time of successful calls")
            .table(self.times());
        sheet.section("Failures").table(self.failures());
        sheet
    }

    fn shares(&self) -> Chart {
        let bar = |line: &ModelFigures| {
            Bar::new(offer(&line.provider, &line.model), dollars(line.cost))
                .with_note(plural(line.calls, "call"))
        };
        let priced = self.models.iter().filter(|line| !line.cost.is_zero());
        Chart::Bars {
            title: "Cost by model".to_owned(),
            scale: Scale::Usd,
            bars: priced.map(bar).collect(),
        }
    }

    fn used(&self) -> Chart {
        let bar = |line: &ModelFigures| {
            let tokens = number(line.usage.total());
            Bar::new(offer(&line.provider, &line.model), tokens)
        };
        let used = self.models.iter().filter(|line| line.usage.total() > 0);
        Chart::Bars {
            title: "Tokens by model".to_owned(),
            scale: Scale::Tokens,
            bars: used.map(bar).collect(),
        }
    }

    fn total(&self) -> String {
        match (self.unpriced_calls, self.cost.is_zero()) {
            (0, _) => format!("{} for {}", money(self.cost), plural(self.calls, "call")),
            (unpriced, _) if unpriced > self.calls => format!(
                "{} for {}, and usage without a known price",
                known(self.cost, unpriced, Decimals::of([self.cost])),
                plural(self.calls, "call")
            ),
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
        }
    }

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
