//! Totals on the page are those of the records, whatever overflows.

use std::time::Duration;

use agent_primitives::{AgentId, SessionId, Timestamp, ToolName};
use agent_telemetry::prometheus::{Exposition, Format, Totals, TotalsConfig};
use agent_telemetry::{
    MemorySink, Outcome, Period, Record, SessionStart, Sink, SinkError, Telemetry, ToolCall,
    ToolOutcome,
};

use crate::full::{self, TASK, WAIT};
use crate::parser::{Page, parse};

pub(crate) fn page(totals: &Totals) -> Page {
    let mut text = String::new();
    let mut page = Exposition::new(&mut text, Format::OpenMetrics);
    page.totals(totals).unwrap();
    page.finish().unwrap();
    parse(&text, Format::OpenMetrics).unwrap()
}

#[test]
fn both_formats_say_what_was_recorded() {
    let exporter = full::exporter();
    let text = parse(&exporter.render(Format::Text), Format::Text).unwrap();
    let page = parse(&exporter.render(Format::OpenMetrics), Format::OpenMetrics).unwrap();
    let samples =
        |page: &Page| -> Vec<_> { page.values().map(|family| family.samples.clone()).collect() };
    assert_eq!(samples(&text), samples(&page));

    let coder = ("agent", "coder");
    let task = ("task_type", TASK);
    let claude = [("provider", "anthropic"), ("model", "claude-sonnet-4-5")];
    for (family, labels, value) in [
        ("agent_sessions_started", vec![coder, task], 3.0),
        (
            "agent_sessions_ended",
            vec![coder, task, ("outcome", "success")],
            2.0,
        ),
        (
            "agent_sessions_ended",
            vec![
                ("project", "house"),
                ("agent", "reviewer"),
                task,
                ("outcome", "escalated"),
            ],
            1.0,
        ),
        ("agent_calls", vec![coder, task, ("result", "ok")], 12.0),
        ("agent_calls", vec![coder, task, ("result", "failed")], 3.0),
        (
            "agent_tokens",
            vec![coder, task, ("type", "input")],
            12_000.0,
        ),
        (
            "agent_tokens",
            vec![coder, task, ("type", "cache_read")],
            60_000.0,
        ),
        (
            "agent_tokens",
            vec![coder, task, ("type", "cache_write")],
            3_600.0,
        ),
        (
            "agent_tokens",
            vec![coder, task, ("type", "output")],
            2_400.0,
        ),
        ("agent_cost_usd", vec![coder, task], 0.14814),
        (
            "agent_tool_uses",
            vec![coder, task, ("outcome", "aborted")],
            3.0,
        ),
        ("agent_session_handoffs", vec![coder, task], 3.0),
        (
            "agent_handoff_reasons",
            vec![("reason", "rate_limited"), ("initiator", "automatic")],
            5.0,
        ),
        (
            "agent_violations",
            vec![coder, task, ("severity", "critical")],
            3.0,
        ),
        ("agent_violations_fixed", vec![coder, task], 3.0),
        ("agent_files_changed", vec![coder, task], 6.0),
        (
            "agent_lines_changed",
            vec![coder, task, ("change", "removed")],
            36.0,
        ),
        (
            "agent_task_seconds",
            vec![coder, task, ("phase", "queued")],
            4.5,
        ),
        (
            "agent_model_calls",
            [&claude[..], &[("result", "ok")]].concat(),
            12.0,
        ),
        ("agent_model_cost_usd", claude.to_vec(), 0.14814),
        (
            "agent_tool_calls",
            vec![("tool", "bash"), ("outcome", "failed")],
            3.0,
        ),
        (
            "agent_provider_attempts",
            vec![("provider", "anthropic"), ("result", "failed")],
            1.0,
        ),
    ] {
        assert_eq!(
            page[family].value("_total", &labels),
            Some(value),
            "{family} {labels:?}"
        );
    }
}

#[test]
fn states_failures_and_times_are_on_the_page() {
    let text = full::exporter().render(Format::OpenMetrics);
    let page = parse(&text, Format::OpenMetrics).unwrap();
    let claude = [("provider", "anthropic"), ("model", "claude-sonnet-4-5")];
    assert_eq!(
        page["agent_provider_breaker_open"].value("", &[("provider", "anthropic")]),
        Some(1.0)
    );
    let failures = page["agent_model_failures"].samples.first().unwrap();
    assert_eq!(
        (failures.1["kind"].as_str(), failures.2),
        ("overloaded", 3.0)
    );
    let times = &page["agent_model_call_duration_seconds"];
    assert_eq!(times.value("_count", &claude), Some(12.0));
    assert_eq!(times.value("_sum", &claude), Some(27.0));
    let contexts = &page["agent_context_used_ratio"];
    let coder = ("agent", "coder");
    assert_eq!(contexts.value("_count", &[coder]), Some(3.0));
    assert_eq!(contexts.value("_sum", &[coder]), Some(1.9375));
    for (bound, below) in [("0.25", 1.0), ("0.7", 1.0), ("0.9", 2.0), ("0.95", 3.0)] {
        let labels = [coder, ("le", bound)];
        assert_eq!(contexts.value("_bucket", &labels), Some(below), "{bound}");
    }
    // 2^30 nanoseconds: of 0.9, 1.8, 2.7 and 3.6 seconds the first.
    let bound = [&claude[..], &[("le", "1.073741824")]].concat();
    assert_eq!(times.value("_bucket", &bound), Some(3.0));
    assert_eq!(
        page["agent_telemetry_records_dropped"].value("_total", &[("cause", "queue_full")]),
        Some(0.0)
    );
    assert_eq!(page["agent_handoffs"].samples.len(), 1);
}

