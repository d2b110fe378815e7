//! What the text says about the time and the cost of calls.

use crate::StopReason;
use crate::report::sheet::Sheet;
use crate::stats::layout::{
    Decimals, Table, bytes, count, dash, known, money, offer, plural, share, time,
};
use crate::stats::{Cost, Latency, ModelLine, Performance, ProviderLine};

pub(super) fn performance(sheet: &mut Sheet, it: &Performance, restores: u64) {
    let shown = sheet.section("Performance");
    if it.models.is_empty() && it.tools.is_empty() {
        shown.fact("calls", "none");
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
    shown.table(models);
    shown.table(answers(&it.models));

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
    shown.table(tools);
    shown.table(providers(it));
    shown.table(resilience(it));

    let header = [
        "checkpoints",
        "saved",
        "new state",
        "written",
        "p50",
        "p95",
        "max",
    ];
    let mut checkpoints = Table::new(0, header);
    for line in &it.checkpoints {
        let [p50, p95, max] = percentiles(line.latency);
        checkpoints.row([
            line.kind.to_string(),
            count(line.saved),
            bytes(line.logical_bytes),
            bytes(line.stored_bytes),
            p50,
            p95,
            max,
        ]);
    }
    if restores > 0 {
        let [p50, p95, max] = percentiles(it.restore);
        let name = "(restored)".to_owned();
        checkpoints.row([name, count(restores), dash(), dash(), p50, p95, max]);
    }
    shown.table(checkpoints);
}

/// Why models stopped; empty where nobody told.
fn answers(lines: &[ModelLine]) -> Table {
    let mut header = vec!["answers".to_owned(), "streamed".to_owned()];
    header.extend(StopReason::ALL.iter().map(ToString::to_string));
    header.push("not told".to_owned());
    let mut table = Table::headed(0, header);
    let is_told = |line: &ModelLine| {
        line.streamed > 0 || line.stop_reasons.iter().any(|it| it.reason.is_some())
    };
    if !lines.iter().any(is_told) {
        return table;
    }
    for line in lines {
        let calls = |reason| {
            let mut of = line.stop_reasons.iter().filter(|it| it.reason == reason);
            count(of.next().map_or(0, |it| it.calls))
        };
        let mut row = vec![offer(&line.provider, &line.model), count(line.streamed)];
        row.extend(StopReason::ALL.iter().map(|reason| calls(Some(*reason))));
        row.push(calls(None));
        table.push(&row);
    }
    table
}

fn providers(it: &Performance) -> Table {
    let header = ["providers", "attempts", "failed", "p50", "p95", "max"];
    let mut table = Table::new(0, header);
    for line in it.providers.iter().filter(|line| line.attempts > 0) {
        let [p50, p95, max] = percentiles(line.latency);
        table.row([
            line.provider.to_string(),
            count(line.attempts),
            count(line.failed),
            p50,
            p95,
            max,
        ]);
    }
    table
}

/// What was done about their failures; empty where nothing was.
fn resilience(it: &Performance) -> Table {
    let header = [
        "resilience",
        "retries",
        "waited",
        "breaker openings",
        "cooldowns",
        "rested",
    ];
    let mut table = Table::new(0, header);
    let is_any = |line: &&ProviderLine| line.retries + line.breaker_openings + line.cooldowns > 0;
    for line in it.providers.iter().filter(is_any) {
        table.row([
            line.provider.to_string(),
            count(line.retries),
            time(line.retry_delay),
            count(line.breaker_openings),
            count(line.cooldowns),
            time(line.cooldown_time),
        ]);
    }
    table
}

pub(super) fn cost(sheet: &mut Sheet, it: &Cost, calls: u64) {
    let shown = sheet.section("Cost");
    if calls == 0 && it.total.is_zero() && it.unpriced_calls == 0 {
        shown.fact("model calls", "none");
        return;
    }
    let unpriced = match it.unpriced_calls {
        0 => String::new(),
        missing => format!(" and {} without a known price", count(missing)),
    };
    shown.fact(
        "total",
        &format!(
            "{} for {}{unpriced}",
            money(it.total),
            plural(it.priced_calls, "priced call")
        ),
    );
    shown.fact("per session", &it.per_session.map_or_else(dash, money));

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
    shown.table(tasks);

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
    shown.table(models);

    // Where nobody told any, one line would repeat the total.
    if it.by_service_tier.iter().all(|line| line.tier.is_none()) {
        return;
    }
    let mut tiers = Table::new(0, ["by terms", "calls", "unpriced", "tokens", "cost"]);
    let decimals = Decimals::of(it.by_service_tier.iter().map(|line| line.cost));
    for line in &it.by_service_tier {
        tiers.row([
            line.tier
                .map_or_else(|| "(not told)".to_owned(), |tier| tier.to_string()),
            count(line.calls),
            count(line.unpriced_calls),
            count(line.usage.total()),
            known(line.cost, line.unpriced_calls, decimals),
        ]);
    }
    shown.table(tiers);
}

fn percentiles(latency: Option<Latency>) -> [String; 3] {
    match latency {
        Some(it) => [it.p50, it.p95, it.max].map(time),
        None => [dash(), dash(), dash()],
    }
}
