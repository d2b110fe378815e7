//! The figures as a text that a person reads in a terminal.

mod calls;
mod decisions;
mod quality;
mod work;

use std::fmt;

use super::layout::{bytes, count, fact, plural, section, share};
use super::{Outcomes, Overview, Stats};
use calls::{cost, performance};
use decisions::decisions;
use quality::quality;
use work::work;

/// Columns of the bar that stands for all sessions.
const BAR: u64 = 40;

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, last)) = self.overview.period else {
            return writeln!(f, "Agent telemetry\n\n  There are no records.");
        };
        let minute = |at: &str| at.get(..19).unwrap_or(at).replace('T', " ");
        writeln!(
            f,
            "Agent telemetry, {} to {} UTC",
            minute(&first.to_string()),
            minute(&last.to_string())
        )?;
        overview(f, &self.overview)?;
        outcomes(f, &self.outcomes)?;
        work(f, &self.work)?;
        decisions(f, &self.decisions)?;
        quality(f, &self.quality)?;
        performance(f, &self.performance, self.overview.restores)?;
        cost(f, &self.cost, self.overview.model_calls)
    }
}

fn overview(f: &mut fmt::Formatter<'_>, it: &Overview) -> fmt::Result {
    section(f, "Overview")?;
    fact(
        f,
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
    )?;
    fact(
        f,
        "calls",
        &format!(
            "{} to models in {}, {} to tools",
            count(it.model_calls),
            plural(it.attempts, "attempt"),
            count(it.tool_calls)
        ),
    )?;
    let usage = &it.usage;
    fact(
        f,
        "tokens",
        &format!(
            "{} = {} input + {} cache read + {} cache write + {} output",
            count(usage.total()),
            count(usage.input()),
            count(usage.cache_read()),
            count(usage.cache_write()),
            count(usage.output()),
        ),
    )?;
    if usage.reasoning() > 0 {
        let part = format!("{} of the output", count(usage.reasoning()));
        fact(f, "reasoning", &part)?;
    }
    fact(
        f,
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
    )
}

fn outcomes(f: &mut fmt::Formatter<'_>, it: &Outcomes) -> fmt::Result {
    section(f, "Outcomes")?;
    let total = it.total();
    if total == 0 {
        return fact(f, "sessions", "none");
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
        let length = (u128::from(sessions) * u128::from(BAR)).div_ceil(u128::from(total));
        let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
        let line = format!(
            "{:>8}  {:>7}  {bar}",
            count(sessions),
            share(sessions, total)
        );
        fact(f, name, line.trim_end())?;
    }
    Ok(())
}
