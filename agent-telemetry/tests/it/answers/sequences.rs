//! Sequences of tool calls: what recurs, what fails again, what goes back and forth. Every figure by hand.

use std::time::Duration;

use agent_primitives::{ToolName, Usd};
use agent_telemetry::{
    Outcome, Period, Record, Rollups, ToolCall, ToolOutcome, ToolSequencesReport, ToolsReport,
};
use proptest::prelude::*;

use super::{at, call, day, end, record, task, widest};
use crate::arbitrary;
use crate::story::{session_id, tool};

/// Calls of one agent, two seconds after each other and one second long; `!` behind a name is a failure.
fn calls(session: &str, who: &str, names: &str) -> Vec<Record> {
    let mut second = 100;
    let names = names.split_whitespace();
    names
        .map(|name| {
            second += 2;
            let outcome = if name.ends_with('!') {
                ToolOutcome::Failed
            } else {
                ToolOutcome::Ok
            };
            let name = tool(name.trim_end_matches('!'));
            let call = ToolCall::new(name, outcome, Duration::from_secs(1));
            record(session, who, second, call)
        })
        .collect()
}

fn told(session: &str, names: &str, outcome: Outcome) -> Vec<Record> {
    let mut records = vec![record(session, "a", 5, task("fix"))];
    records.extend(calls(session, "a", names));
    records.push(record(session, "a", 900, end(outcome, 895)));
    records
}

/// As `read→edit` and how often, how often running, in how many sessions.
fn lines(report: &ToolSequencesReport) -> Vec<(String, u64, u64, u64)> {
    let line = |it: &agent_telemetry::SequenceLine| {
        let names: Vec<&str> = it.tools.iter().map(ToolName::as_str).collect();
        (names.join(" "), it.times, it.running, it.evidence.count)
    };
    report.sequences.iter().map(line).collect()
}

#[test]
fn what_goes_round_is_one_sequence_and_its_parts_are_not_told_beside_it() {
    let mut records = told("s1", "read edit test read edit test", Outcome::Success);
    records.extend(told("s2", "edit test read edit test read", Outcome::Failed));
    records.extend(told("s3", "read edit test", Outcome::Success));
    let report = ToolSequencesReport::of(day(), &records);
    assert_eq!((report.calls, report.sessions), (15, 3));
    // Five times in all, twice right upon another; twice it begins elsewhere.
    assert_eq!(lines(&report), [("read edit test".to_owned(), 5, 2, 3)]);
    let line = &report.sequences[0];
    // From the beginning of one call to the end of the one that is two behind it.
    assert_eq!(line.mean_time, Duration::from_secs(5));
    assert_eq!((line.outcomes.success, line.outcomes.failed), (2, 1));
    // Wilson of 2 of 3.
    let interval = line.success_interval.unwrap();
    assert_eq!(
        format!("{:.3} {:.3}", interval.low, interval.high),
        "0.208 0.939"
    );
    // edit test 5 and read edit 4 times, test read 3 times: all within the one that goes round.
    assert_eq!(report.left_out.parts, 3);
}

#[test]
fn something_longer_than_five_calls_is_told_by_its_beginning_and_what_is_not_in_it() {
    let told = |names: &str| {
        let sessions = ["s1", "s2", "s3"];
        let records: Vec<Record> = sessions
            .iter()
            .flat_map(|it| calls(it, "a", names))
            .collect();
        let report = ToolSequencesReport::of(day(), &records);
        lines(&report)
            .into_iter()
            .map(|it| it.0)
            .collect::<Vec<_>>()
    };
    // Five, six and seven calls are told by the first five; the last five of eight share but two of them.
    assert_eq!(told("a b c d e f g"), ["a b c d e"]);
    assert_eq!(told("a b c d e f g h"), ["a b c d e", "d e f g h"]);
}

#[test]
fn part_that_is_more_frequent_than_the_whole_is_told_as_well() {
    let mut records = Vec::new();
    for session in ["s1", "s2", "s3"] {
        records.extend(calls(session, "a", "plan read edit"));
    }
    for session in ["s4", "s5"] {
        records.extend(calls(session, "a", "read edit"));
    }
    let report = ToolSequencesReport::of(day(), &records);
    // Three is less than four fifths of five.
    assert_eq!(
        lines(&report),
        [
            ("read edit".to_owned(), 5, 0, 5),
            ("plan read edit".to_owned(), 3, 0, 3)
        ]
    );
    assert_eq!(report.sequences[0].success_rate, None, "none has ended");
    assert_eq!(report.sequences[0].outcomes.open, 5);
}

