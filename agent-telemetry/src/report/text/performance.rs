//! The text of the report on where the time went.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use super::{dash, offer, percentiles};
use crate::report::civil::minute_text;
use crate::report::performance::{Operated, PerformanceReport, ProfileLine, SlowOperation};
use crate::report::sheet::{Bar, Chart, Scale, Section, Sheet, seconds};
use crate::stats::layout::{Table, count, plural, time};
use crate::stats::width::cut;

/// Slowest operations that are shown of a kind.
const SLOWEST: usize = 5;

impl fmt::Display for PerformanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl PerformanceReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Performance", self.period);
        if self.is_empty() {
            sheet.note("There were no operations in this period.");
            return sheet;
        }
        self.tiles(&mut sheet);
        let calls = sheet.section("Where the time went");
        calls.chart(Chart::Bars {
            title: "Time of all calls".to_owned(),
            scale: Scale::Time,
            bars: bars(&self.calls, |line| Some(line.time)),
        });
        calls.table(profile("call", &self.calls));
        let types = sheet.section("Models by kind of work");
        types.table(self.task_types());
        let speed = sheet.section("How fast answers came");
        speed.table(self.speed());
        let inside = sheet.section("Attempts within model calls");
        inside.table(profile("provider", &self.attempts));
        sheet.section("Tasks").table(profile("tasks", &self.tasks));
        self.waiting(sheet.section("Waiting before a retry"));
        let slow = sheet.section("Slowest");
        slow.chart(Chart::Bars {
            title: "95 of 100 successful calls took no longer than".to_owned(),
            scale: Scale::Time,
            bars: bars(&self.calls, |line| Some(line.latency?.p95)),
        });
        slow.table(self.slowest("model_call", "model call"));
        slow.table(self.slowest("tool_call", "tool call"));
        self.trend(sheet.section("Against the period before"));
        if self.left_out > 0 {
            let left_out = plural(self.left_out, "operation");
            sheet.note(&format!("{left_out} of less frequent kinds left out."));
        }
        sheet
    }

    fn tiles(&self, sheet: &mut Sheet) {
        sheet.tile("time in calls", &time(self.time), "");
        if let Some(line) = self.calls.first() {
            let what = format!("{} of the time", share(line.time_share));
            sheet.tile("most of it", &name(&line.of), &what);
        }
        let p95 = |line: &ProfileLine| Some((line.latency?.p95, name(&line.of)));
        if let Some((p95, of)) = self.calls.iter().filter_map(p95).max() {
            sheet.tile("slowest p95", &time(p95), &of);
        }
        if !self.waited.is_zero() {
            let limits = format!("{} for rate limits", time(self.waited_for_limits));
            sheet.tile("waited before retries", &time(self.waited), &limits);
        }
    }

    fn task_types(&self) -> Table {
        let header = [
            "model",
            "kind of work",
            "count",
            "time",
            "share",
            "p50",
            "p95",
            "p99",
        ];
        let mut table = Table::new(1, header);
        for line in &self.task_types {
            let [p50, p95, p99] = percentiles(line.latency);
            let kind = match &line.of {
                Operated::ModelCall {
                    task_type: Some(kind),
                    ..
                } => cut(kind, 24),
                _ => dash(),
            };
            table.row([
                name(&line.of),
                kind,
                count(line.count),
                time(line.time),
                share(line.time_share),
                p50,
                p95,
                p99,
            ]);
        }
        table
    }

    fn speed(&self) -> Table {
        let header = [
            "models",
            "calls",
            "first token p50",
            "p95",
            "p99",
            "tokens/s p50",
            "p5",
        ];
        let mut table = Table::new(0, header);
        let told = |line: &&ProfileLine| line.first_token.is_some();
        for line in self.calls.iter().filter(told) {
            let [p50, p95, p99] = percentiles(line.first_token);
            let rate = |of: Option<f64>| of.map_or_else(dash, |it| format!("{it:.1}"));
            table.row([
                name(&line.of),
                count(line.first_token.map_or(0, |it| it.count)),
                p50,
                p95,
                p99,
                rate(line.output.map(|it| it.p50)),
                rate(line.output.map(|it| it.p05)),
            ]);
        }
        table
    }

    fn waiting(&self, section: &mut Section) {
        if self.waits.is_empty() {
            return;
        }
        let model_calls = self.calls.iter();
        let model_calls = model_calls
            .filter(|line| matches!(line.of, Operated::ModelCall { .. }))
            .map(|line| line.time)
            .fold(Duration::ZERO, Duration::saturating_add);
        let what = format!(
            "{}, of it {} for rate limits; model calls took {}",
            time(self.waited),
            time(self.waited_for_limits),
            time(model_calls)
        );
        section.fact("waited", &what);
        section.table(profile("provider, failure", &self.waits));
    }

    /// Of operations of one kind.
    fn slowest(&self, operation: &str, title: &str) -> Table {
        let mut table = Table::new(3, [title, "in session", "ended", "", "took"]);
        let lines = self.calls.iter();
        let lines = lines.filter(|line| line.of.operation() == operation);
        let mut slowest: Vec<(&ProfileLine, &SlowOperation)> = lines
            .flat_map(|line| line.slowest.iter().map(move |it| (line, it)))
            .collect();
        slowest.sort_by_key(|(_, it)| Reverse(it.elapsed));
        for (line, it) in slowest.into_iter().take(SLOWEST) {
            let session = it.session.as_ref();
            table.row([
                name(&line.of),
                cut(&session.map_or_else(dash, ToString::to_string), 24),
                minute_text(it.at),
                if it.failed { "failed" } else { "" }.to_owned(),
                time(it.elapsed),
            ]);
        }
        table
    }

    fn trend(&self, section: &mut Section) {
        let header = [
            "operation",
            "calls",
            "p50 before",
            "now",
            "ratio",
            "p95 before",
            "now",
            "ratio",
        ];
        let mut table = Table::new(0, header);
        let mut without = 0;
        let lists = [&self.calls, &self.attempts, &self.tasks];
        for line in lists.into_iter().flatten() {
            let (Some(trend), Some(now)) = (line.trend, line.latency) else {
                without += 1;
                continue;
            };
            let ratio = |of: Option<f64>| of.map_or_else(dash, |it| format!("{it:.2} ×"));
            table.row([
                match &line.of {
                    Operated::Attempt { provider } => format!("attempts at {provider}"),
                    Operated::TaskWait | Operated::TaskRun => format!("tasks {}", name(&line.of)),
                    other => name(other),
                },
                count(trend.before.count),
                time(trend.before.p50),
                time(now.p50),
                ratio(trend.p50),
                time(trend.before.p95),
                time(now.p95),
                ratio(trend.p95),
            ]);
        }
        if !table.is_empty() {
            section.table(table);
            section
                .note("A ratio tells how these two periods differ, not whether chance made it so.");
        }
        if without > 0 {
            let lines = plural(without, "line");
            section.note(&format!("Not enough data for {lines}: fewer than 30 successful operations in this period or in the one before."));
        }
    }
}

