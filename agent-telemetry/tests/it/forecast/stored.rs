//! The report from a database.

use agent_primitives::Usd;
use agent_telemetry::{
    ForecastConfig, ForecastReport, Record, Retention, Sink, SqliteSink, SqliteStore,
};

use super::{NOON, a_dollar_an_hour, at, call, in_office_hours, noon, usd};
use crate::story::session_id;

fn store(folder: &tempfile::TempDir, records: &[Record]) -> SqliteStore {
    let path = folder.path().join("telemetry.db");
    let mut sink = SqliteSink::open(&path)
        .unwrap()
        .retention(Retention::FOREVER);
    sink.write(records).unwrap();
    SqliteStore::open_read_only(&path).unwrap()
}

#[test]
fn database_says_what_the_records_say() {
    let mut records = a_dollar_an_hour(24 * 21, in_office_hours);
    // Before what is looked at, behind now, and a session that goes on.
    records.insert(0, Record::new(at(NOON - 70 * 86_400), call(usd(5))));
    let turns = (0..30).map(|turn| {
        Record::new(at(NOON - 2_000 + 60 * turn), call(usd(0))).of_session(session_id("s"))
    });
    records.extend(turns);
    records.push(Record::new(at(NOON + 60), call(usd(100))));
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, &records);
    let config = ForecastConfig::default()
        .budget("8/day".parse().unwrap())
        .budget("1/session".parse().unwrap())
        .window(4_000);
    let stored = store.forecast_report(noon(), &config).unwrap().unwrap();
    let told = ForecastReport::of(noon(), &config, &records);
    assert_eq!(stored.projection, told.projection);
    assert_eq!(stored.burn, told.burn);
    assert_eq!(stored.budgets, told.budgets);
    assert_eq!(stored.contexts, told.contexts);
    assert_eq!(stored.contexts.len(), 1);
    // Times of the last day alone.
    assert_eq!(stored.timeouts.len(), 1);
}

#[test]
fn session_budget_has_what_was_spent_long_before() {
    let of = |project: Option<&str>, record: Record| {
        let record = record.of_session(session_id("s"));
        match project {
            Some(project) => record.of_project(project.parse().unwrap()),
            None => record,
        }
    };
    // Before the last day, in between by another project, beyond 64 bits, and of late.
    let wide = Usd::from_micros(20_000_000_000_000);
    let mut records = vec![
        of(None, Record::new(at(NOON - 3 * 86_400), call(usd(7)))),
        of(Some("p"), Record::new(at(NOON - 3 * 86_400), call(wide))),
    ];
    records.extend((0..8).map(|turn| {
        let record = Record::new(at(NOON - 600 + 60 * turn), call(usd(1)));
        of(None, record)
    }));
    records.extend((0..8).map(|turn| {
        let record = Record::new(at(NOON - 600 + 60 * turn), call(usd(2)));
        of(Some("p"), record)
    }));
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, &records);
    let config = ForecastConfig::default().budget("30/session".parse().unwrap());
    let stored = store.forecast_report(noon(), &config).unwrap().unwrap();
    let spent: Vec<Usd> = stored.budgets.iter().map(|it| it.spent).collect();
    assert_eq!(spent, [wide + usd(16), usd(15)]);
    // As if all its calls had been read, but for how they go on.
    let told = ForecastReport::of(noon(), &config, &records);
    for (stored, told) in stored.budgets.iter().zip(&told.budgets) {
        assert_eq!((stored.spent, stored.left), (told.spent, told.left));
        assert_eq!((stored.from, stored.until), (told.from, told.until));
    }
}

#[test]
fn nine_weeks_of_hours_are_looked_at_whole() {
    let records = a_dollar_an_hour(9 * 7 * 24 + 40, |_| true);
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder, &records);
    let now = at(NOON - 60);
    let report = store
        .forecast_report(now, &ForecastConfig::default())
        .unwrap();
    let report = report.unwrap();
    assert_eq!((report.hours, report.active_hours), (1_513, 1_513));
    assert_eq!((report.calls, report.calls_left_out), (1_513, 0));
}
