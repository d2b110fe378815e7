//! Scores, broken rules, corrections and outcomes: every figure by hand.

use agent_telemetry::{
    Body, Correction, Decision, DecisionOutcome, Metric, Outcome, Period, QualityReport, Record,
    Severity, Unit, Violation,
};
use proptest::prelude::*;

use super::{at, day, end, record, task, widest};
use crate::arbitrary;
use crate::story::session_id;

const DAY: i64 = 86_400;

fn score(value: f64) -> Body {
    Metric::new("review", value, Unit::Score).unwrap().into()
}

fn unwrap_in(file: &'static str) -> Violation {
    Violation::new("unwrap_used", Severity::Warning, "call to unwrap").at(file, 7)
}

fn shown(value: Option<agent_telemetry::Interval>) -> String {
    value.map_or_else(
        || "-".into(),
        |it| format!("{:.3} to {:.3}", it.low, it.high),
    )
}

#[test]
fn scores_are_told_by_name_and_agent_with_their_course() {
    let mut records: Vec<Record> = (1_i32..=5)
        .map(|value| record("s1", "a", 10, score(f64::from(value))))
        .collect();
    records.push(record("s2", "a", DAY + 10, score(9.0)));
    records.push(record("s2", "b", 10, score(2.0)));
    // No scores: a share of a budget, and a number of things.
    let budget = Metric::new("budget_day_usd", 0.8, Unit::Ratio).unwrap();
    records.push(record("s1", "a", 10, budget));
    records.push(record("s1", "a", 10, Metric::count("files", 3)));
    let report = QualityReport::of(Period::new(at(0), at(2 * DAY)), &records);

    let lines: Vec<_> = report
        .scores
        .iter()
        .map(|it| (it.name.as_str(), it.count, it.mean, it.min, it.max))
        .collect();
    assert_eq!(
        lines,
        [("review", 6, 4.0, 1.0, 9.0), ("review", 1, 2.0, 2.0, 2.0)]
    );
    let first = &report.scores[0];
    assert_eq!(
        (first.evidence.count, &first.evidence.sessions),
        (2, &vec![session_id("s1"), session_id("s2")])
    );
    let days: Vec<_> = first
        .days
        .iter()
        .map(|it| (it.from, it.count, it.mean, shown(it.interval)))
        .collect();
    // 3 and the deviation √2.5: 2.776445 × √(2.5 ⁄ 5) to both sides. One value has no spread.
    let first_day = (at(0), 5, 3.0, "1.037 to 4.963".to_owned());
    assert_eq!(days, [first_day, (at(DAY), 1, 9.0, "-".to_owned())]);
    assert_eq!(report.scores[1].interval, None);
}

#[test]
fn violation_that_is_told_again_as_mended_is_mended_after_the_time_between() {
    let fixed = |file| unwrap_in(file).fixed();
    let records = [
        record("s1", "a", 100, unwrap_in("a.rs")),
        // Seen again by the next run of the linter, still the same one.
        record("s1", "b", 120, unwrap_in("a.rs")),
        // Mended by another agent in another session: of whoever it was found with.
        record("s2", "b", 160, fixed("a.rs")),
        // Mended by the time of its only record: after how long is not known.
        record("s2", "b", 170, fixed("b.rs")),
        record("s2", "b", 180, unwrap_in("c.rs")),
        record(
            "s2",
            "b",
            190,
            Violation::new("tests", Severity::Error, "a test fails"),
        ),
        // At no known place it is another one in each session.
        record(
            "s3",
            "b",
            190,
            Violation::new("tests", Severity::Error, "a test fails"),
        ),
        record("s3", "b", DAY, unwrap_in("d.rs")),
    ];
    let report = QualityReport::of(day(), &records);
    assert_eq!((report.found, report.fixed), (5, 2));
    let rules: Vec<_> = report
        .rules
        .iter()
        .map(|it| (it.of.as_str(), it.found, it.seen_again, it.fixed))
        .collect();
    assert_eq!(rules, [("unwrap_used", 3, 1, 2), ("tests", 2, 0, 0)]);
    let rule = &report.rules[0];
    // Wilson of 2 of 3: (2⁄3 + z²⁄6 ∓ z √(2⁄27 + z²⁄36)) ⁄ (1 + z²⁄3).
    assert_eq!(shown(rule.fix_interval), "0.208 to 0.939");
    let time = rule.fix_time.unwrap();
    assert_eq!((time.count, time.p50.as_secs_f64().round()), (1, 60.0));
    assert_eq!(rule.evidence.count, 2);
    let severities: Vec<_> = report
        .severities
        .iter()
        .map(|it| (it.of, it.found))
        .collect();
    assert_eq!(
        severities,
        [(Severity::Error, 2), (Severity::Warning, 3)],
        "the worst first"
    );
    let files: Vec<_> = report
        .files
        .iter()
        .map(|it| (it.of.as_deref(), it.found, it.fixed))
        .collect();
    assert_eq!(
        files,
        [
            (None, 2, 0),
            (Some("a.rs"), 1, 1),
            (Some("b.rs"), 1, 1),
            (Some("c.rs"), 1, 0)
        ]
    );
    let agents: Vec<_> = report
        .agents
        .iter()
        .map(|it| (it.of.as_ref().unwrap().as_str(), it.found, it.fixed))
        .collect();
    assert_eq!(agents, [("b", 4, 1), ("a", 1, 1)]);
}

