//! The text of the report on errors.

use std::fmt;

use super::{dash, known, offer};
use crate::report::civil::minute_text;
use crate::report::errors::{ErrorLine, ErrorPlace, ErrorsReport, RecoveryRate};
use crate::report::sheet::{Bar, Chart, Scale, Section, Sheet, number};
use crate::stats::layout::{Decimals, Table, bytes, count, money, plural, share, time};
use crate::stats::width::cut;

/// Columns of a name in a place.
const NAME: usize = 40;

impl fmt::Display for ErrorsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl ErrorsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Errors", self.period);
        if self.is_empty() {
            sheet.note("There were no calls in this period.");
            return sheet;
        }
        self.tiles(&mut sheet);
        self.totals(&mut sheet);
        let kinds = sheet.section("What went wrong");
        kinds.chart(self.kind_bars());
        kinds.table(self.kinds());
        kinds.table(self.overcome());
        sheet.section("Where").table(self.places());
        sheet.section("Tools that failed").table(self.tools());
        self.recovery(sheet.section("What was done, and whether the work went on"));
        self.interruptions(sheet.section("Interruptions"));
        self.left_out(sheet.section("Left out"));
        sheet
    }

    fn tiles(&self, sheet: &mut Sheet) {
        for (name, failed, of) in [
            (
                "model calls failed",
                self.failed_model_calls,
                self.model_calls,
            ),
            ("tool calls failed", self.failed_tool_calls, self.tool_calls),
        ] {
            if of > 0 {
                let remark = format!("{} of {}", count(failed), count(of));
                sheet.tile(name, &share(failed, of), &remark);
            }
        }
        if self.failures > 0 {
            let overcome = self.kinds.iter().map(|line| line.recovery.recovered).sum();
            let remark = format!("of {}", plural(self.failures, "failed call"));
            sheet.tile("overcome", &share(overcome, self.failures), &remark);
            sheet.tile("time lost", &time(self.time_lost), "");
        }
    }

    fn totals(&self, sheet: &mut Sheet) {
        let top = sheet.top();
        for (name, failed, of) in [
            ("model calls", self.failed_model_calls, self.model_calls),
            ("attempts", self.failed_attempts, self.attempts),
            ("tool calls", self.failed_tool_calls, self.tool_calls),
        ] {
            if of > 0 {
                let (part, failed) = (share(failed, of), count(failed));
                top.fact(name, &format!("{failed} of {} failed, {part}", count(of)));
            }
        }
        if self.aborted_tool_calls > 0 {
            let aborted = plural(self.aborted_tool_calls, "tool call");
            top.fact("aborted", &format!("{aborted} that nobody saw the end of"));
        }
        // Otherwise they are the failed ones above.
        if self.hindered.recovered > 0 {
            let what = format!(
                "{} of {} with a failed attempt, {}",
                count(self.hindered.recovered),
                plural(self.hindered.of, "model call"),
                share(self.hindered.recovered, self.hindered.of),
            );
            top.fact("answered", &what);
        }
        if self.failures > 0 {
            let waited = if self.waited.is_zero() {
                String::new()
            } else {
                format!(", and {} of waiting before retries", time(self.waited))
            };
            let calls = plural(self.failures, "failed call");
            let lost = time(self.time_lost);
            top.fact("time lost", &format!("{lost} in {calls}{waited}"));
        }
        if !self.cost.is_zero() {
            let calls = plural(self.failed_model_calls, "failed model call");
            top.fact("cost", &format!("{} for {calls}", money(self.cost)));
        }
        if self.unpriced_calls > 0 {
            let calls = plural(self.unpriced_calls, "failed model call");
            top.fact("unpriced", &format!("{calls} without a known price"));
        }
        if self.kinds.is_empty() && self.failed_tool_calls + self.aborted_tool_calls == 0 {
            sheet.note("Nothing failed.");
        }
    }

    fn kind_bars(&self) -> Chart {
        let bar = |line: &ErrorLine| {
            let failed = line.model_calls + line.attempts;
            let note = format!("{} overcome", rate(&line.recovery));
            Bar::new(line.kind.to_string(), number(failed)).with_note(note)
        };
        Chart::Bars {
            title: "Failed model calls and attempts".to_owned(),
            scale: Scale::Count,
            bars: self.kinds.iter().map(bar).collect(),
        }
    }

    fn kinds(&self) -> Table {
        let decimals = Decimals::of(self.kinds.iter().map(|line| line.cost));
        let header = [
            "failure",
            "model calls",
            "of all",
            "attempts",
            "of all",
            "time lost",
            "cost",
            "sessions",
        ];
        let mut table = Table::new(0, header);
        for line in &self.kinds {
            table.row([
                line.kind.to_string(),
                count(line.model_calls),
                share(line.model_calls, self.model_calls),
                self.of_attempts(line.attempts),
                share(line.attempts, self.attempts),
                if line.failures == 0 {
                    dash()
                } else {
                    time(line.time_lost)
                },
                if line.model_calls == 0 {
                    dash()
                } else {
                    known(line.cost, line.unpriced_calls, decimals)
                },
                count(line.evidence.count),
            ]);
        }
        table
    }

    fn overcome(&self) -> Table {
        let header = [
            "failure",
            "first",
            "last",
            "failed calls",
            "overcome",
            "rate",
            "given up",
        ];
        let mut table = Table::new(2, header);
        for line in &self.kinds {
            table.row([
                line.kind.to_string(),
                minute_text(line.first),
                minute_text(line.last),
                count(line.failures),
                count(line.recovery.recovered),
                rate(&line.recovery),
                count(line.given_up),
            ]);
        }
        table
    }

    fn places(&self) -> Table {
        let header = ["place", "failure", "model calls", "attempts"];
        let mut table = Table::new(1, header);
        for line in &self.kinds {
            for it in &line.places {
                table.row([
                    place(it),
                    line.kind.to_string(),
                    count(it.model_calls),
                    self.of_attempts(it.attempts),
                ]);
            }
        }
        table
    }

    /// Where none are recorded, there is no number of those that failed.
    fn of_attempts(&self, failed: u64) -> String {
        if self.attempts == 0 {
            dash()
        } else {
            count(failed)
        }
    }

    fn tools(&self) -> Table {
        let header = [
            "tool",
            "calls",
            "failed",
            "of all",
            "aborted",
            "time lost",
            "called again",
            "worked",
            "rate",
        ];
        let mut table = Table::new(0, header);
        for line in &self.tools {
            table.row([
                line.tool.to_string(),
                count(line.calls),
                count(line.failed),
                share(line.failed, line.calls),
                count(line.aborted),
                time(line.time_lost),
                count(line.again.of),
                count(line.again.recovered),
                rate(&line.again),
            ]);
        }
        table
    }

    fn interruptions(&self, section: &mut Section) {
        let it = &self.interruptions;
        if it.crashes > 0 {
            let what = match it.crashes {
                1 => "once, an agent began again without having ended".to_owned(),
                more => format!(
                    "{} times, an agent began again without having ended",
                    count(more)
                ),
            };
            section.fact("crashes", &what);
        }
        if it.resumes > 0 {
            section.fact("resumed", &plural(it.resumes, "time"));
        }
        if it.restores > 0 {
            let restores = plural(it.restores, "time");
            let what = format!(
                "{restores} from a checkpoint, in {}; {} lost",
                time(it.time_restoring),
                bytes(it.lost_bytes)
            );
            section.fact("restored", &what);
        }
        if it.evidence.count > 0 {
            let ended = &it.outcomes;
            let of = ended.success + ended.escalated + ended.failed + ended.aborted;
            let what = format!(
                "{}; of {} that ended, {} in success, {}",
                count(it.evidence.count),
                count(of),
                count(ended.success),
                share(ended.success, of)
            );
            section.fact("sessions", &what);
        }
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        for (name, number, noun, what) in [
            (
                "no session",
                it.no_session,
                "failed call",
                "of which what came after is not known",
            ),
            (
                "beyond",
                it.beyond,
                "failed call",
                "of which what came after is not followed, for the number of sessions",
            ),
            ("tools", it.tools, "failure", "of other tools"),
        ] {
            if number > 0 {
                section.fact(name, &format!("{} {what}", plural(number, noun)));
            }
        }
    }
}

fn place(it: &ErrorPlace) -> String {
    match &it.model {
        Some(model) => offer(&it.provider, model),
        None => cut(it.provider.as_str(), NAME),
    }
}

pub(super) fn rate(it: &RecoveryRate) -> String {
    share(it.recovered, it.of)
}