#[test]
fn one_tool_over_and_over_and_calls_of_others_make_no_sequence() {
    let mut records = calls("s1", "a", "grep grep grep grep grep grep");
    // Of two agents at the same time: neither calls one tool after the other.
    for _ in 0..4 {
        records.extend(calls("s2", "a", "read"));
        records.extend(calls("s2", "b", "edit"));
    }
    // Over the end of a session nothing follows.
    for second in 0..4 {
        records.extend(calls("s3", "a", "read"));
        records.push(record("s3", "a", second, end(Outcome::Success, 1)));
        records.extend(calls("s3", "a", "edit"));
        records.push(record("s3", "a", second, end(Outcome::Success, 1)));
    }
    let outside = Record::new(
        at(5),
        ToolCall::new(tool("read"), ToolOutcome::Ok, Duration::ZERO),
    );
    records.push(outside);
    let report = ToolSequencesReport::of(day(), &records);
    assert_eq!(lines(&report), []);
    assert_eq!((report.calls, report.left_out.no_session), (22, 1));
    let text = report.to_string();
    assert!(
        text.contains("No sequence of two to five calls was seen three times."),
        "{text}"
    );
}

#[test]
fn call_that_fails_again_is_wasted_with_the_turns_that_asked_for_it() {
    let ask = |second, micros| record("s1", "a", second, call("house", "small", micros));
    let mut records = vec![ask(101, 10)];
    let failing = calls("s1", "a", "grep! grep! grep! grep read! read");
    records.push(failing[0].clone());
    records.extend([ask(103, 20), failing[1].clone()]);
    records.extend([ask(104, 30), ask(105, 40), failing[2].clone()]);
    records.extend([ask(107, 50)]);
    records.extend_from_slice(&failing[3..]);
    records.extend(calls("s2", "a", "grep! grep!"));
    // One failure by itself is none again, nor is an aborted call.
    let aborted = ToolCall::new(tool("grep"), ToolOutcome::Aborted, Duration::ZERO);
    records.push(record("s2", "a", 200, aborted));
    let report = ToolSequencesReport::of(day(), &records);
    assert_eq!(report.repeats.len(), 1);
    let line = &report.repeats[0];
    assert_eq!(
        (line.tool.as_str(), line.runs, line.longest, line.recovered),
        ("grep", 2, 3, 1)
    );
    let it = line.wasted;
    assert_eq!((it.calls, it.turns, it.unpriced_turns), (3, 3, 0));
    assert_eq!(it.cost, Usd::from_micros(90));
    assert_eq!(it.time, Duration::from_secs(6));
    assert_eq!(line.evidence.sessions, [session_id("s1"), session_id("s2")]);
}

#[test]
fn calls_that_were_made_together_are_one_failure() {
    let ask = |second| record("s1", "a", second, call("house", "small", 10));
    let grep = |second, seconds| {
        let it = ToolCall::new(
            tool("grep"),
            ToolOutcome::Failed,
            Duration::from_secs(seconds),
        );
        record("s1", "a", second, it)
    };
    let told = |records: &[Record]| {
        let report = ToolSequencesReport::of(day(), records);
        let line = report.repeats.first();
        line.map(|it| (it.runs, it.longest, it.wasted.calls, it.wasted.turns))
    };
    // Three at the same time, without a word about who asked for them; then one that began when they had failed.
    let side_by_side = [grep(110, 10), grep(111, 10), grep(112, 10)];
    assert_eq!(told(&side_by_side), None);
    let mut records = side_by_side.to_vec();
    records.push(grep(113, 3));
    assert_eq!(told(&records), Some((1, 2, 1, 0)));
    // One after another, and asked for by one turn; then two by the next one.
    let mut records = vec![ask(100), grep(110, 5), grep(120, 5), grep(130, 5)];
    assert_eq!(told(&records), None);
    records.extend([ask(140), grep(150, 5), grep(160, 5)]);
    assert_eq!(told(&records), Some((1, 2, 2, 1)), "two running");
    records.extend([ask(165), grep(170, 5)]);
    assert_eq!(told(&records), Some((1, 3, 3, 2)));
    // Asked for since, but at work since before the first one failed.
    assert_eq!(
        told(&[ask(100), grep(110, 5), ask(115), grep(120, 11)]),
        None
    );
}

#[test]
fn rounds_that_were_made_together_are_no_way_back_and_forth() {
    let ask = |second| record("s1", "a", second, call("house", "small", 10));
    let mut records = vec![ask(99)];
    records.extend(calls("s1", "a", "edit test! edit test!"));
    let told = |records: &[Record]| {
        let report = ToolSequencesReport::of(day(), records);
        let line = report.back_and_forth.first();
        line.map(|it| (it.stretches, it.rounds, it.wasted.calls))
    };
    assert_eq!(told(&records), None, "one turn asked for all of them");
    // The second round is asked for when the first one has failed.
    records.insert(3, ask(105));
    assert_eq!(told(&records), Some((1, 2, 2)));
}

