//! The text of the report per tool.

use std::fmt;

use super::percentiles;
use crate::report::sheet::{Bar, Chart, Scale, Sheet, number, seconds};
use crate::report::{ToolFigures, ToolsReport};
use crate::stats::layout::{Table, count, plural, share};

impl fmt::Display for ToolsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl ToolsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Tools", self.period);
        if self.tools.is_empty() {
            sheet.note("There were no tool calls in this period.");
            return sheet;
        }
        let header = [
            "tools", "calls", "ok", "rate", "failed", "aborted", "p50", "p95", "p99",
        ];
        let mut table = Table::new(0, header);
        for line in &self.tools {
            let [p50, p95, p99] = percentiles(line.latency);
            table.row([
                line.tool.to_string(),
                count(line.calls),
                count(line.ok),
                share(line.ok, line.calls),
                count(line.failed),
                count(line.aborted),
                p50,
                p95,
                p99,
            ]);
        }
        let called = |line: &ToolFigures| {
            let failed = plural(line.failed, "failure");
            Bar::new(line.tool.to_string(), number(line.calls)).with_note(failed)
        };
        sheet.top().chart(Chart::Bars {
            title: "Calls".to_owned(),
            scale: Scale::Count,
            bars: self.tools.iter().map(called).collect(),
        });
        let slow =
            |line: &ToolFigures| Some(Bar::new(line.tool.to_string(), seconds(line.latency?.p95)));
        sheet.top().chart(Chart::Bars {
            title: "95 of 100 calls took no longer than".to_owned(),
            scale: Scale::Time,
            bars: self.tools.iter().filter_map(slow).collect(),
        });
        sheet.top().table(table);
        if let Some(sequences) = &self.sequences {
            sequences.sections(&mut sheet);
        }
        sheet
    }
}
