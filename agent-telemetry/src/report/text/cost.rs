//! The text of the report on what work cost.

use std::fmt;

use agent_primitives::Usd;

use super::{at_least, dash, known, offer};
use crate::report::civil::minute_text;
use crate::report::cost::{CostReport, DaySpend, ModelSpend, SpendLine};
use crate::report::sheet::{Bar, Chart, Scale, Series, Sheet, dollars};
use crate::stats::layout::{Decimals, Table, count, money, plural, share};
use crate::stats::width::cut;

impl fmt::Display for CostReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl CostReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Cost", self.period);
        if self.is_empty() {
            sheet.note("There were no model calls in this period.");
            return sheet;
        }
        self.totals(&mut sheet);
        let by_agent = sheet.section("By agent");
        by_agent.chart(bars("Cost by agent", &self.agents, |it| text(it.as_ref())));
        by_agent.table(spent("agent", &self.agents, |it| text(it.as_ref())));
        let by_type = sheet.section("By kind of work");
        by_type.table(spent("task type", &self.task_types, |it| text(it.as_ref())));
        if self.projects.len() > 1 {
            let by_project = sheet.section("By project");
            by_project.table(spent("project", &self.projects, |it| text(it.as_ref())));
        }
        sheet.section("By model").table(self.models());
        let by_day = sheet.section("By day");
        by_day.chart(self.daily());
        by_day.table(self.days());
        sheet.section("Dearest sessions").table(self.sessions());
        if self.left_out > 0 {
            sheet.note(&format!("{} left out.", plural(self.left_out, "line")));
        }
        sheet
    }

    fn totals(&self, sheet: &mut Sheet) {
        let top = sheet.top();
        let calls = plural(self.calls, "model call");
        let total = match (self.unpriced_calls, self.cost.is_zero()) {
            (0, _) => format!("{} for {calls}", money(self.cost)),
            (unpriced, _) if unpriced > self.calls => format!(
                "{} for {calls}, and usage without a known price",
                known(self.cost, unpriced, Decimals::of([self.cost]))
            ),
            (unpriced, true) => {
                format!(
                    "not known: {} of {calls} without a known price",
                    count(unpriced)
                )
            }
            (unpriced, false) => format!(
                "{} for {calls}, and {} of them without a known price",
                money(self.cost),
                count(unpriced)
            ),
        };
        top.fact("total", &total);
        let is_known = !self.cost.is_zero() || self.unpriced_calls == 0;
        if let Some(cost) = self.cost_per_success.filter(|_| is_known) {
            let least = if self.unpriced_calls > 0 { "≥ " } else { "" };
            let over = plural(self.success, "success");
            let of = format!("{least}{}, over {over}", money(cost));
            top.fact("per success", &of.replace("successs", "successes"));
        }
        let read = self.usage.cache_read();
        let asked = self.usage.input_total();
        if read > 0 {
            let what = format!(
                "{} of what models read came from their caches",
                share(read, asked)
            );
            top.fact("cache", &what);
        }
    }

    fn models(&self) -> Table {
        let decimals = Decimals::of(self.models.iter().map(|line| line.cost));
        let header = [
            "model",
            "cost",
            "share",
            "calls",
            "unpriced",
            "tokens",
            "from cache",
        ];
        let mut table = Table::new(0, header);
        for line in &self.models {
            let usage = &line.usage;
            let asked = usage.input_total();
            table.row([
                offer(&line.provider, &line.model),
                known(line.cost, line.unpriced_calls, decimals),
                percent(line.cost_share),
                count(line.calls),
                count(line.unpriced_calls),
                count(usage.total()),
                share(usage.cache_read(), asked),
            ]);
        }
        table
    }

    /// The last ones first, since a text shows only some.
    fn days(&self) -> Table {
        let decimals = Decimals::of(self.days.iter().map(|line| line.cost));
        let header = [
            "day", "cost", "calls", "unpriced", "ended", "success", "rate",
        ];
        let mut table = Table::new(0, header);
        for line in self.days.iter().rev() {
            table.row([
                day(line),
                known(line.cost, line.unpriced_calls, decimals),
                count(line.calls),
                count(line.unpriced_calls),
                count(line.ended),
                count(line.success),
                share(line.success, line.ended),
            ]);
        }
        table
    }

    fn daily(&self) -> Chart {
        let series = |(place, model): (usize, &ModelSpend)| Series {
            label: offer(&model.provider, &model.model),
            points: self
                .days
                .iter()
                .filter_map(|line| Some((line.from, dollars(*line.models.get(place)?))))
                .collect(),
            band: None,
        };
        let models = self
            .models
            .iter()
            .take(self.days.first().map_or(0, |it| it.models.len()));
        Chart::Stacked {
            title: "Cost by day and model".to_owned(),
            scale: Scale::Usd,
            series: models.enumerate().map(series).collect(),
        }
    }

    fn sessions(&self) -> Table {
        let decimals = Decimals::of(self.sessions.iter().map(|line| line.cost));
        let mut table = Table::new(1, ["session", "project", "cost", "calls", "unpriced"]);
        for line in &self.sessions {
            table.row([
                line.session.to_string(),
                cut(
                    &line.project.as_ref().map_or_else(dash, ToString::to_string),
                    24,
                ),
                known(line.cost, line.unpriced_calls, decimals),
                count(line.calls),
                count(line.unpriced_calls),
            ]);
        }
        table
    }
}

fn text(name: Option<&impl ToString>) -> String {
    name.map_or_else(|| "(none)".to_owned(), ToString::to_string)
}

fn day(line: &DaySpend) -> String {
    let text = minute_text(line.from);
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(dash, |share| format!("{:.1} %", share * 100.0))
}

fn bars<K>(title: &str, lines: &[SpendLine<K>], name: impl Fn(&K) -> String) -> Chart {
    let bar = |line: &SpendLine<K>| {
        Bar::new(name(&line.of), dollars(line.cost)).with_note(percent(line.cost_share))
    };
    Chart::Bars {
        title: title.to_owned(),
        scale: Scale::Usd,
        bars: lines.iter().map(bar).collect(),
    }
}

fn spent<K>(of: &str, lines: &[SpendLine<K>], name: impl Fn(&K) -> String) -> Table {
    let amounts = lines
        .iter()
        .flat_map(|line| [Some(line.cost), line.cost_per_success]);
    let decimals = Decimals::of(amounts.flatten());
    let header = [
        of,
        "cost",
        "share",
        "calls",
        "unpriced",
        "ended",
        "success",
        "per success",
    ];
    let mut table = Table::new(0, header);
    for line in lines {
        let shown = |cost: Usd| known(cost, line.unpriced_calls, decimals);
        let is_used = line.calls > 0 || line.unpriced_calls > 0 || !line.cost.is_zero();
        table.row([
            name(&line.of),
            if is_used { shown(line.cost) } else { dash() },
            percent(line.cost_share),
            count(line.calls),
            count(line.unpriced_calls),
            count(line.ended),
            count(line.success),
            line.cost_per_success
                .filter(|_| is_used)
                .map_or_else(dash, |it| at_least(it, line.unpriced_calls, decimals)),
        ]);
    }
    table
}
