//! The reports of a period: what they say, and that they say what a full scan of the records says.

use std::time::Duration;

use agent_primitives::{FailureKind, Timestamp, TokenUsage, Usd};
use agent_telemetry::{
    AgentsReport, Body, MemorySink, Metric, ModelCall, ModelsReport, Outcome, Period, Record,
    Rollups, SessionEnd, Sink, ToolCall, ToolOutcome, ToolsReport,
};
#[cfg(feature = "sqlite")]
use agent_telemetry::{Retention, SqliteSink, SqliteStore};
use proptest::prelude::*;

use crate::full_scan::FullScan;
use crate::story::{agent, model, provider, tool};
use crate::{arbitrary, story};

fn minute(number: i64) -> Timestamp {
    Timestamp::from_unix_seconds(number * 60)
}

/// The whole day of the story.
fn day() -> Period {
    Period::parse("2026-11-20..2026-11-21", Timestamp::UNIX_EPOCH).unwrap()
}

fn texts(period: Period, sums: &Rollups) -> [String; 3] {
    [
        AgentsReport::of(period, sums).to_string(),
        ModelsReport::of(period, sums).to_string(),
        ToolsReport::of(period, sums).to_string(),
    ]
}

#[test]
fn texts_of_a_day_are_the_golden_ones() {
    let text = texts(day(), &Rollups::of(&story::records(), day())).join("\n");
    assert_eq!(text, include_str!("../golden/reports.txt"), "\n{text}");
}

#[test]
fn json_of_a_day_is_the_golden_one_and_reads_back() {
    let sums = Rollups::of(&story::records(), day());
    let reports = (
        AgentsReport::of(day(), &sums),
        ModelsReport::of(day(), &sums),
        ToolsReport::of(day(), &sums),
    );
    let json = serde_json::to_string_pretty(&reports).unwrap() + "\n";
    assert_eq!(json, include_str!("../golden/reports.json"), "\n{json}");
    let read: (AgentsReport, ModelsReport, ToolsReport) = serde_json::from_str(&json).unwrap();
    assert_eq!(read, reports);
}

#[test]
fn nothing_in_a_period_is_said_and_no_figure_is_made_up() {
    let sums = Rollups::of(&story::records(), Period::last_24_hours(minute(1)));
    let texts = texts(Period::last_24_hours(minute(1)), &sums);
    let period = "1969-12-31 00:02 to 1970-01-01 00:02 UTC";
    assert_eq!(
        texts,
        [
            format!("Agents, {period}\n\n  There were no sessions in this period.\n"),
            format!("Models, {period}\n\n  There were no model calls in this period.\n"),
            format!("Tools, {period}\n\n  There were no tool calls in this period.\n"),
        ]
    );
}

#[test]
fn shares_of_nothing_are_dashes() {
    let records = [
        Record::new(minute(0), Metric::count("files", 3)).of_agent(agent("a")),
        Record::new(
            minute(0),
            ModelCall::new(provider("house"), model("small"))
                .usage(TokenUsage::new(5, 5))
                .failed(FailureKind::Timeout),
        ),
        Record::new(
            minute(0),
            ToolCall::new(tool("grep"), ToolOutcome::Failed, Duration::from_secs(1)),
        ),
    ];
    let period = Period::last_24_hours(minute(0));
    let sums = Rollups::of(&records, period);
    let [agents, models, tools] = texts(period, &sums);
    for text in [&agents, &models, &tools] {
        assert!(!text.contains("NaN"), "{text}");
    }
    assert!(
        agents.contains("no sessions in this period, but other work"),
        "{agents}"
    );
    assert!(
        models.contains("not known: 1 of 1 call without a known price"),
        "{models}"
    );
    let models = ModelsReport::of(period, &sums);
    assert_eq!(
        (models.models[0].cost_share, models.models[0].latency),
        (None, None)
    );
    let tools = ToolsReport::of(period, &sums);
    assert_eq!(
        (tools.tools[0].success_rate, tools.tools[0].latency),
        (Some(0.0), None)
    );
    let agents = AgentsReport::of(period, &sums);
    assert!(agents.agents.iter().all(|line| line.success_rate.is_none()));
    assert!(
        agents
            .agents
            .iter()
            .all(|line| line.cost_per_success.is_none())
    );
}

#[test]
fn session_counts_where_it_ends_and_not_where_it_began() {
    let end = Record::new(minute(9), SessionEnd::new(Outcome::Failed, Duration::ZERO))
        .of_session(story::session_id("s"))
        .of_agent(agent("a"));
    let report = |from, to| {
        let period = Period::new(minute(from), minute(to));
        AgentsReport::of(period, &Rollups::of([&end], period)).agents
    };
    assert!(report(0, 9).is_empty());
    let line = report(9, 10).remove(0);
    assert_eq!((line.sessions.started, line.sessions.ended()), (0, 1));
    assert_eq!(line.success_rate, Some(0.0));
}