#[test]
fn two_tools_by_turns_with_a_failure_in_each_round_go_back_and_forth() {
    let mut records = calls("s1", "a", "edit test! edit test! edit test! edit test read");
    records.extend(calls("s2", "a", "test! edit test! edit"));
    // Without failures it is work.
    records.extend(calls("s3", "a", "edit test edit test"));
    let report = ToolSequencesReport::of(day(), &records);
    assert_eq!(report.back_and_forth.len(), 1);
    let line = &report.back_and_forth[0];
    assert_eq!(
        (line.first.as_str(), line.second.as_str()),
        ("edit", "test")
    );
    assert_eq!((line.stretches, line.rounds), (2, 5));
    assert_eq!(line.wasted.calls, 4 + 2);
    assert_eq!(line.evidence.count, 2);
}

#[test]
fn text_and_tables_say_what_the_figures_are() {
    let mut records = told(
        "s1",
        "read edit test! test! test read edit read edit",
        Outcome::Success,
    );
    records.extend(told("s2", "read edit", Outcome::Success));
    let report = ToolSequencesReport::of(day(), &records);
    let text = report.to_string();
    for wanted in [
        "read → edit      4        1         2  100.0 %     3.00 s",
        "test              1        2          1         1             1      0     -  2.00 s",
        "Arguments are not recorded",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    // Names stand once with how often, so that the whole of it can be read.
    let sequence = "list_files read_file read_file read_file search";
    let told = calls("s1", "a", &[sequence; 3].join(" end "));
    let text = ToolSequencesReport::of(day(), &told).to_string();
    assert!(
        text.contains("  list_files → 3 × read_file → search  "),
        "{text}"
    );
    // As a part of the report on tools.
    let mut tools = ToolsReport::of(day(), &Rollups::of(&records, day()));
    assert_eq!(tools.sequences, None);
    tools.sequences = Some(report);
    assert!(tools.to_string().contains("read → edit      4"));
    let tables = agent_telemetry::CsvTable::of(&tools).unwrap();
    let named: Vec<&str> = tables.iter().map(|it| it.name.as_str()).collect();
    assert!(named.contains(&"sequences.sequences"), "{named:?}");
}

#[test]
fn rare_sequences_give_way_and_are_counted() {
    let mut records = Vec::new();
    for number in 0..5_000 {
        let names = format!("a-{} b-{}", number % 100, number / 100);
        records.extend(calls(&format!("s{number}"), "a", &names));
        records.extend(calls(&format!("s{number}"), "a", "read edit"));
    }
    let report = ToolSequencesReport::of(Period::ALL, &records);
    let (name, times, ..) = &lines(&report)[0];
    assert_eq!((name.as_str(), *times), ("read edit", 5_000));
    assert_eq!(report.sequences[0].missed_at_most, 0);
    // 5 000 pairs of the two, 50 that lead to read, and read edit, of which 4 096 are kept at a time.
    assert!(
        report.left_out.sequences >= 5_051 - 4_096,
        "{:?}",
        report.left_out
    );
}

#[test]
fn nothing_in_a_period_is_said() {
    let report = ToolSequencesReport::of(Period::new(at(0), at(60)), calls("s", "a", "read edit"));
    let text = report.to_string();
    assert!(
        text.contains("There were no tool calls in sessions of this period."),
        "{text}"
    );
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
    let stored = store.tool_sequences_report(period).unwrap();
    assert_eq!(stored, ToolSequencesReport::of(period, &records));
    assert!(stored.calls > 0);
}

/// Occurrences that do not overlap, counted in the plain way.
fn plainly(tools: &[&str], of: &[&str]) -> u64 {
    let (mut at, mut times) = (0, 0);
    while at + of.len() <= tools.len() {
        if tools.get(at..at + of.len()) == Some(of) {
            times += 1;
            at += of.len();
        } else {
            at += 1;
        }
    }
    times
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_are_told(records in arbitrary::records()) {
        let report = ToolSequencesReport::of(Period::ALL, &records);
        let text = report.to_string();
        prop_assert!(widest(&text) <= 100, "{}", text);
        prop_assert!(report.to_html().ends_with("</html>\n"));
        let json = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<ToolSequencesReport>(&json).unwrap(), report);
    }

    #[test]
    fn no_sequence_is_told_more_often_than_it_and_its_rotations_occur(
        tools in prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 0..60)
    ) {
        let report = ToolSequencesReport::of(day(), calls("s", "a", &tools.join(" ")));
        for line in &report.sequences {
            let mut names: Vec<&str> = line.tools.iter().map(ToolName::as_str).collect();
            let shown = plainly(&tools, &names);
            let mut all = 0;
            for _ in 0..names.len() {
                all += plainly(&tools, &names);
                names.rotate_left(1);
            }
            prop_assert!(shown > 0 && line.times <= all, "{:?} {} {}", names, line.times, all);
            prop_assert!(line.times * names.len() as u64 <= tools.len() as u64);
            prop_assert!(line.running < line.times);
        }
    }
}
