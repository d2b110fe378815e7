//! A server that goes away and comes back, and connections that break anywhere: no record is lost, and
//! none is stored twice.

use std::time::Duration;

use agent_primitives::Timestamp;
use agent_telemetry::{
    Metric, Period, PostgresError, PostgresSink, PostgresStore, Record, Rollups, Sink, Telemetry,
};

use super::proxy::{Proxy, TO_CLIENT, TO_SERVER};
use super::server::{Place, Server, skip};
use super::store::{sink, stored};
use crate::story::LONG;

fn numbered(number: u32) -> Record {
    Record::new(
        // All in one minute, so that equal batches take equally many bytes.
        Timestamp::from_unix_seconds(i64::from(number % 60)),
        Metric::count("number", number),
    )
}

fn assert_all(place: &Place, expected: &[Record]) {
    let found = stored(place);
    assert!(found == expected, "{} for {}", found.len(), expected.len());
    let mut store = PostgresStore::connect(&place.config).unwrap();
    let sums = store.rollups(Period::ALL).unwrap().rollups;
    assert_eq!(sums, Rollups::of(expected, Period::ALL));
}

#[test]
fn recording_goes_on_while_the_server_is_away() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    let place = Place::on(&server);
    let telemetry = Telemetry::builder(sink(&place))
        .window(Duration::from_millis(1))
        .start()
        .unwrap();
    let mut next = 0;
    let mut record = |count: u32| {
        for number in next..next + count {
            telemetry.record(numbered(number));
        }
        next += count;
    };
    for round in 0..3 {
        record(500);
        // With a batch under way, or behind it.
        if round == 1 {
            telemetry.flush(LONG).unwrap();
        }
        server.stop();
        record(700);
        let error = telemetry.flush(LONG).unwrap_err();
        let refusal = std::error::Error::source(&error).unwrap();
        let cause = refusal.source().unwrap().downcast_ref::<PostgresError>();
        assert!(cause.unwrap().is_unreachable(), "{cause:?}");
        assert!(telemetry.health().waiting >= 700);
        assert!(server.launch());
        record(300);
        telemetry.flush(LONG).unwrap();
    }
    assert_eq!(telemetry.dropped().total(), 0);
    drop(telemetry);
    let expected: Vec<Record> = (0..next).map(numbered).collect();
    assert_all(&place, &expected);
}

#[test]
fn connection_that_breaks_anywhere_loses_nothing_and_stores_nothing_twice() {
    let Some(place) = Place::new() else { return };
    let Some(port) = place.port() else {
        return skip("the given server may be behind a socket");
    };
    drop(sink(&place));
    let proxy = Proxy::to(port);
    let mut by_proxy = place.config.clone();
    by_proxy.connection = place.by_port(proxy.port());
    let mut sink = PostgresSink::connect(&by_proxy)
        .unwrap()
        .retention(agent_telemetry::Retention::FOREVER);
    let batch =
        |number: u32| -> Vec<Record> { (number * 5..number * 5 + 5).map(numbered).collect() };
    let mut number = 0;
    let mut expected = Vec::new();
    // What a batch sends and is answered, once everything is prepared.
    for _ in 0..2 {
        proxy.passed(TO_SERVER);
        proxy.passed(TO_CLIENT);
        sink.write(&batch(number)).unwrap();
        expected.extend(batch(number));
        number += 1;
    }
    let lengths = [proxy.passed(TO_SERVER), proxy.passed(TO_CLIENT)];
    let (mut broken, mut stored_already) = (0, 0);
    for direction in [TO_SERVER, TO_CLIENT] {
        const POINTS: i64 = 24;
        for point in 0..=POINTS {
            // The last bytes, of the commit and its answer, one by one.
            let from_end = if point < 14 {
                point
            } else {
                lengths[direction] * (POINTS - point) / 10
            };
            let bytes = (lengths[direction] - from_end).max(0);
            let seq = place.number("SELECT next FROM sequence");
            proxy.break_after(direction, bytes);
            let first = sink.write(&batch(number));
            proxy.passed(direction);
            if let Err(error) = first {
                broken += 1;
                let cause = std::error::Error::source(&error).unwrap();
                let cause = cause.downcast_ref::<PostgresError>().unwrap();
                assert!(cause.is_unreachable(), "{direction} {bytes}: {cause:?}");
                stored_already += i32::from(place.number("SELECT next FROM sequence") > seq);
                sink.write(&batch(number)).unwrap();
            }
            expected.extend(batch(number));
            number += 1;
            // So that the next one is as long as the first.
            sink.write(&batch(number)).unwrap();
            expected.extend(batch(number));
            number += 1;
        }
    }
    println!("broken: {broken} connections, {stored_already} behind the commit");
    assert!(
        broken > 40 && stored_already > 5,
        "{broken} {stored_already}"
    );
    assert_all(&place, &expected);
}
