//! The text of the report per tool.

use std::fmt;

use super::{percentiles, title};
use crate::report::ToolsReport;
use crate::stats::layout::{Table, count, share};

impl fmt::Display for ToolsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        title(f, "Tools", &self.period)?;
        if self.tools.is_empty() {
            return writeln!(f, "\n  There were no tool calls in this period.");
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
        table.write_below(f)
    }
}
