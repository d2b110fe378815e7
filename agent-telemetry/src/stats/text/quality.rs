//! What the text says about violations, metrics, failures and handoffs.

use crate::report::sheet::{Chart, Flow, Section, Sheet};
use crate::stats::layout::{Table, count, number, plural, share, time};
use crate::stats::width::cut;
use crate::stats::{HandoffLine, Quality};

pub(super) fn quality(sheet: &mut Sheet, it: &Quality) {
    let shown = sheet.section("Quality");
    let found: u64 = it.violations.iter().map(|line| line.found).sum();
    let fixed: u64 = it.violations.iter().map(|line| line.fixed).sum();
    shown.fact(
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
    );
    shown.fact(
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
    );
    let changes = it.handoffs.iter().map(|line| line.count).sum();
    shown.fact("handoffs", &count(changes));
    if let Some(percent) = it.context_peak_percent {
        shown.fact("context", &format!("{percent} % full at the fullest"));
    }

    violations(shown, it);

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
    shown.table(metrics);

    let mut failures = Table::new(0, ["failures", "attempts", "calls"]);
    for line in &it.failures {
        failures.row([
            line.kind.to_string(),
            count(line.attempts),
            count(line.calls),
        ]);
    }
    shown.table(failures);

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
    shown.chart(paths(it));
    shown.table(handoffs);
}

fn paths(it: &Quality) -> Chart {
    let path = |line: &HandoffLine| Flow {
        from: line.from.name().to_owned(),
        to: line.to.name().to_owned(),
        count: line.count,
        note: line.reason.to_string(),
    };
    Chart::Flow {
        title: "Who handed over to whom".to_owned(),
        paths: it.handoffs.iter().map(path).collect(),
    }
}

fn violations(shown: &mut Section, it: &Quality) {
    let mut violations = Table::new(0, ["violations", "found", "fixed"]);
    for line in &it.violations {
        violations.row([
            line.severity.to_string(),
            count(line.found),
            count(line.fixed),
        ]);
    }
    shown.table(violations);

    let mut kinds = Table::new(1, ["broken rules", "worst", "found", "fixed"]);
    for line in &it.violation_kinds {
        kinds.row([
            line.kind.clone(),
            line.severity.to_string(),
            count(line.found),
            count(line.fixed),
        ]);
    }
    shown.table(kinds);
    let mut files = Table::new(0, ["broken in", "found", "fixed"]);
    for line in &it.violation_files {
        files.row([
            line.file.clone().unwrap_or_else(|| "(no file)".to_owned()),
            count(line.found),
            count(line.fixed),
        ]);
    }
    shown.table(files);
}