#[test]
fn violation_that_a_session_tells_twice_as_mended_is_mended_once() {
    let told = |records: &[Record]| {
        let report = QualityReport::of(day(), records);
        let times = report.rules[0].fix_time.map_or(0, |it| it.count);
        assert_eq!(
            report.agents.len(),
            1,
            "who tells it again has found nothing"
        );
        (report.found, report.fixed, times)
    };
    let found = |second| record("s1", "a", second, unwrap_in("a.rs"));
    let fixed = |session: &str, who: &str, second| {
        let it = unwrap_in("a.rs").fixed();
        record(session, who, second, it)
    };
    let mut records = vec![found(100), fixed("s1", "a", 110), fixed("s1", "b", 120)];
    assert_eq!(told(&records), (1, 1, 1));
    // Found once more, it is another one, and so is what another session mends.
    records.extend([found(130), fixed("s1", "a", 140), fixed("s1", "a", 150)]);
    assert_eq!(told(&records), (2, 2, 2));
    records.extend([fixed("s2", "a", 160), fixed("s2", "a", 170)]);
    assert_eq!(told(&records), (3, 3, 2));
}

#[test]
fn what_was_corrected_in_two_sessions_is_recurring() {
    let mut records = Vec::new();
    for session in ["s1", "s2", "s3"] {
        let line = session.as_bytes()[1].into();
        let found =
            Violation::new("unwrap_used", Severity::Info, "call to unwrap").at("a.rs", line);
        records.push(record(session, "a", 100, found));
        let decision = Decision::new("d-1", "model").choice("small");
        records.push(record(session, "a", 110, decision));
    }
    // Twice in one session is no recurrence.
    records.push(record("s1", "a", 120, unwrap_in("b.rs")));
    let again = Violation::new("unwrap_used", Severity::Info, "expect").at("b.rs", 8);
    records.push(record("s1", "a", 121, again));
    for (session, outcome) in [
        ("s1", Outcome::Success),
        // The last one counts.
        ("s1", Outcome::Failed),
        ("s2", Outcome::Escalated),
        ("s3", Outcome::Success),
        ("s9", Outcome::Failed),
    ] {
        let told = DecisionOutcome::new("d-1", outcome);
        records.push(record(session, "a", 130, told));
    }
    let report = QualityReport::of(day(), &records);
    let rule = Correction::Rule {
        kind: "unwrap_used".into(),
        file: Some("a.rs".into()),
    };
    let decision = Correction::Decision {
        subject: "model".into(),
        choice: Some("small".into()),
    };
    let lines: Vec<_> = report
        .corrections
        .iter()
        .map(|it| (&it.what, it.times, it.of, it.evidence.count))
        .collect();
    assert_eq!(lines, [(&rule, 3, 5, 3), (&decision, 2, 3, 2)]);
    assert_eq!(report.corrections[0].first, at(100));
    // Wilson of 2 of 3, as above.
    assert_eq!(shown(report.corrections[1].interval), "0.208 to 0.939");
    assert_eq!(report.left_out.unmatched, 1);
}

