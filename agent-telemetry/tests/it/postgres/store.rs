//! What is stored and read: the same as in memory and in SQLite.

use agent_primitives::Timestamp;
use agent_telemetry::{
    AgentsReport, Metric, ModelsReport, Period, PostgresSink, PostgresStore, Record, Retention,
    Rollups, Sink, Stats, ToolsReport, check_sink,
};

use super::server::Place;
use crate::story;

pub(crate) fn sink(place: &Place) -> PostgresSink {
    PostgresSink::connect(&place.config)
        .unwrap()
        .retention(Retention::FOREVER)
}

pub(crate) fn stored(place: &Place) -> Vec<Record> {
    let mut store = PostgresStore::connect(&place.config).unwrap();
    store.records().collect::<Result<_, _>>().unwrap()
}

#[test]
fn server_keeps_the_contract() {
    let Some(place) = Place::new() else { return };
    check_sink(
        || Ok(sink(&place)),
        || {
            let mut store = PostgresStore::connect(&place.config)?;
            Ok(store.records().collect::<Result<_, _>>()?)
        },
    )
    .unwrap();
}

#[test]
fn reports_on_a_day_are_those_of_memory() {
    let Some(place) = Place::new() else { return };
    let records = story::records();
    sink(&place).write(&records).unwrap();
    let mut store = PostgresStore::connect(&place.config).unwrap();
    assert_eq!(store.stats().unwrap(), Stats::of(&records));
    let day = Period::parse("2026-11-20..2026-11-21", Timestamp::UNIX_EPOCH).unwrap();
    let sums = store.rollups(day).unwrap();
    assert_eq!(sums.covered, day);
    assert_eq!(sums.rollups, Rollups::of(&records, day));
    let texts = [
        AgentsReport::of(day, &sums.rollups).to_string(),
        ModelsReport::of(day, &sums.rollups).to_string(),
        ToolsReport::of(day, &sums.rollups).to_string(),
    ];
    assert_eq!(texts.join("\n"), include_str!("../../golden/reports.txt"));
}

#[test]
fn texts_with_nul_are_names_and_messages_like_others() {
    let Some(place) = Place::new() else { return };
    let names = ["nul\0", "sub\u{1a}0", "nul0", "\u{1a}\u{1a}", ""];
    let records: Vec<Record> = names
        .iter()
        .map(|name| Record::new(Timestamp::UNIX_EPOCH, Metric::count(*name, 1)))
        .collect();
    sink(&place).write(&records).unwrap();
    assert_eq!(stored(&place), records);
    let sums = PostgresStore::connect(&place.config)
        .unwrap()
        .rollups(Period::ALL)
        .unwrap();
    assert_eq!(sums.rollups, Rollups::of(&records, Period::ALL));
}
