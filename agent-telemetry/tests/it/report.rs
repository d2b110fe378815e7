//! The report: what it says, and that it says the same whatever the order.

use std::time::Duration;

use agent_primitives::{
    Attempt, FailureKind, ManualClock, Observer, Retry, SessionId, Stamp, Timestamp, TokenUsage,
    Usd,
};
use agent_telemetry::{
    Body, Candidate, Decision, DecisionOutcome, FilesChanged, MemorySink, ModelCall, Outcome,
    ProjectId, Record, SessionEnd, SessionStart, Severity, Stats, Task, TaskTiming, Violation,
};
use proptest::prelude::*;

use crate::story::{LONG, agent, model, provider, recorder, session_id};
use crate::{arbitrary, story};

const GOLDEN: &str = include_str!("../golden/stats.txt");

#[test]
fn text_of_a_day_is_the_golden_one() {
    let text = Stats::of(story::records()).to_string();
    assert_eq!(text, GOLDEN, "\n{text}");
}

#[test]
fn text_fits_100_columns_whatever_the_names() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let start = SessionStart::new(session_id("s"), agent(&"a".repeat(128)));
    let session = telemetry.session(start.task_type("ü".repeat(64)));
    session.model_call(
        ModelCall::new(provider(&"p".repeat(128)), model(&"m".repeat(256)))
            .usage(TokenUsage::new(u64::MAX, u64::MAX).with_cache_read(u64::MAX))
            .cost(Usd::from_picos(i128::MAX / 2))
            .latency(Duration::MAX),
    );
    session.tool_call(story::tool(&"t".repeat(256))).ok();
    let long = |letter: &str| letter.repeat(4_000);
    session.violation(Violation::new(long("v"), Severity::Error, "m").at(long("f"), 1));
    let candidate = Candidate::new(long("c")).score(-999_999_999.123);
    let decision = Decision::new("d", long("s")).candidate(candidate.clone());
    let lost = Candidate::new(long("l")).lost(long("w"));
    session.decision(
        decision
            .candidate(lost)
            .choice(candidate.name)
            .confidence(0.123_456),
    );
    session.decision_outcome(DecisionOutcome::new("d", Outcome::Failed).score(-999_999_999.123));
    session.files_changed(FilesChanged::new(u64::MAX).lines(u64::MAX, u64::MAX));
    session.task_timing(TaskTiming::new(Duration::MAX, Duration::MAX));
    let events = session.observer();
    let at = Stamp::at(Timestamp::UNIX_EPOCH);
    let name = provider(&"p".repeat(128));
    events.observe(at, &Attempt::new(name.clone(), 1, Duration::MAX).into());
    events.observe(
        at,
        &Retry::new(name, 2, Duration::MAX, FailureKind::Timeout).into(),
    );
    session.end(Outcome::Success);
    let project = ProjectId::new("j".repeat(128)).unwrap();
    telemetry
        .session(SessionStart::new(session_id("s"), agent("a")).project(project))
        .end(Outcome::Success);
    telemetry.flush(LONG).unwrap();
    let text = Stats::of(sink.records()).to_string();
    for line in text.lines().chain(GOLDEN.lines()) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(text.contains('…'));
    for part in ["jjj…", "www…", "vvv…", "fff…", "ccc…"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn text_fits_100_columns_where_characters_take_two() {
    let sink = MemorySink::new();
    let telemetry = recorder(sink.clone(), &ManualClock::default());
    let hidden = "\u{202e}gpj\u{2028}".to_owned();
    for (session, name) in [("s-1", "数据库迁移脚本".repeat(6)), ("s-2", hidden)] {
        let start = SessionStart::new(session_id(session), agent("a")).task_type(name);
        telemetry
            .session(start)
            .model_call(ModelCall::new(provider("p"), model("m")).cost(Usd::from_picos(1)));
    }
    telemetry.flush(LONG).unwrap();
    let text = Stats::of(sink.records()).to_string();
    for line in text.lines() {
        let wide = |c: &char| ('\u{4e00}'..'\u{a000}').contains(c);
        let columns = line.chars().count() + line.chars().filter(wide).count();
        assert!(columns <= 100, "{columns}: {line}");
    }
    assert!(text.contains("数据") && text.contains("·gpj·"), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{2028}']), "{text}");
}

#[test]
fn nothing_recorded_is_said_in_one_line() {
    let stats = Stats::of(Vec::<Record>::new());
    assert_eq!(
        stats.to_string(),
        "Agent telemetry\n\n  There are no records.\n"
    );
    assert_eq!(
        (stats.overview.period, stats.cost.per_session),
        (None, None)
    );
}

#[test]
fn resumed_session_is_one_session_with_one_crash_and_its_last_outcome() {
    let stats = Stats::of(story::records());
    assert_eq!((stats.overview.sessions, stats.overview.crashes), (4, 1));
    let outcomes = stats.outcomes;
    assert_eq!(
        (
            outcomes.success,
            outcomes.escalated,
            outcomes.failed,
            outcomes.aborted,
            outcomes.open
        ),
        (1, 1, 1, 0, 1)
    );
}

#[test]
fn resumption_after_an_end_is_no_crash_and_every_missing_end_is_one() {
    let sink = MemorySink::new();
    let clock = ManualClock::default();
    let telemetry = recorder(sink.clone(), &clock);
    let start = || SessionStart::new(session_id("s"), agent("a"));
    let stats = || {
        telemetry.flush(LONG).unwrap();
        Stats::of(sink.records())
    };
    telemetry.session(start()).end(Outcome::Failed);
    clock.advance(Duration::from_secs(1));
    let second = telemetry.resume_session(start());
    assert_eq!((stats().overview.crashes, stats().outcomes.open), (0, 1));
    std::mem::forget(second);
    clock.advance(Duration::from_secs(1));
    std::mem::forget(telemetry.resume_session(start()));
    assert_eq!((stats().overview.crashes, stats().outcomes.open), (1, 1));
    clock.advance(Duration::from_secs(1));
    telemetry.resume_session(start()).end(Outcome::Success);
    assert_eq!((stats().overview.crashes, stats().outcomes.success), (2, 1));
    assert_eq!(stats().overview.sessions, 1);
}

fn mark(second: i64, who: &str, body: impl Into<Body>) -> Record {
    Record::new(Timestamp::from_unix_seconds(second), body)
        .of_session(session_id("s"))
        .of_agent(agent(who))
}

fn start(second: i64, who: &str) -> Record {
    mark(second, who, Body::SessionStart(Task::default()))
}

fn resume(second: i64, who: &str) -> Record {
    mark(second, who, Body::SessionResume(Task::default()))
}

fn end(second: i64, who: &str, outcome: Outcome) -> Record {
    mark(second, who, SessionEnd::new(outcome, Duration::ZERO))
}

/// Crashes, successes and sessions without an end.
fn lives(records: &[Record]) -> (u64, u64, u64) {
    let stats = Stats::of(records);
    (
        stats.overview.crashes,
        stats.outcomes.success,
        stats.outcomes.open,
    )
}

#[test]
fn session_is_open_while_one_of_its_agents_works() {
    let mut records = vec![start(1, "a"), start(2, "b"), end(3, "a", Outcome::Success)];
    assert_eq!(lives(&records), (0, 0, 1));
    records.push(end(4, "b", Outcome::Success));
    assert_eq!(lives(&records), (0, 1, 0));
}

#[test]
fn crash_is_counted_for_the_agent_that_begins_again() {
    let mut records = vec![start(1, "a"), start(2, "b"), resume(3, "b")];
    assert_eq!(lives(&records), (1, 0, 1));
    records.push(end(4, "b", Outcome::Success));
    assert_eq!(lives(&records), (1, 0, 1), "a has not ended");
    records.push(end(5, "a", Outcome::Success));
    assert_eq!(lives(&records), (1, 1, 0));
    records.push(end(6, "b", Outcome::Success));
    assert_eq!(lives(&records), (0, 1, 0), "both handles of b lived");
}

#[test]
fn clock_that_is_set_back_does_not_end_a_session() {
    let records = [
        start(100, "a"),
        end(110, "a", Outcome::Success),
        resume(105, "a"),
    ];
    assert_eq!(lives(&records), (0, 0, 1));
}

#[test]
fn call_without_a_price_is_unpriced_unless_it_failed_without_tokens() {
    let call = || ModelCall::new(provider("house"), model("unheard-of"));
    assert!(call().is_unpriced(), "its tokens are not known either");
    assert!(
        call()
            .usage(TokenUsage::new(1, 0))
            .failed(FailureKind::StreamCut)
            .is_unpriced()
    );
    assert!(!call().failed(FailureKind::Network).is_unpriced());
    assert!(!call().cost(Usd::ZERO).is_unpriced());
}

#[test]
fn json_of_the_report_has_stable_names() {
    let json = serde_json::to_value(Stats::of(story::records())).unwrap();
    assert_eq!(json["cost"]["total"], "0.085734");
    assert_eq!(json["outcomes"]["escalated"], 1);
    assert_eq!(json["quality"]["handoffs"][0]["from"]["agent"], "coder");
    assert_eq!(json["quality"]["violation_kinds"][0]["severity"], "error");
    assert_eq!(json["quality"]["violation_files"][1]["file"], "a.rs");
    assert_eq!(json["decisions"]["by_choice"][0]["outcomes"]["success"], 1);
    assert_eq!(
        json["decisions"]["passed_over"][0]["reason"],
        "its window is too small"
    );
    assert_eq!(json["work"]["queued"]["p50"]["secs"], 4);
    assert_eq!(json["work"]["projects"][0]["lines_added"], 120);
    assert_eq!(
        json["performance"]["providers"][0]["cooldown_time"]["secs"],
        60
    );
    assert_eq!(json["performance"]["checkpoints"][0]["kind"], "auto");
    let stopped = &json["performance"]["models"][0]["stop_reasons"][0];
    assert_eq!(
        (&stopped["reason"], &stopped["calls"]),
        (&"stop".into(), &1.into())
    );
    assert_eq!(json["cost"]["by_service_tier"][0]["tier"], "standard");
    assert_eq!(
        json["performance"]["models"][0]["latency"]["p50"]["nanos"],
        100_000_000
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_matters_only_among_the_marks_and_outcomes_of_one_session(
        (records, mut shuffled) in arbitrary::records()
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))
    ) {
        // Each session gets its marks back in the order of recording, at the shuffled places.
        let is_mark = |record: &Record, of: &Option<SessionId>| {
            record.session == *of
                && matches!(
                    record.body,
                    Body::SessionStart(_)
                        | Body::SessionResume(_)
                        | Body::SessionEnd(_)
                        | Body::DecisionOutcome(_)
                )
        };
        for of in [None, Some("s1"), Some("s2"), Some("s3"), Some("s4")] {
            let of = of.map(session_id);
            let marks = records.iter().filter(|record| is_mark(record, &of));
            let places = shuffled.iter_mut().filter(|record| is_mark(record, &of));
            for (place, mark) in places.zip(marks) {
                *place = mark.clone();
            }
        }
        let stats = Stats::of(&records);
        prop_assert_eq!(Stats::of(&shuffled), stats.clone());
        prop_assert_eq!(Stats::of(&shuffled).to_string(), stats.to_string());
    }

    #[test]
    fn totals_are_the_sums_of_their_parts(records in arbitrary::records()) {
        let stats = Stats::of(&records);
        let (all, cost) = (&stats.overview, &stats.cost);
        prop_assert_eq!(stats.outcomes.total(), all.sessions);
        prop_assert_eq!(cost.by_model.iter().map(|line| line.cost).sum::<Usd>(), cost.total);
        prop_assert_eq!(cost.by_task_type.iter().map(|line| line.cost).sum::<Usd>(), cost.total);
        prop_assert_eq!(cost.by_task_type.iter().map(|line| line.sessions).sum::<u64>(), all.sessions);
        prop_assert_eq!(
            cost.by_task_type.iter().map(|line| line.successes).sum::<u64>(),
            stats.outcomes.success
        );
        let unpriced = cost.by_task_type.iter().map(|line| line.unpriced_calls).sum::<u64>();
        prop_assert_eq!(unpriced, cost.unpriced_calls);
        let (models, tools) = (&stats.performance.models, &stats.performance.tools);
        prop_assert_eq!(models.iter().map(|line| line.calls).sum::<u64>(), all.model_calls);
        prop_assert_eq!(tools.iter().map(|line| line.calls).sum::<u64>(), all.tool_calls);
        prop_assert_eq!(cost.by_model.iter().map(|line| line.usage).sum::<TokenUsage>(), all.usage);
        prop_assert!(all.crashes <= records.len() as u64);
    }

    #[test]
    fn text_fits_100_columns(records in arbitrary::records()) {
        for line in Stats::of(&records).to_string().lines() {
            prop_assert!(line.chars().count() <= 100, "{}", line);
        }
    }

    #[test]
    fn record_reads_back_from_its_json(record in arbitrary::record()) {
        let json = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&json).unwrap();
        // Floats are compared as JSON, since reading them may be off by the last bit.
        prop_assert_eq!(serde_json::to_value(&read.body).unwrap()["record"].clone(),
            serde_json::to_value(&record.body).unwrap()["record"].clone());
        if !json.contains("\"metric\"") {
            prop_assert_eq!(read, record);
        }
    }
}
