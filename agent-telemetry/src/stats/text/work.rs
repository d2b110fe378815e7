//! What the text says about changed files, timed tasks and projects.

use crate::report::sheet::Sheet;
use crate::stats::layout::{Decimals, Table, count, known, plural, time};
use crate::stats::{Latency, Work};

pub(super) fn work(sheet: &mut Sheet, it: &Work) {
    let shown = sheet.section("Work");
    shown.fact(
        "changes",
        &match it.changes {
            0 => "none told".to_owned(),
            _ => format!(
                "{} with {} added and {} removed",
                plural(it.files, "file"),
                plural(it.lines_added, "line"),
                count(it.lines_removed)
            ),
        },
    );
    shown.fact(
        "people",
        &match it.users {
            0 => "none told".to_owned(),
            users => count(users),
        },
    );
    shown.fact("subagents", &count(it.subagents));

    let mut times = Table::new(0, ["times", "number", "p50", "p95", "max"]);
    let lines = [
        ("stretch of work", it.stretches, it.stretch),
        ("task in the queue", it.tasks, it.queued),
        ("task at work", it.tasks, it.ran),
    ];
    for (name, number, latency) in lines {
        if let Some(Latency { p50, p95, max }) = latency {
            let [p50, p95, max] = [p50, p95, max].map(time);
            times.row([name.to_owned(), count(number), p50, p95, max]);
        }
    }
    shown.table(times);

    // Where there is one alone, all the other figures are its own.
    if it.projects.len() < 2 {
        return;
    }
    let header = [
        "projects", "sessions", "success", "calls", "tools", "files", "added", "removed", "cost",
    ];
    let mut projects = Table::new(0, header);
    let decimals = Decimals::of(it.projects.iter().map(|line| line.cost));
    for line in &it.projects {
        projects.row([
            line.project
                .as_ref()
                .map_or_else(|| "(none given)".to_owned(), ToString::to_string),
            count(line.sessions),
            count(line.successes),
            count(line.model_calls),
            count(line.tool_calls),
            count(line.files),
            count(line.lines_added),
            count(line.lines_removed),
            known(line.cost, line.unpriced_calls, decimals),
        ]);
    }
    shown.table(projects);
}
