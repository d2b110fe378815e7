//! Sums of metrics, whatever the network and the sender do.

use agent_primitives::TokenUsage;

use super::host::{Host, calls, points, sum};
use super::requests::{CUMULATIVE, DELTA, Tokens, tokens};

fn output(start: u64, time: u64, value: i64) -> Tokens {
    Tokens {
        session: "s1",
        kind: "output",
        start,
        time,
        value,
    }
}

#[test]
fn cumulative_values_that_come_twice_late_or_never_add_up_to_the_last_one() {
    let host = Host::new();
    for (time, value) in [(60, 10), (120, 20), (120, 20), (90, 15), (240, 40)] {
        host.metrics(&tokens(CUMULATIVE, &[output(0, time, value)]));
    }
    let records = host.records();
    assert_eq!(sum(&records).0, TokenUsage::new(0, 40));
    assert!(calls(&records).iter().all(|it| it.is_unexplained()));
    let figures = host.processor.figures();
    assert_eq!((figures.points.added, figures.points.total()), (3, 5));
    assert_eq!(points(&records), 5);
}

#[test]
fn deltas_that_come_twice_are_added_once_and_lost_ones_are_said() {
    let host = Host::new();
    for (start, time) in [(0, 60), (0, 60), (60, 120), (180, 240)] {
        host.metrics(&tokens(DELTA, &[output(start, time, 10)]));
    }
    assert_eq!(sum(&host.records()).0, TokenUsage::new(0, 30));
    let coverage = host.coverage();
    assert_eq!(coverage.uncovered.as_secs(), 60);
    assert_eq!(host.processor.figures().points.duplicates, 1);
}

#[test]
fn writer_that_starts_again_is_counted_with_both_its_lives() {
    let host = Host::new();
    host.metrics(&tokens(CUMULATIVE, &[output(0, 60, 100)]));
    host.metrics(&tokens(CUMULATIVE, &[output(70, 120, 30)]));
    host.metrics(&tokens(CUMULATIVE, &[output(70, 180, 45)]));
    assert_eq!(sum(&host.records()).0, TokenUsage::new(0, 145));
}

#[test]
fn two_writers_of_one_session_with_starts_of_their_own_are_both_counted() {
    let host = Host::new();
    for turn in 1..=20_u32 {
        let (time, value) = (u64::from(turn) * 60, i64::from(turn));
        host.metrics(&tokens(CUMULATIVE, &[output(0, time, 10 * value)]));
        host.metrics(&tokens(CUMULATIVE, &[output(1, time, 3 * value)]));
    }
    assert_eq!(sum(&host.records()).0, TokenUsage::new(0, 260));
    assert_eq!(host.processor.figures().points.resets_without_start, 0);
}

#[test]
fn sessions_are_kept_apart() {
    let host = Host::new();
    let other = |it: Tokens| Tokens {
        session: "s2",
        ..it
    };
    host.metrics(&tokens(
        CUMULATIVE,
        &[output(0, 60, 10), other(output(0, 60, 7))],
    ));
    let records = host.records();
    for (session, tokens) in [("s1", 10), ("s2", 7)] {
        let own = records
            .iter()
            .filter(|it| it.session.as_ref().is_some_and(|it| it.as_str() == session));
        let own: Vec<_> = own.cloned().collect();
        assert_eq!(sum(&own).0, TokenUsage::new(0, tokens), "{session}");
    }
}

#[test]
fn malformed_request_changes_nothing_and_its_good_points_neither() {
    let host = Host::new();
    let mut body = tokens(CUMULATIVE, &[output(0, 60, 10)]);
    body.extend_from_slice(&[0x0a, 0x7f]);
    let refused = host.send(agent_telemetry::otlp::Signal::Metrics, &body);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(host.records(), []);
    let figures = host.processor.figures();
    assert_eq!((figures.malformed, figures.points.total()), (1, 0));
}
