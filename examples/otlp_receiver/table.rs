//! What was heard, as a table.

use std::fmt::Write as _;

use agent_telemetry::otlp::{Figures, ReceiverStats, SessionCoverage};

use crate::sessions::Sessions;

/// Sessions that are shown.
const SHOWN: usize = 20;

/// One line for each session, and their alerts below.
pub(crate) fn of(sessions: &Sessions, coverage: &[SessionCoverage]) -> String {
    let mut text = format!(
        "{:<22} {:<22} {:>6} {:>6} {:>9} {:>8} {:>10} {:>8} {:>6}\n",
        "session", "model", "calls", "tools", "in", "out", "cost", "context", "seen"
    );
    for (id, it) in sessions.known.iter().take(SHOWN) {
        let context = it
            .context
            .map_or_else(|| "-".to_owned(), |it| format!("{} %", it.percent()));
        let seen = coverage.iter().find(|it| it.session.as_str() == id);
        let seen = seen
            .and_then(SessionCoverage::coverage)
            .map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let _ = writeln!(
            text,
            "{:<22} {:<22} {:>6} {:>6} {:>9} {:>8} {:>10} {context:>8} {seen:>6}",
            short(id),
            short(&it.model),
            it.calls,
            it.tools,
            it.usage.input_total(),
            it.usage.output(),
            format!("${:.4}", dollars(it.cost)),
        );
        for alert in &it.alerts {
            let _ = writeln!(text, "  ! {id}: {alert}");
        }
    }
    if sessions.known.is_empty() {
        text.push_str("  nothing was sent yet\n");
    }
    if sessions.known.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", sessions.known.len() - SHOWN);
    }
    text
}

/// What came over the network, in a line.
pub(crate) fn received(stats: &ReceiverStats, figures: &Figures) -> String {
    let taken: u64 = stats
        .requests
        .iter()
        .filter(|it| it.status == 200)
        .map(|it| it.count)
        .sum();
    let all: u64 = stats.requests.iter().map(|it| it.count).sum();
    format!(
        "received: {taken} of {all} requests taken, {} points, {} log records, {} spans; {} records made",
        figures.points.total(),
        figures.logs.total(),
        figures.spans.total(),
        figures.records,
    )
}

fn short(text: &str) -> String {
    if text.chars().count() <= 22 {
        return text.to_owned();
    }
    text.chars().take(21).chain(['…']).collect()
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn dollars(cost: agent_primitives::Usd) -> f64 {
    cost.picos() as f64 / 1e12
}
