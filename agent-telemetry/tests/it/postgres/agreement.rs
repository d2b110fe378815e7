//! Memory, SQLite and Postgres give the same answers, whatever the records and the batches.

use agent_primitives::Timestamp;
use agent_telemetry::{
    AgentsReport, Body, Candidate, Decision, DecisionOutcome, MemorySink, ModelsReport, Outcome,
    Period, PostgresStore, ProjectId, Record, Retention, Rollups, Sink, SqliteSink, SqliteStore,
    Stats, ToolsReport,
};
use proptest::prelude::*;
use rusqlite::types::Value;

use super::server::Place;
use super::store::{sink, stored};
use crate::story::session_id;
use crate::{arbitrary, story};

fn reports(period: Period, sums: &Rollups) -> (AgentsReport, ModelsReport, ToolsReport) {
    (
        AgentsReport::of(period, sums),
        ModelsReport::of(period, sums),
        ToolsReport::of(period, sums),
    )
}

fn sqlite(folder: &tempfile::TempDir, batches: &[&[Record]]) -> SqliteStore {
    let path = folder.path().join("telemetry.db");
    let sink = SqliteSink::open(&path).unwrap();
    let mut sink = sink.retention(Retention::FOREVER);
    for batch in batches {
        sink.write(batch).unwrap();
    }
    SqliteStore::open_read_only(&path).unwrap()
}

/// Numbers that are no integers, to nine places: databases write them as they like.
fn plain(cell: String) -> String {
    match (cell.parse::<i64>(), cell.parse::<f64>()) {
        (Err(_), Ok(number)) => format!("{number:.9}"),
        _ => cell,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 6,
        ..ProptestConfig::default()
    })]

    #[test]
    fn stores_agree_on_any_records_in_any_batches(
        records in arbitrary::records(),
        size in 1_usize..40,
        from in 0_i64..4,
        length in 0_i64..100_000,
    ) {
        let Some(place) = Place::new() else { return Ok(()) };
        let folder = tempfile::tempdir().unwrap();
        let batches: Vec<&[Record]> = records.chunks(size).collect();
        let (mut memory, mut server) = (MemorySink::new(), sink(&place));
        for batch in &batches {
            memory.write(batch).unwrap();
            server.write(batch).unwrap();
        }
        let file = sqlite(&folder, &batches);
        let mut server = PostgresStore::connect(&place.config).unwrap();
        prop_assert_eq!(stored(&place), memory.records());
        let stats = server.stats().unwrap();
        prop_assert_eq!(&stats, &Stats::of(memory.records()));
        prop_assert_eq!(&stats, &file.stats().unwrap());
        let at = |second: i64| Timestamp::from_unix_seconds(second);
        let some = Period::new(at(from - 1), at(from + length));
        for period in [Period::ALL, some] {
            let of_file = file.rollups(period).unwrap().unwrap();
            let of_server = server.rollups(period).unwrap();
            prop_assert_eq!(of_server.covered, of_file.covered);
            // The same sums in the same order, to the last bit.
            prop_assert_eq!(&of_server.rollups, &of_file.rollups);
            let (of_server, of_file) =
                (reports(period, &of_server.rollups), reports(period, &of_file.rollups));
            prop_assert_eq!(&of_server, &of_file);
        }
        let times = at(0)..=Timestamp::from_unix_nanos(3);
        let within: Vec<Record> = server.records_in(times.clone()).map(Result::unwrap).collect();
        let expected: Vec<Record> =
            records.iter().filter(|record| times.contains(&record.at)).cloned().collect();
        prop_assert_eq!(within, expected);
    }
}

#[test]
fn views_answer_as_in_sqlite() {
    let Some(place) = Place::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut records = story::records();
    let decision = Decision::new("d-1", "provider")
        .candidate(Candidate::new("claude").score(0.25))
        .choice("claude")
        .confidence(0.75);
    records.extend(
        [
            Body::from(decision.clone()),
            DecisionOutcome::new("d-1", Outcome::Failed).into(),
            DecisionOutcome::new("d-1", Outcome::Success).into(),
            decision.into(),
        ]
        .map(|body| {
            let project = ProjectId::new("shop").unwrap();
            Record::new(Timestamp::from_unix_seconds(90), body)
                .of_session(session_id("s9"))
                .of_project(project)
        }),
    );
    let file = sqlite(&folder, &[&records]);
    drop(file);
    sink(&place).write(&records).unwrap();
    let lite = rusqlite::Connection::open(folder.path().join("telemetry.db")).unwrap();
    let mut server = place.sql();
    for view in VIEWS {
        let mut rows = Vec::new();
        let mut statement = lite.prepare(&format!("SELECT * FROM {view}")).unwrap();
        let columns: Vec<String> = statement.column_names().map(Into::into).collect();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let cell = |at: usize| match row.get_unwrap(at) {
                Value::Null => "-".to_owned(),
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => plain(number.to_string()),
                Value::Text(text) => plain(text),
                Value::Blob(bytes) => format!("{bytes:?}"),
            };
            rows.push((0..columns.len()).map(cell).collect::<Vec<_>>());
        }
        rows.sort();
        // All as text, which needs no types.
        let texts: Vec<String> = columns.iter().map(|it| format!("{it}::text")).collect();
        let query = format!("SELECT {} FROM {view}", texts.join(", "));
        let mut answers = Vec::new();
        for row in server.query(&query, &[]).unwrap() {
            let cell = |at| {
                row.get::<_, Option<String>>(at)
                    .map_or("-".to_owned(), plain)
            };
            answers.push((0..columns.len()).map(cell).collect::<Vec<_>>());
        }
        answers.sort();
        assert!(!rows.is_empty(), "{view}");
        assert_eq!(answers, rows, "{view}");
    }
}

const VIEWS: [&str; 11] = [
    "v_model_calls",
    "v_tools",
    "v_handoffs",
    "v_cost_by_model",
    "v_sessions",
    "v_decisions",
    "v_daily",
    "v_agents",
    "v_models_daily",
    "v_violations",
    "v_metrics",
];