fn share(of: Option<f64>) -> String {
    of.map_or_else(dash, |it| format!("{:.1} %", it * 100.0))
}

fn profile(of: &str, lines: &[ProfileLine]) -> Table {
    let header = [of, "count", "failed", "time", "share", "p50", "p95", "p99"];
    let mut table = Table::new(0, header);
    for line in lines {
        let [p50, p95, p99] = percentiles(line.latency);
        table.row([
            name(&line.of),
            count(line.count),
            count(line.failed),
            time(line.time),
            share(line.time_share),
            p50,
            p95,
            p99,
        ]);
    }
    table
}

/// Provider and model as the other reports write them, the rest in plain words.
fn name(of: &Operated) -> String {
    match of {
        Operated::ModelCall {
            provider, model, ..
        } => offer(provider, model),
        Operated::CheckpointSave { kind } => format!("checkpoint, {kind}"),
        Operated::TaskWait => "in the queue".to_owned(),
        Operated::TaskRun => "at work".to_owned(),
        other => other.to_string(),
    }
}

fn bars(lines: &[ProfileLine], of: impl Fn(&ProfileLine) -> Option<Duration>) -> Vec<Bar> {
    let bar = |line: &ProfileLine| {
        let note = plural(line.count, "call");
        Some(Bar::new(name(&line.of), seconds(of(line)?)).with_note(note))
    };
    lines.iter().filter_map(bar).collect()
}
