//! Reports straight from a server: those of the same records in memory, and those of SQLite.

use agent_primitives::{ModelId, ProviderId, Timestamp, Usd};
use agent_telemetry::{
    Body, CompareConfig, CompareReport, CostReport, ErrorsReport, HandoffsReport, ModelCall,
    PerformanceReport, Period, PostgresStore, ProjectId, QualityReport, Record, Rollups, Sink,
    SuggestConfig, SuggestionsReport, ToolSequencesReport,
};

use super::server::Place;
use super::store::sink;
use crate::story::{self, session_id};

fn day() -> Period {
    Period::parse("2026-11-20..2026-11-21", Timestamp::UNIX_EPOCH).unwrap()
}

#[test]
fn server_says_what_the_records_say() {
    let Some(place) = Place::new() else { return };
    let records = story::records();
    sink(&place).write(&records).unwrap();
    let mut store = PostgresStore::connect(&place.config).unwrap();
    // The story is of one day; of a part of it some reports look further.
    let noon = Period::parse("2026-11-20T12:00..2026-11-20T12:01", Timestamp::UNIX_EPOCH).unwrap();
    for period in [day(), noon, Period::ALL] {
        let compare = CompareConfig::default();
        assert_eq!(
            store.compare_report(period, &compare).unwrap(),
            CompareReport::of(period, &compare, &records)
        );
        assert_eq!(
            store.handoffs_report(period).unwrap(),
            HandoffsReport::of(period, &records)
        );
        assert_eq!(
            store.errors_report(period).unwrap(),
            ErrorsReport::of(period, &records)
        );
        assert_eq!(
            store.performance_report(period).unwrap(),
            PerformanceReport::of(period, &records)
        );
        assert_eq!(
            store.quality_report(period).unwrap(),
            QualityReport::of(period, &records)
        );
        assert_eq!(
            store.tool_sequences_report(period).unwrap(),
            ToolSequencesReport::of(period, &records)
        );
        let suggest = SuggestConfig::default();
        assert_eq!(
            store.suggestions_report(period, &suggest).unwrap(),
            SuggestionsReport::of(period, &suggest, &records)
        );
    }
    let report = store.cost_report(day()).unwrap();
    let days = day().days().map(|it| (it, Rollups::of(&records, it)));
    assert_eq!(report, CostReport::of(day(), days));
    assert!(report.calls > 0 && store.errors_report(day()).unwrap().failures > 0);
    assert!(store.handoffs_report(day()).unwrap().handoffs > 0);
    assert!(store.quality_report(day()).unwrap().found > 0);
}

#[cfg(feature = "sqlite")]
#[test]
fn dearest_sessions_are_those_of_sqlite_to_the_last_digit() {
    use agent_telemetry::{Retention, SqliteSink, SqliteStore};

    let Some(place) = Place::new() else { return };
    let call = || {
        let model = ModelId::new("m").unwrap();
        ModelCall::new(ProviderId::new("p").unwrap(), model)
    };
    let record = |session: &str, second, call: ModelCall| {
        let at = Timestamp::from_unix_seconds(second);
        Record::new(at, Body::from(call)).of_session(session_id(session))
    };
    let cost = |session: &str, picos| record(session, 100, call().cost(Usd::from_picos(picos)));
    let most = i128::from(i64::MAX);
    let mut records = vec![
        cost("two", 2_000_000),
        cost("many", 999_999),
        cost("many", 999_999),
        cost("many", 999_999),
        cost("below", -5),
        cost("below", -999_999),
        cost("most", most),
        cost("most", most),
        cost("wide", i128::MAX),
        // Nothing is owed for a failure without tokens, but for an answer without a price.
        record("unknown", 100, call()),
        record(
            "unknown",
            100,
            call().failed(agent_primitives::FailureKind::Server),
        ),
        // Of another time.
        record("two", 90_000, call().cost(Usd::from_picos(1))),
    ];
    let elsewhere = cost("two", 7).of_project(ProjectId::new("shop").unwrap());
    records.push(elsewhere);
    sink(&place).write(&records).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    let mut lite = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    lite.write(&records).unwrap();
    let lite = SqliteStore::open_read_only(&path).unwrap();
    let mut server = PostgresStore::connect(&place.config).unwrap();
    let at = Timestamp::from_unix_seconds;
    let period = Period::new(at(0), at(86_400));
    for limit in [0, 1, 3, 9] {
        let found = server.dearest_sessions(period, limit).unwrap();
        assert_eq!(found, lite.dearest_sessions(period, limit).unwrap());
    }
    let found = server.dearest_sessions(period, 9).unwrap();
    let lines: Vec<_> = found
        .iter()
        .map(|it| {
            (
                it.session.as_str(),
                it.cost.picos(),
                it.calls,
                it.unpriced_calls,
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("most", 2 * most, 2, 0),
            ("many", 2_999_997, 3, 0),
            ("two", 2_000_000, 1, 0),
            ("two", 7, 1, 0),
            ("unknown", 0, 2, 1),
            ("below", -1_000_004, 2, 0),
        ]
    );
}