#[test]
fn verdict_that_is_taken_back_leaves_no_session_and_no_time_behind() {
    let decision = |session: &str| {
        let it = Decision::new("d-1", "model").choice("small");
        record(session, "a", 100, it)
    };
    let verdict = |session: &str, second, outcome| {
        let it = DecisionOutcome::new("d-1", outcome);
        record(session, "a", second, it)
    };
    let told = |records: &[Record]| {
        let report = QualityReport::of(day(), records);
        let lines = report.corrections.iter();
        let line = |it: &agent_telemetry::CorrectionLine| {
            let names: Vec<String> = it
                .evidence
                .sessions
                .iter()
                .map(ToString::to_string)
                .collect();
            (it.times, it.of, names.join(" "), it.first, it.last)
        };
        lines.map(line).collect::<Vec<_>>()
    };
    let mut records: Vec<Record> = ["s1", "s2", "s3"].map(decision).into();
    records.extend([
        verdict("s1", 110, Outcome::Failed),
        verdict("s2", 120, Outcome::Failed),
        verdict("s3", 130, Outcome::Escalated),
    ]);
    let [first, last] = [110, 130].map(at);
    assert_eq!(told(&records), [(3, 3, "s1 s2 s3".to_owned(), first, last)]);
    // Not so after all; what stands is what is left.
    records.push(verdict("s1", 140, Outcome::Success));
    let [first, last] = [120, 130].map(at);
    assert_eq!(told(&records), [(2, 3, "s2 s3".to_owned(), first, last)]);
    // Of one session alone nothing recurs.
    records.push(verdict("s3", 150, Outcome::Success));
    assert_eq!(told(&records), []);
    // Wrong once more, since then.
    records.push(verdict("s3", 160, Outcome::Failed));
    let [first, last] = [120, 160].map(at);
    assert_eq!(told(&records), [(2, 3, "s2 s3".to_owned(), first, last)]);
    // The id of another decision in the same session takes nothing back.
    records.extend([decision("s2"), verdict("s2", 170, Outcome::Failed)]);
    let last = at(170);
    assert_eq!(told(&records), [(3, 4, "s2 s3".to_owned(), first, last)]);
}

#[test]
fn sessions_count_on_the_day_and_in_the_week_of_their_last_end() {
    // 1970-01-01 was a Thursday, so that day 4 begins the next week.
    let mut records = Vec::new();
    for (session, second, outcome) in [
        ("s1", 10, Outcome::Success),
        ("s2", 20, Outcome::Failed),
        ("s3", 4 * DAY, Outcome::Escalated),
    ] {
        records.push(record(session, "a", second, task("fix")));
        records.push(record(session, "a", second + 5, end(outcome, 5)));
    }
    // Resumed and ended the next day; still at work; ended for one of two.
    records.push(record(
        "s2",
        "a",
        DAY,
        Body::SessionResume(agent_telemetry::Task::default()),
    ));
    records.push(record("s2", "a", DAY + 1, end(Outcome::Success, 1)));
    records.push(record("s4", "a", DAY, task("fix")));
    records.push(record("s5", "a", DAY, task("fix")));
    records.push(record("s5", "b", DAY, task("fix")));
    records.push(record("s5", "b", DAY + 9, end(Outcome::Success, 9)));
    let report = QualityReport::of(Period::new(at(0), at(7 * DAY)), &records);
    let it = report.outcomes;
    assert_eq!((it.success, it.escalated, it.failed, it.open), (2, 1, 0, 2));
    let days: Vec<_> = report
        .days
        .iter()
        .map(|it| (it.from, it.outcomes.total(), it.success_rate))
        .collect();
    assert_eq!(
        days,
        [
            (at(0), 1, Some(1.0)),
            (at(DAY), 1, Some(1.0)),
            (at(4 * DAY), 1, Some(0.0))
        ]
    );
    let weeks: Vec<_> = report
        .weeks
        .iter()
        .map(|it| (it.from, it.outcomes.total()))
        .collect();
    assert_eq!(weeks, [(at(-3 * DAY), 2), (at(4 * DAY), 1)]);
    // Wilson of 2 of 2: from 2 ⁄ (2 + z²) on.
    assert_eq!(shown(report.weeks[0].success_interval), "0.342 to 1.000");
}

