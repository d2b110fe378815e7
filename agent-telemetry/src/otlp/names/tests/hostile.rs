//! Items that nobody sends but who wants to do harm.

use fastrand::Rng;

use super::super::table::{GROUPS, Row, Signal};
use super::*;
use crate::otlp::wire::SpanEvent;

/// Any value, some of them extreme, none deeper than a few levels.
fn value(rng: &mut Rng, depth: u8) -> Value<'static> {
    match rng.u8(0..10) {
        0 => Value::Empty,
        1 => Value::Bool(rng.bool()),
        2 => Value::Int(rng.i64(..)),
        3 => Value::Int(rng.choice([i64::MIN, -1, 0, 1, i64::MAX]).unwrap()),
        4 => Value::Double(f64::from_bits(rng.u64(..))),
        5 => Value::Text("ä€\u{10FFFF}".repeat(rng.usize(..500)).into()),
        6 => Value::Text(rng.i64(..).to_string().into()),
        7 => Value::Bytes(vec![0xFF; rng.usize(..40)].into()),
        8 if depth > 0 => Value::Array((0..3).map(|_| value(rng, depth - 1)).collect()),
        9 if depth > 0 => {
            let pairs = (0..3).map(|_| ("stop", value(rng, depth - 1)));
            Value::Map(Attributes::from_iter(pairs.collect::<Vec<_>>()))
        }
        _ => Value::Text(
            rng.choice(["stop", "true", "1e309", "-0", ""])
                .unwrap()
                .into(),
        ),
    }
}

fn any(rng: &mut Rng, keys: &[&'static str]) -> Attributes<'static> {
    let mut all = Attributes::default();
    for _ in 0..rng.usize(..60) {
        let key = rng.choice(keys).copied().unwrap();
        all.push(key.into(), value(rng, 2));
    }
    all
}

/// Longest that a text of what was seen may be, written out: ids, keys, and names of some hundred bytes each.
const LONGEST: usize = 8_000;

#[test]
fn no_item_panics_or_leaves_much() {
    let keys = GROUPS.iter().flat_map(|group| group.keys);
    let keys: Vec<&'static str> = keys.map(|key| key.name).collect();
    let rows = GROUPS.iter().flat_map(|group| group.rows);
    let rows: Vec<&'static Row> = rows.collect();
    let mut rng = Rng::with_seed(9);
    let (scope, mut seen) = (scope(), 0);
    for _ in 0..8_000 {
        let row = rng.choice(&rows).copied().unwrap();
        let service = rng.choice(["claude-code", "codex", "gemini-cli", "bot"]);
        let mut resource = any(&mut rng, &keys);
        resource.push("service.name".into(), Value::Text(service.unwrap().into()));
        let source = Source::new(&resource, &scope);
        let attributes = any(&mut rng, &keys);
        let mut out = Vec::new();
        match row.signal {
            Signal::Event => {
                let log = Log {
                    time: rng.u64(..),
                    event_name: row.name.into(),
                    body: value(&mut rng, 2),
                    attributes,
                    ..Log::default()
                };
                of_log(&source, &log, &mut out);
                sequence_of(&source, &log);
            }
            Signal::Metric => {
                let unit = rng.choice(["s", "By", "%", "", "ä"]).unwrap();
                let head = MetricHead {
                    name: row.name.into(),
                    unit: unit.into(),
                    shape: SUM,
                };
                let meaning = of_series(&source, &head, &attributes);
                let (since, at) = (moment(0), Timestamp::MAX);
                let double = f64::from_bits(rng.u64(..));
                for number in [Number::Int(rng.i64(..)), Number::Double(double)] {
                    meaning.of_number(number, since, at, &mut out);
                    meaning.of_gauge(number, at, &mut out);
                }
                let count = rng.u64(..);
                meaning.of_histogram(count, Some(double), since, at, &mut out);
                meaning.of_histogram(count, None, since, at, &mut out);
            }
            _ => {
                let events = (0..3).map(|_| SpanEvent {
                    time: rng.u64(..),
                    name: row.name.into(),
                    attributes: any(&mut rng, &keys),
                });
                let events = events.collect();
                let span = Span {
                    trace_id: rng.u128(..),
                    span_id: rng.u64(..),
                    name: row.name.into(),
                    kind: rng.i32(..),
                    start: rng.u64(..),
                    end: rng.u64(..),
                    attributes,
                    events,
                    ..Span::default()
                };
                of_span(&source, &span, &mut out);
            }
        }
        for it in &out {
            let text = format!("{it:?}");
            assert!(text.len() < LONGEST, "{} bytes: {text}", text.len());
        }
        assert!(out.len() <= 8, "{}", out.len());
        seen += out.len();
    }
    println!("8000 items, {seen} things seen");
    assert!(seen > 2_000, "{seen}");
}
