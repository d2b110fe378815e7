//! What the text says about violations, metrics, failures and handoffs.

use std::fmt;

use crate::stats::Quality;
use crate::stats::layout::{Table, count, fact, number, plural, section, share, time};
use crate::stats::width::cut;

pub(super) fn quality(f: &mut fmt::Formatter<'_>, it: &Quality) -> fmt::Result {
    section(f, "Quality")?;
    let found: u64 = it.violations.iter().map(|line| line.found).sum();
    let fixed: u64 = it.violations.iter().map(|line| line.fixed).sum();
    fact(
        f,
        "violations",
        &match found {
            0 => "none".to_owned(),
            _ => format!(
                "{}, {} fixed ({})",
                count(found),
                count(fixed),
                share(fixed, found)
            ),
        },
    )?;
    fact(
        f,
        "resilience",
        &format!(
            "{}, {}, {}",
            match it.retries {
                0 => "0 retries".to_owned(),
                1 => format!("1 retry after {}", time(it.retry_delay)),
                more => format!(
                    "{} retries after {} in all",
                    count(more),
                    time(it.retry_delay)
                ),
            },
            plural(it.breaker_openings, "breaker opening"),
            plural(it.cooldowns, "cooldown"),
        ),
    )?;
    let changes = it.handoffs.iter().map(|line| line.count).sum();
    fact(f, "handoffs", &count(changes))?;
    if let Some(percent) = it.context_peak_percent {
        fact(f, "context", &format!("{percent} % full at the fullest"))?;
    }

    violations(f, it)?;

    let mut metrics = Table::new(
        0,
        ["metrics", "values", "mean", "lowest", "highest", "unit"],
    );
    for line in &it.metrics {
        let [mean, min, max] = [line.mean, line.min, line.max].map(number);
        metrics.row([
            line.name.clone(),
            count(line.count),
            mean,
            min,
            max,
            line.unit.to_string(),
        ]);
    }
    metrics.write_below(f)?;

    let mut failures = Table::new(0, ["failures", "attempts", "calls"]);
    for line in &it.failures {
        failures.row([
            line.kind.to_string(),
            count(line.attempts),
            count(line.calls),
        ]);
    }
    failures.write_below(f)?;

    let mut handoffs = Table::new(2, ["handoffs", "reason", "decided", "times"]);
    for line in &it.handoffs {
        handoffs.row([
            format!(
                "{} → {}",
                cut(line.from.name(), 26),
                cut(line.to.name(), 26)
            ),
            line.reason.to_string(),
            line.initiator.to_string(),
            count(line.count),
        ]);
    }
    handoffs.write_below(f)
}

fn violations(f: &mut fmt::Formatter<'_>, it: &Quality) -> fmt::Result {
    let mut violations = Table::new(0, ["violations", "found", "fixed"]);
    for line in &it.violations {
        violations.row([
            line.severity.to_string(),
            count(line.found),
            count(line.fixed),
        ]);
    }
    violations.write_below(f)?;

    let mut kinds = Table::new(1, ["broken rules", "worst", "found", "fixed"]);
    for line in &it.violation_kinds {
        kinds.row([
            line.kind.clone(),
            line.severity.to_string(),
            count(line.found),
            count(line.fixed),
        ]);
    }
    kinds.write_below(f)?;
    let mut files = Table::new(0, ["broken in", "found", "fixed"]);
    for line in &it.violation_files {
        files.row([
            line.file.clone().unwrap_or_else(|| "(no file)".to_owned()),
            count(line.found),
            count(line.fixed),
        ]);
    }
    files.write_below(f)
}
