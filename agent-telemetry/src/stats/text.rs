//! The figures as a text that a person reads in a terminal.

use std::fmt;

use agent_primitives::{ModelId, ProviderId, Usd};

use super::layout::{
    Decimals, Table, bytes, count, cut, fact, money, plural, printable, section, share, time,
};
use super::{Cost, Latency, Outcomes, Overview, Performance, Quality, Stats};

/// Columns of the bar that stands for all sessions.
const BAR: u64 = 40;

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, last)) = self.overview.period else {
            return writeln!(f, "Agent telemetry\n\n  Nothing is recorded yet.");
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
        quality(f, &self.quality)?;
        performance(f, &self.performance)?;
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
            count(
                usage
                    .cache_write_5m()
                    .saturating_add(usage.cache_write_1h())
            ),
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

fn quality(f: &mut fmt::Formatter<'_>, it: &Quality) -> fmt::Result {
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

    let mut violations = Table::new(0, ["violations", "found", "fixed"]);
    for line in &it.violations {
        violations.row([
            line.severity.to_string(),
            count(line.found),
            count(line.fixed),
        ]);
    }
    violations.write_below(f)?;

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

fn performance(f: &mut fmt::Formatter<'_>, it: &Performance) -> fmt::Result {
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

fn cost(f: &mut fmt::Formatter<'_>, it: &Cost, calls: u64) -> fmt::Result {
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

/// Nothing but unpriced calls is not a cost of nothing.
fn known(cost: Usd, unpriced_calls: u64, decimals: Decimals) -> String {
    if cost.is_zero() && unpriced_calls > 0 {
        dash()
    } else {
        decimals.show(cost)
    }
}

fn offer(provider: &ProviderId, model: &ModelId) -> String {
    format!(
        "{} · {}",
        cut(provider.as_str(), 20),
        printable(model.as_str())
    )
}

fn percentiles(latency: Option<Latency>) -> [String; 3] {
    match latency {
        Some(it) => [it.p50, it.p95, it.max].map(time),
        None => [dash(), dash(), dash()],
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// At most three decimals, and an exponent where the number is very large or small.
fn number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e9).contains(&value.abs()) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