#[test]
fn names_beyond_the_bound_are_counted_as_other_with_what_tells_them_apart() {
    let totals = Totals::with_config(TotalsConfig {
        agents: 2,
        tools: 1,
        ..TotalsConfig::default()
    });
    let telemetry = Telemetry::builder(totals.around(MemorySink::new()))
        .start()
        .unwrap();
    for round in 0..3 {
        for agent in 0..5 {
            let id = SessionId::new(format!("s{round}-{agent}")).unwrap();
            let start = SessionStart::new(id, AgentId::new(format!("a{agent}")).unwrap());
            let session = telemetry.session(start);
            session
                .tool_call(ToolName::new(format!("t{agent}")).unwrap())
                .ok();
            session.end(if round == 0 {
                Outcome::Failed
            } else {
                Outcome::Success
            });
            telemetry.flush(WAIT).unwrap();
        }
    }
    let page = page(&totals);
    let ended = &page["agent_sessions_ended"];
    let other = [
        ("project", "other"),
        ("agent", "other"),
        ("task_type", "other"),
        ("otel_metric_overflow", "true"),
    ];
    let with = |word| [&other[..], &[("outcome", word)]].concat();
    assert_eq!(ended.value("_total", &with("failed")), Some(3.0));
    assert_eq!(ended.value("_total", &with("success")), Some(6.0));
    assert_eq!(
        ended.value("_total", &[("agent", "a1"), ("outcome", "success")]),
        Some(2.0)
    );
    assert_eq!(ended.samples.len(), 3 * 4);
    let all: f64 = ended.samples.iter().map(|it| it.2).sum();
    assert!((all - 15.0).abs() < 1e-9);
    assert_eq!(page["agent_tool_calls"].samples.len(), 2 * 3);
    let overflowed = &page["agent_telemetry_series_overflowed"];
    assert!(overflowed.value("_total", &[("family", "totals of agents")]) >= Some(9.0));
    assert!(totals.overflowed() > 0);
}

#[test]
fn totals_go_on_where_the_sums_of_a_store_end() {
    let sink = MemorySink::new();
    let work = |totals: &Totals, session: &str| {
        let telemetry = Telemetry::builder(totals.around(sink.clone()))
            .start()
            .unwrap();
        let start = SessionStart::new(
            SessionId::new(session).unwrap(),
            AgentId::new("coder").unwrap(),
        );
        telemetry
            .session(start.task_type("fix"))
            .end(Outcome::Success);
        telemetry.shutdown(WAIT).unwrap();
    };
    work(&Totals::new(), "s1");
    let totals = Totals::new();
    let always = Period::new(
        Timestamp::UNIX_EPOCH,
        Timestamp::from_unix_seconds(4_000_000_000),
    );
    totals.add_rollups(&sink.rollups(always));
    work(&totals, "s2");
    let ended = &page(&totals)["agent_sessions_ended"];
    let labels = [
        ("agent", "coder"),
        ("task_type", "fix"),
        ("outcome", "success"),
    ];
    assert_eq!(ended.value("_total", &labels), Some(2.0));
}

#[test]
fn records_that_the_sink_refuses_are_counted_once_it_takes_them() {
    struct Refusing(u32);
    impl Sink for Refusing {
        fn write(&mut self, _: &[Record]) -> Result<(), SinkError> {
            self.0 += 1;
            if self.0 < 3 {
                Err(SinkError::new("full"))
            } else {
                Ok(())
            }
        }
    }
    let totals = Totals::new();
    let mut sink = totals.around(Refusing(0));
    let call = ToolCall::new(
        ToolName::new("grep").unwrap(),
        ToolOutcome::Ok,
        Duration::ZERO,
    );
    let record = Record::new(Timestamp::UNIX_EPOCH, call);
    let batch = [record.clone(), record];
    let calls = || {
        page(&totals)["agent_tool_calls"]
            .samples
            .iter()
            .map(|it| it.2)
            .fold(0.0, |sum, it| sum + it)
    };
    for (taken, count) in [(false, 0.0), (false, 0.0), (true, 2.0)] {
        assert_eq!(sink.write(&batch).is_ok(), taken);
        assert_eq!(calls().to_bits(), f64::to_bits(count));
    }
}

/// What a scrape shows is what a scrape after many others shows: nothing is kept for readers that do not come.
#[test]
fn totals_do_not_grow_with_time_or_with_scrapes() {
    let totals = Totals::new();
    let size = || {
        let mut text = String::new();
        Exposition::new(&mut text, Format::Text)
            .totals(&totals)
            .unwrap();
        text.lines().count()
    };
    let day = |number: u64| {
        let calls = (0..86_400_u64).step_by(60).map(|second| {
            let at = Timestamp::from_unix_seconds(i64::try_from(number * 86_400 + second).unwrap());
            let tool = ToolName::new(["grep", "sed"][(second % 7 % 2) as usize]).unwrap();
            Record::new(
                at,
                ToolCall::new(
                    tool,
                    ToolOutcome::Ok,
                    Duration::from_millis(1 + second % 900),
                ),
            )
            .of_session(SessionId::new(format!("s{number}-{second}")).unwrap())
        });
        totals.add(&calls.collect::<Vec<_>>());
    };
    day(0);
    let first = size();
    for number in 1..5 {
        day(number);
        assert_eq!(size(), first);
    }
    let all: f64 = page(&totals)["agent_tool_calls"]
        .samples
        .iter()
        .map(|it| it.2)
        .sum();
    assert_eq!(all.to_bits(), f64::to_bits(5.0 * 1_440.0));
}
