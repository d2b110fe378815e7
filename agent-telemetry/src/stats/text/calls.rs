//! What the text says about the time and the cost of calls.

use std::fmt;

use crate::stats::layout::{
    Decimals, Table, count, dash, fact, known, money, offer, plural, section, share, time,
};
use crate::stats::{Cost, Latency, Performance};

pub(super) fn performance(f: &mut fmt::Formatter<'_>, it: &Performance) -> fmt::Result {
    section(f, "Performance")?;
    if it.models.is_empty() && it.tools.is_empty() {
        return fact(f, "calls", "none");
    }
    let header = [
        "models",
        "calls",
        "failed",
        "p50",
        "p95",
        "max",
        "first token p50",
    ];
    let mut models = Table::new(0, header);
    for line in &it.models {
        let [p50, p95, max] = percentiles(line.latency);
        let first_token = line.first_token.map_or_else(dash, |it| time(it.p50));
        models.row([
            offer(&line.provider, &line.model),
            count(line.calls),
            count(line.failed),
            p50,
            p95,
            max,
            first_token,
        ]);
    }
    if !models.is_empty() {
        models.write(f)?;
    }

    let header = [
        "tools", "calls", "ok", "failed", "aborted", "p50", "p95", "max",
    ];
    let mut tools = Table::new(0, header);
    for line in &it.tools {
        let [p50, p95, max] = percentiles(line.latency);
        tools.row([
            line.tool.to_string(),
            count(line.calls),
            share(line.ok, line.calls),
            count(line.failed),
            count(line.aborted),
            p50,
            p95,
            max,
        ]);
    }
    tools.write_below(f)
}

pub(super) fn cost(f: &mut fmt::Formatter<'_>, it: &Cost, calls: u64) -> fmt::Result {
    section(f, "Cost")?;
    if calls == 0 {
        return fact(f, "model calls", "none");
    }
    let unpriced = match it.unpriced_calls {
        0 => String::new(),
        missing => format!(" and {} without a known price", count(missing)),
    };
    fact(
        f,
        "total",
        &format!(
            "{} for {}{unpriced}",
            money(it.total),
            plural(it.priced_calls, "priced call")
        ),
    )?;
    fact(f, "per session", &it.per_session.map_or_else(dash, money))?;

    let header = [
        "by task type",
        "sessions",
        "success",
        "unpriced",
        "cost",
        "per success",
    ];
    let mut tasks = Table::new(0, header);
    let lines = it.by_task_type.iter();
    let decimals = Decimals::of(
        lines
            .flat_map(|line| [Some(line.cost), line.per_success])
            .flatten(),
    );
    for line in &it.by_task_type {
        tasks.row([
            line.task_type
                .clone()
                .unwrap_or_else(|| "(none given)".to_owned()),
            count(line.sessions),
            count(line.successes),
            count(line.unpriced_calls),
            known(line.cost, line.unpriced_calls, decimals),
            line.per_success
                .map_or_else(dash, |cost| known(cost, line.unpriced_calls, decimals)),
        ]);
    }
    tasks.write_below(f)?;

    let mut models = Table::new(0, ["by model", "calls", "unpriced", "tokens", "cost"]);
    let decimals = Decimals::of(it.by_model.iter().map(|line| line.cost));
    for line in &it.by_model {
        models.row([
            offer(&line.provider, &line.model),
            count(line.calls),
            count(line.unpriced_calls),
            count(line.usage.total()),
            known(line.cost, line.unpriced_calls, decimals),
        ]);
    }
    models.write_below(f)
}

fn percentiles(latency: Option<Latency>) -> [String; 3] {
    match latency {
        Some(it) => [it.p50, it.p95, it.max].map(time),
        None => [dash(), dash(), dash()],
    }
}