#[test]
fn names_of_any_length_and_width_fit_100_columns() {
    let mut records = Vec::new();
    for name in [
        "数据库迁移脚本".repeat(6),
        "x\u{202e}y".into(),
        "ü".repeat(64),
    ] {
        let by = |body: Body| Record::new(minute(0), body).of_agent(agent(&"a".repeat(128)));
        let usage = TokenUsage::new(u64::MAX, u64::MAX).with_cache_read(u64::MAX);
        let call = ModelCall::new(provider(&"p".repeat(128)), model(&"m".repeat(256)))
            .usage(usage)
            .cost(Usd::from_picos(i128::MAX / 9))
            .latency(Duration::MAX)
            .first_token(Duration::MAX);
        records.push(by(call.into()));
        records.push(by(SessionEnd::new(Outcome::Success, Duration::MAX).into()));
        records.push(by(Metric::count(name, u32::MAX).into()));
        let tool = tool(&"t".repeat(256));
        records.push(by(
            ToolCall::new(tool, ToolOutcome::Ok, Duration::MAX).into()
        ));
    }
    let period = Period::last_24_hours(minute(0));
    for text in texts(period, &Rollups::of(&records, period)) {
        for line in text.lines() {
            let wide = |c: &char| ('\u{4e00}'..'\u{a000}').contains(c);
            let columns = line.chars().count() + line.chars().filter(wide).count();
            assert!(columns <= 100, "{columns}: {line}");
        }
        assert!(text.contains('…') && !text.contains('\u{202e}'), "{text}");
    }
}

/// Any records, within three days around midnight, and a period of full minutes there.
fn history() -> impl Strategy<Value = (Vec<Record>, Period)> {
    let span = 3 * 1_440_i64;
    let at = (
        -span..span,
        prop_oneof![Just(0), Just(59_999_999_999), 0..60_000_000_000_i64],
    )
        .prop_map(|(minute, nanos)| minute * 60_000_000_000 + nanos);
    let record = (arbitrary::record(), at).prop_map(|(mut record, at)| {
        record.at = Timestamp::from_unix_nanos(at);
        record
    });
    let bound = || prop_oneof![-span..span, (-72..72_i64).prop_map(|hour| hour * 60)];
    (prop::collection::vec(record, 0..80), bound(), bound()).prop_map(|(records, a, b)| {
        let period = Period::new(minute(a.min(b)), minute(a.max(b) + 1));
        (records, period)
    })
}

fn check(records: &[Record], period: Period, sums: &Rollups) {
    let scan = FullScan::of(records, period);
    scan.check_agents(&AgentsReport::of(period, sums));
    scan.check_models(&ModelsReport::of(period, sums));
    scan.check_tools(&ToolsReport::of(period, sums));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_reports_what_a_full_scan_says((records, period) in history()) {
        let mut sink = MemorySink::new();
        sink.write(&records).unwrap();
        check(&records, period, &sink.rollups(period));
    }

    #[test]
    fn periods_that_meet_add_up((records, period) in history(), cut in 0_i64..4_320) {
        let between = (period.from() + Duration::from_secs(60 * cut.unsigned_abs())).min(period.to());
        let mut sums = Rollups::of(&records, Period::new(period.from(), between));
        sums.merge(&Rollups::of(&records, Period::new(between, period.to())));
        check(&records, period, &sums);
    }

    #[test]
    fn text_of_any_period_fits_100_columns((records, period) in history()) {
        for text in texts(period, &Rollups::of(&records, period)) {
            for line in text.lines() {
                prop_assert!(line.chars().count() <= 100, "{}", line);
            }
            prop_assert!(!text.contains("NaN"));
        }
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    // Each case makes a file.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn database_reports_what_a_full_scan_says((records, period) in history(), cut in 0_usize..80) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("telemetry.db");
        let (first, second) = records.split_at(cut.min(records.len()));
        let mut sink = SqliteSink::open(&path).unwrap().retention(Retention::FOREVER);
        sink.write(first).unwrap();
        sink.write(second).unwrap();
        let store = SqliteStore::open_read_only(&path).unwrap();
        let stored = store.rollups(period).unwrap().unwrap();
        prop_assert_eq!(stored.covered, period);
        check(&records, period, &stored.rollups);
        // Each from its own sums alone.
        let scan = FullScan::of(&records, period);
        scan.check_agents(&store.agents_report(period).unwrap().unwrap());
        scan.check_models(&store.models_report(period).unwrap().unwrap());
        scan.check_tools(&store.tools_report(period).unwrap().unwrap());
    }
}

#[test]
fn success_rates_of_agents_are_drawn_with_their_intervals() {
    let report = AgentsReport::of(Period::ALL, &Rollups::of(&story::records(), Period::ALL));
    let ended = report
        .agents
        .iter()
        .filter(|line| line.sessions.ended() > 0);
    let page = report.to_html();
    assert_eq!(
        page.matches("class=\"whisker\"").count(),
        ended.count(),
        "{page}"
    );
    assert!(page.contains("class=\"whisker\""));
}
