//! The picture as text: a pure function of what was seen.

use std::fmt::Write as _;

use agent_primitives::Timestamp;
use agent_telemetry::LiveTotals;

use crate::figures::{bar, count, money, rate, time};
use crate::view::View;

/// Empties the terminal, once.
pub(crate) const CLEAR: &str = "\x1b[2J";
const WIDTH: usize = 100;
/// Sessions that are shown.
const SESSIONS: usize = 12;

/// The picture, of at most 100 columns.
pub(crate) fn picture(totals: &LiveTotals, view: &View) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = head(&mut text, totals);
    let _ = failures(&mut text, totals);
    let _ = sessions(&mut text, view);
    let _ = events(&mut text, view);
    text.lines().map(fitted).collect()
}

/// The same, over the last one on a terminal.
pub(crate) fn redrawn(picture: &str) -> String {
    let mut text = "\x1b[H".to_owned();
    for line in picture.lines() {
        // What the last picture had to the right of it goes.
        text.extend([line, "\x1b[K\n"]);
    }
    text.push_str("\x1b[J");
    text
}

/// The totals in a line.
pub(crate) fn line(totals: &LiveTotals) -> String {
    let minute = &totals.last_minute;
    let hour = minute.cost_per_hour();
    let mut text = format!(
        "{}  running {}  calls/min {}  tokens/min {}  cost {} ({}/h)  failures {}",
        clock(totals.at),
        totals.sessions_running,
        rate(minute.per_minute(minute.sums.model_calls)),
        rate(minute.per_minute(minute.sums.usage.total())),
        money(totals.sums.cost),
        hour.map_or_else(|| "-".to_owned(), money),
        totals.sums.failures(),
    );
    if let Some(latency) = &totals.latency {
        let _ = write!(text, "  p95 {}", time(latency.p95));
    }
    text
}

fn head(text: &mut String, totals: &LiveTotals) -> std::fmt::Result {
    let minute = &totals.last_minute;
    let watched = time(totals.at.since(totals.since));
    let right = format!("{}, watched for {watched}", clock(totals.at));
    let title = "Live ";
    let line = "─".repeat(WIDTH.saturating_sub(title.len() + right.chars().count() + 1));
    writeln!(text, "{title}{line} {right}\n")?;
    let per_minute = |sum| rate(minute.per_minute(sum));
    let sums = &minute.sums;
    let hour = minute.cost_per_hour();
    let [p50, p95] = match &totals.latency {
        Some(it) => [it.p50, it.p95].map(time),
        None => ["-", "-"].map(str::to_owned),
    };
    let rows = [
        [
            ("sessions running", totals.sessions_running.to_string()),
            ("model calls/min", per_minute(sums.model_calls)),
            ("cost so far", money(totals.sums.cost)),
        ],
        [
            ("begun", count(totals.sessions_started)),
            ("tool calls/min", per_minute(sums.tool_calls)),
            ("cost an hour", hour.map_or_else(|| "-".to_owned(), money)),
        ],
        [
            ("ended", count(totals.sessions_ended)),
            ("tokens/min", per_minute(sums.usage.total())),
            ("model call p50", p50),
        ],
        [
            ("with success", count(totals.sessions_succeeded)),
            ("failures/min", per_minute(sums.failures())),
            ("model call p95", p95),
        ],
    ];
    for [first, second, third] in rows {
        write!(text, "  {:<17}{:>8}", first.0, first.1)?;
        write!(text, "      {:<16}{:>9}", second.0, second.1)?;
        writeln!(text, "      {:<15}{:>10}", third.0, third.1)?;
    }
    Ok(())
}

fn failures(text: &mut String, totals: &LiveTotals) -> std::fmt::Result {
    section(text, "Failures")?;
    let mut kinds: Vec<_> = totals.failures.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut told: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| format!("{kind} {}", count(*number)))
        .collect();
    let tools = totals.sums.tool_failures;
    if tools > 0 {
        told.push(format!("tools {}", count(tools)));
    }
    if totals.missed > 0 {
        told.push(format!(
            "records missed by this view {}",
            count(totals.missed)
        ));
    }
    if told.is_empty() {
        told.push("none".to_owned());
    }
    writeln!(text, "  {}", told.join("   "))
}

fn sessions(text: &mut String, view: &View) -> std::fmt::Result {
    section(text, "Sessions")?;
    if view.sessions.is_empty() {
        return writeln!(text, "  none runs");
    }
    writeln!(
        text,
        "  {:<20} {:<10} {:<20} {:>5} {:>8} {:>9}  context",
        "session", "agent", "model", "calls", "tokens", "cost"
    )?;
    for (id, it) in view.sessions.iter().take(SESSIONS) {
        writeln!(
            text,
            "  {:<20} {:<10} {:<20} {:>5} {:>8} {:>9}  {}",
            short(id, 20),
            short(&it.agent, 10),
            short(&it.model, 20),
            it.calls,
            count(it.tokens),
            it.cost.map_or_else(|| "-".to_owned(), money),
            it.context.map_or_else(|| "-".to_owned(), bar),
        )?;
    }
    match view.sessions.len().checked_sub(SESSIONS) {
        Some(more @ 1..) => writeln!(text, "  and {more} more"),
        _ => Ok(()),
    }
}

fn events(text: &mut String, view: &View) -> std::fmt::Result {
    section(text, "Last events")?;
    if view.events.is_empty() {
        return writeln!(text, "  none");
    }
    for it in &view.events {
        writeln!(
            text,
            "  {}  {:<20}  {}",
            clock(it.at),
            short(&it.who, 20),
            short(&it.what, WIDTH)
        )?;
    }
    Ok(())
}

fn section(text: &mut String, title: &str) -> std::fmt::Result {
    let line = "─".repeat(WIDTH.saturating_sub(title.len() + 1));
    writeln!(text, "\n{title} {line}")
}

/// A line that fits.
fn fitted(line: &str) -> String {
    let mut text = short(line, WIDTH);
    text.push('\n');
    text
}

/// At most so many characters, without what a terminal would obey: names and texts come from the records.
fn short(text: &str, most: usize) -> String {
    let plain = text
        .chars()
        .map(|it| if it.is_control() { '?' } else { it });
    if text.chars().count() <= most {
        return plain.collect();
    }
    plain.take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The time of day, UTC.
fn clock(at: Timestamp) -> String {
    let second = at.unix_seconds().rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}