#[test]
fn nothing_in_a_period_is_said() {
    let report = QualityReport::of(day(), &[record("s", "a", DAY, score(1.0))]);
    assert!(report.is_empty());
    let text = report.to_string();
    assert!(
        text.contains("There is nothing about quality in this period."),
        "{text}"
    );
}

#[test]
fn text_says_what_the_figures_are() {
    let mut records = vec![
        record("s1", "a", 5, task("fix")),
        record("s1", "a", 100, unwrap_in("a.rs")),
        record("s1", "a", 190, unwrap_in("a.rs").fixed()),
        record("s1", "a", 200, end(Outcome::Success, 195)),
    ];
    records.extend([0.5, 0.7].map(|value| record("s1", "a", 50, score(value))));
    // Shares have as many decimals each.
    let pass = |value| Metric::new("pass", value, Unit::Ratio).unwrap();
    records.extend([0.9, 1.0].map(|value| record("s1", "a", 50, pass(value))));
    let text = QualityReport::of(day(), &records).to_string();
    for wanted in [
        "1 success of 1 that ended, 100.0 %",
        "1 violation found, 1 mended, 100.0 %",
        "unwrap_used      1      0       1  100.0 %  20.7 to 100.0 %      1    90.00 s",
        "pass    a           2  0.950   0.315 to 1.000   0.900    1.000",
        "review  a           2    0.6  -0.671 to 1.871     0.5      0.7",
        "1970-01-01      1        1  100.0 %  20.7 to 100.0 %",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn lines_beyond_the_bounds_are_counted() {
    let rule = |number: u32| Violation::new(format!("rule-{number:04}"), Severity::Info, "");
    let records: Vec<Record> = (0..1_030)
        .map(|number| record("s", "a", 5, rule(number)))
        .collect();
    let report = QualityReport::of(day(), &records);
    assert_eq!((report.found, report.rules.len()), (1_030, 256));
    assert_eq!(report.left_out.violations, 1_030 - 256);
}

#[cfg(feature = "sqlite")]
#[test]
fn database_says_what_the_records_say() {
    use agent_telemetry::{Retention, Sink, SqliteSink, SqliteStore};

    let records = crate::story::records();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    sink.write(&records).unwrap();
    let store = SqliteStore::open_read_only(&path).unwrap();
    let period = Period::parse("2026-11-20..2026-11-21", at(0)).unwrap();
    let stored = store.quality_report(period).unwrap();
    assert_eq!(stored, QualityReport::of(period, &records));
    assert!(!stored.is_empty() && stored.found > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_are_told_and_parts_add_up(records in arbitrary::records()) {
        let report = QualityReport::of(Period::ALL, &records);
        for parts in [
            report.severities.iter().map(|it| (it.found, it.fixed)).collect::<Vec<_>>(),
            report.rules.iter().map(|it| (it.found, it.fixed)).collect(),
            report.files.iter().map(|it| (it.found, it.fixed)).collect(),
            report.agents.iter().map(|it| (it.found, it.fixed)).collect(),
        ] {
            let found: u64 = parts.iter().map(|it| it.0).sum();
            let fixed: u64 = parts.iter().map(|it| it.1).sum();
            prop_assert_eq!((found, fixed), (report.found, report.fixed));
        }
        for line in &report.scores {
            prop_assert_eq!(line.days.iter().map(|it| it.count).sum::<u64>(), line.count);
            prop_assert!(line.min <= line.mean && line.mean <= line.max);
        }
        let ended: u64 = report.weeks.iter().map(|it| it.outcomes.total()).sum();
        prop_assert_eq!(ended, report.outcomes.total() - report.outcomes.open);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        prop_assert!(report.to_html().ends_with("</html>\n"));
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<QualityReport>(&json).unwrap(), report);
    }
}
