//! One request counted once, whoever tells it and in whatever order.

use agent_primitives::TokenUsage;

use super::host::{Host, calls, sum};
use super::requests::{CUMULATIVE, Call, Tokens, call_events, call_spans, genai, tokens};

fn call(number: u64) -> Call {
    Call {
        session: "s1",
        number,
        second: 10 * number + 5,
        input: 100,
        cache_read: 900,
        output: 50,
    }
}

fn totals(calls: i64, time: u64) -> Vec<u8> {
    let point = |kind, value| Tokens {
        session: "s1",
        kind,
        start: 0,
        time,
        value,
    };
    tokens(
        CUMULATIVE,
        &[
            point("input", 100 * calls),
            point("cacheRead", 900 * calls),
            point("output", 50 * calls),
        ],
    )
}

#[test]
fn call_that_metrics_events_and_spans_tell_is_one_in_each_order() {
    let truth = TokenUsage::new(100, 50).with_cache_read(900);
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let host = Host::new();
        for channel in order {
            let _ = match channel {
                0 => host.metrics(&totals(1, 60)),
                1 => host.logs(&call_events(&[call(0)])),
                _ => host.spans(&call_spans(&[call(0)])),
            };
        }
        let records = host.records();
        let told = calls(&records);
        assert_eq!(told.len(), 1, "{order:?}: {told:?}");
        assert_eq!(told[0].usage, truth, "{order:?}");
        assert_eq!(told[0].first_token.map(|it| it.as_millis()), Some(300));
        assert_eq!(told[0].cost.unwrap().to_string(), "$0.00025");
    }
}

#[test]
fn what_events_lost_is_made_up_for_by_metrics_and_told() {
    let host = Host::new();
    for number in (0..20).filter(|it| it % 10 != 3) {
        host.logs(&call_events(&[call(number)]));
    }
    host.metrics(&totals(20, 300));
    let records = host.records();
    let told = calls(&records);
    assert_eq!(told.iter().filter(|it| !it.is_unexplained()).count(), 18);
    assert_eq!(
        sum(&records).0,
        TokenUsage::new(2_000, 1_000).with_cache_read(18_000)
    );
    let coverage = host.coverage();
    assert_eq!(coverage.coverage(), Some(0.9));
    assert_eq!(coverage.events_missing, 2);
    println!("a tenth of the batches lost: {coverage}");
}

#[test]
fn call_that_comes_after_its_metrics_were_recorded_is_not_counted_twice() {
    let host = Host::new();
    host.metrics(&totals(1, 60));
    assert_eq!(calls(&host.records()).len(), 1);
    host.logs(&call_events(&[call(0)]));
    let truth = TokenUsage::new(100, 50).with_cache_read(900);
    assert_eq!(sum(&host.records()).0, truth);
    // Of its record nothing is left, and its context is full all the same.
    assert_eq!(host.processor.contexts()[0].used, 1_050);
}

#[test]
fn metric_that_names_no_session_is_held_against_the_calls_of_its_process() {
    let (metrics, spans) = genai(1_000, 50);
    for metrics_first in [false, true] {
        let host = Host::new();
        if metrics_first {
            host.metrics(&metrics);
        }
        host.spans(&spans);
        if !metrics_first {
            host.metrics(&metrics);
        }
        let records = host.records();
        assert_eq!(sum(&records).0, TokenUsage::new(1_000, 50), "{records:#?}");
        assert_eq!(calls(&records).len(), 1);
    }
}

#[test]
fn logs_that_come_again_are_dropped_and_counted() {
    let host = Host::new();
    for _ in 0..3 {
        host.logs(&call_events(&[call(0), call(1)]));
        host.spans(&call_spans(&[call(0)]));
    }
    assert_eq!(calls(&host.records()).len(), 2);
    let figures = host.processor.figures();
    assert_eq!((figures.logs.duplicates, figures.spans.duplicates), (4, 2));
}
