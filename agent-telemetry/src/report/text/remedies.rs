//! The text of what was done after failures.

use super::errors::rate;
use super::percentiles;
use crate::report::errors::{ErrorsReport, RecoveryRate, RemedyLine};
use crate::report::sheet::{Bar, Chart, Scale, Section};
use crate::stats::layout::{Table, count, plural, share};

impl ErrorsReport {
    pub(super) fn recovery(&self, section: &mut Section) {
        section.chart(Chart::Bars {
            title: "How often the work went on, with the 95 % interval".to_owned(),
            scale: Scale::Share,
            bars: self.remedies.iter().filter_map(bar).collect(),
        });
        section.table(self.remedies());
        section.table(self.answers());
        section.table(self.sessions());
        if self.given_up > 0 {
            let calls = plural(self.given_up, "failed call");
            section.note(&format!("After {calls} the session made no other."));
        }
        if self.steps_given_up > 0 {
            let gave_up = plural(self.steps_given_up, "request");
            section.note(&format!("Recovery gave up {gave_up}."));
        }
        if !self.remedies.is_empty() {
            section.note("What was done was not drawn by lot: a remedy that is tried last gets the failures that others could not overcome.");
        }
    }

    fn remedies(&self) -> Table {
        let header = [
            "remedy",
            "tried",
            "went on",
            "rate",
            "95 % interval",
            "failed",
            "open",
            "took p50",
            "p95",
        ];
        let mut table = Table::new(0, header);
        for line in &self.remedies {
            let [p50, p95, _] = percentiles(line.took);
            table.row([
                line.remedy.to_string(),
                count(line.tried),
                count(line.recovery.recovered),
                rate(&line.recovery),
                interval(&line.recovery),
                count(line.failed),
                count(line.open),
                p50,
                p95,
            ]);
        }
        table
    }

    fn answers(&self) -> Table {
        let header = [
            "after",
            "remedy",
            "failures",
            "went on",
            "rate",
            "95 % interval",
        ];
        let mut table = Table::new(1, header);
        for kind in &self.kinds {
            for line in &self.remedies {
                for it in line.kinds.iter().filter(|it| it.kind == kind.kind) {
                    table.row([
                        it.kind.to_string(),
                        line.remedy.to_string(),
                        count(it.failures),
                        count(it.recovery.recovered),
                        rate(&it.recovery),
                        interval(&it.recovery),
                    ]);
                }
            }
        }
        table
    }

    fn sessions(&self) -> Table {
        let header = [
            "the sessions",
            "success",
            "rate",
            "escalated",
            "failed",
            "aborted",
            "open",
        ];
        let mut table = Table::new(0, header);
        for line in self.remedies.iter().filter(|it| it.evidence.count > 0) {
            let it = &line.outcomes;
            let ended = it.success + it.escalated + it.failed + it.aborted;
            table.row([
                line.remedy.to_string(),
                count(it.success),
                share(it.success, ended),
                count(it.escalated),
                count(it.failed),
                count(it.aborted),
                count(it.open),
            ]);
        }
        table
    }
}

fn interval(it: &RecoveryRate) -> String {
    match it.interval {
        Some(it) => format!("{:.1} to {:.1} %", it.low * 100.0, it.high * 100.0),
        None => "not enough data".to_owned(),
    }
}

/// Of what there is enough data for.
fn bar(line: &RemedyLine) -> Option<Bar> {
    let interval = line.recovery.interval?;
    Some(Bar {
        label: line.remedy.to_string(),
        value: line.recovery.rate?,
        interval: Some((interval.low, interval.high)),
        note: format!("of {}", count(line.recovery.of)),
    })
}
