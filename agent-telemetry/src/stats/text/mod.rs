//! The figures as a text that a person reads in a terminal.

mod calls;
mod decisions;
mod quality;
mod work;

use std::fmt;

use agent_primitives::Timestamp;

use super::layout::{bytes, count, plural};
use super::{Outcomes, Overview, Stats};
use crate::report::sheet::Sheet;
use calls::{cost, performance};
use decisions::decisions;
use quality::quality;
use work::work;

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl Stats {
    pub(crate) fn sheet(&self) -> Sheet {
        let sheet = Sheet::undated("Agent telemetry");
        let Some((first, last)) = self.overview.period else {
            let mut sheet = sheet;
            sheet.note("There are no records.");
            return sheet;
        };
        let second = |at: Timestamp| {
            let text = at.to_string();
            text.get(..19).unwrap_or(&text).replace('T', " ")
        };
        let mut sheet = sheet.with_period(&format!("{} to {} UTC", second(first), second(last)));
        overview(&mut sheet, &self.overview);
        outcomes(&mut sheet, &self.outcomes);
        work(&mut sheet, &self.work);
        decisions(&mut sheet, &self.decisions);
        quality(&mut sheet, &self.quality);
        performance(&mut sheet, &self.performance, self.overview.restores);
        cost(&mut sheet, &self.cost, self.overview.model_calls);
        sheet
    }
}

fn overview(sheet: &mut Sheet, it: &Overview) {
    let shown = sheet.section("Overview");
    shown.fact(
        "sessions",
        &format!(
            "{} by {}, {}, {}{}",
            count(it.sessions),
            plural(it.agents.len() as u64, "agent"),
            match it.crashes {
                1 => "1 crash".to_owned(),
                more => format!("{} crashes", count(more)),
            },
            plural(it.restores, "restore"),
            match it.restore_lost_bytes {
                0 => String::new(),
                lost => format!(" ({} set aside)", bytes(lost)),
            },
        ),
    );
    shown.fact(
        "calls",
        &format!(
            "{} to models in {}, {} to tools",
            count(it.model_calls),
            plural(it.attempts, "attempt"),
            count(it.tool_calls)
        ),
    );
    let usage = &it.usage;
    shown.fact(
        "tokens",
        &format!(
            "{} = {} input + {} cache read + {} cache write + {} output",
            count(usage.total()),
            count(usage.input()),
            count(usage.cache_read()),
            count(usage.cache_write()),
            count(usage.output()),
        ),
    );
    if usage.reasoning() > 0 {
        let part = format!("{} of the output", count(usage.reasoning()));
        shown.fact("reasoning", &part);
    }
    shown.fact(
        "checkpoints",
        &match it.checkpoints {
            0 => "none".to_owned(),
            saved => format!(
                "{} with {} of new state, {} written",
                count(saved),
                bytes(it.checkpoint_logical_bytes),
                bytes(it.checkpoint_stored_bytes)
            ),
        },
    );
}

fn outcomes(sheet: &mut Sheet, it: &Outcomes) {
    let shown = sheet.section("Outcomes");
    let total = it.total();
    if total == 0 {
        shown.fact("sessions", "none");
        return;
    }
    let lines = [
        ("success", it.success),
        ("escalated", it.escalated),
        ("failed", it.failed),
        ("aborted", it.aborted),
        ("no end yet", it.open),
    ];
    for (name, sessions) in lines {
        if sessions == 0 && name == "no end yet" {
            continue;
        }
        shown.split(name, sessions, total);
    }
}
