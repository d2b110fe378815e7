//! Counters, gauges and histograms from outside: bounds, races, errors, snapshots.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions that tests share are tests as well"
)]

use std::sync::Barrier;
use std::thread;

use agent_primitives::ModelId;
use agent_telemetry::{
    Instrument, InstrumentKind, LabelValue, Metrics, MetricsConfig, MetricsError, MetricsSnapshot,
    Outcome, Severity, ToolOutcome, Value,
};

type Text = Instrument<(String,)>;

fn text(name: &'static str) -> Text {
    Instrument::new(name, "1", ["name"])
}

#[test]
fn labels_beyond_the_limit_are_counted_together_and_totals_stay_right() {
    let metrics = Metrics::with_config(MetricsConfig {
        series_per_family: 100,
        ..MetricsConfig::default()
    });
    let family = metrics.counter(text("seen")).unwrap();
    for round in 0..2 {
        for name in 0..1_000 {
            family.add((name.to_string(),), 1);
        }
        assert_eq!(family.total(), 1_000 * (round + 1));
    }
    assert_eq!((family.series(), family.overflowed()), (100, 1_800));
    // Those before the limit have their own, those after it share one.
    assert_eq!(family.with(("99",)).value(), 2);
    assert_eq!(family.with(("100",)).value(), 1_800);
    assert_eq!(family.with(("5000",)).value(), 1_800);

    let snapshot = metrics.snapshot();
    let family = snapshot.family("seen").unwrap();
    assert_eq!((family.series.len(), family.overflowed), (101, 1_802));
    let last = &family.series[100];
    let labels: Vec<_> = family.labels_of(last).collect();
    assert_eq!(labels, [("otel.metric.overflow", "true")]);
    assert_eq!(last.value, Value::Counter(1_800));
}

#[test]
fn limit_of_an_instrument_goes_before_that_of_the_registry() {
    let family = Metrics::new()
        .counter(text("seen").series_limit(0))
        .unwrap();
    family.add(("any",), 7);
    assert_eq!(
        (family.series(), family.overflowed(), family.total()),
        (0, 1, 7)
    );
}

#[test]
fn closed_labels_that_exceed_the_limit_overflow_as_well() {
    let names = ["severity", "outcome"];
    let instrument = Instrument::<(Severity, Outcome)>::new("closed", "1", names);
    let family = Metrics::new().counter(instrument.series_limit(3)).unwrap();
    for &severity in Severity::ALL {
        for &outcome in Outcome::ALL {
            family.add((severity, outcome), 1);
            family.add((severity, outcome), 1);
        }
    }
    let sets = (Severity::ALL.len() * Outcome::ALL.len()) as u64;
    assert_eq!((family.series(), family.total()), (3, 2 * sets));
    assert_eq!(family.overflowed(), 2 * (sets - 3));
}

#[test]
fn threads_that_meet_new_labels_at_once_make_one_series_of_each() {
    const THREADS: u64 = 8;
    const ROUNDS: u64 = 3;
    for limit in [300, 1_000] {
        let metrics = Metrics::new();
        let family = metrics.counter(text("raced").series_limit(limit)).unwrap();
        let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
        thread::scope(|scope| {
            for own in 0..THREADS {
                let (family, barrier) = (&family, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for at in 0..500 * ROUNDS {
                        // From different places, so that each is first sometimes.
                        let name = (at + own * 61) % 500;
                        family.add((name.to_string(),), 1);
                    }
                });
            }
        });
        assert_eq!(family.total(), THREADS * 500 * ROUNDS);
        assert_eq!(family.series(), limit.min(500));
        let snapshot = metrics.snapshot();
        let own = snapshot.families[0]
            .series
            .iter()
            .filter(|series| !series.overflow);
        for series in own {
            // A label set that had been counted elsewhere for a while would have less.
            assert_eq!(series.value, Value::Counter(THREADS * ROUNDS));
        }
        let beyond = 500_u64.saturating_sub(limit as u64);
        assert_eq!(family.overflowed(), beyond * THREADS * ROUNDS);
    }
}

#[test]
fn threads_that_meet_closed_labels_at_once_make_one_series_of_each() {
    let metrics = Metrics::new();
    let instrument = Instrument::<(Severity, ToolOutcome)>::new("raced", "1", ["a", "b"]);
    let family = metrics.counter(instrument).unwrap();
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                for &severity in Severity::ALL {
                    for &outcome in ToolOutcome::ALL {
                        family.add((&severity, outcome), 1);
                    }
                }
            });
        }
    });
    let snapshot = metrics.snapshot();
    let series = &snapshot.families[0].series;
    assert_eq!(series.len(), Severity::ALL.len() * ToolOutcome::ALL.len());
    assert!(
        series
            .iter()
            .all(|series| series.value == Value::Counter(4))
    );
}

#[test]
fn histogram_has_what_all_threads_recorded() {
    let metrics = Metrics::new();
    let instrument = Instrument::<()>::new("latency", "s", []);
    let family = metrics.histogram(instrument).unwrap();
    let histogram = family.with(());
    // More than there are lanes, all alive at once.
    let threads = 80;
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                histogram.record(0.0);
                barrier.wait();
                (1..=100_u32).for_each(|value| histogram.record(f64::from(value)));
                histogram.record(f64::NAN);
            });
        }
    });
    let all = family.merged();
    let threads = threads as u64;
    assert_eq!(
        (all.count(), all.zero_count(), all.refused()),
        (101 * threads, threads, threads)
    );
    assert_eq!((all.min(), all.max()), (Some(0.0), Some(100.0)));
    // Whole numbers: no order of adding changes the sum.
    assert_eq!(all.sum().to_bits(), (5_050.0 * 80_f64).to_bits());
    let median = all.quantile(0.5).unwrap();
    assert!((median / 50.0 - 1.0).abs() < 0.0055, "{median}");
}

#[test]
fn handles_outlive_the_registry_and_clones_are_the_same() {
    let (counter, gauge) = {
        let metrics = Metrics::new();
        let counter = metrics.clone().counter(text("a")).unwrap().with(("x",));
        let again = metrics.counter(text("a")).unwrap();
        again.add(("x",), 2);
        let gauge = metrics.gauge(text("b")).unwrap();
        gauge.set(("x",), 1.5);
        (counter, gauge.with(("x",)))
    };
    counter.add(1);
    assert_eq!(
        (counter.value(), gauge.value().to_bits()),
        (3, 1.5_f64.to_bits())
    );
}

#[test]
fn name_belongs_to_one_kind_unit_and_type_of_labels() {
    let metrics = Metrics::new();
    metrics.counter(text("a")).unwrap();
    let conflict = Err(MetricsError::Conflict("a"));
    assert_eq!(metrics.gauge(text("a")).map(|_| ()), conflict);
    assert_eq!(metrics.histogram(text("a")).map(|_| ()), conflict);
    let of = |unit, label| Instrument::<(String,)>::new("a", unit, [label]);
    assert_eq!(metrics.counter(of("s", "name")).map(|_| ()), conflict);
    assert_eq!(metrics.counter(of("1", "other")).map(|_| ()), conflict);
    let model = Instrument::<(ModelId,)>::new("a", "1", ["name"]);
    assert_eq!(metrics.counter(model).map(|_| ()), conflict);
    assert!(metrics.counter(of("1", "name")).is_ok());
}

#[test]
fn families_have_a_bound() {
    let metrics = Metrics::with_config(MetricsConfig {
        families: 2,
        ..MetricsConfig::default()
    });
    metrics.counter(text("a")).unwrap();
    metrics.gauge(text("b")).unwrap();
    let error = metrics.histogram(text("c")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"c\" would be family 2 + 1; raise `families` or use fewer names"
    );
    assert!(metrics.counter(text("a")).is_ok());
}

#[test]
fn enum_that_says_a_wrong_position_loses_nothing() {
    struct Wrong(usize);
    impl LabelValue for Wrong {
        type Kind = Self;
        const VALUES: usize = 2;
        fn as_label(&self) -> &str {
            ["zero", "one", "two"][self.0]
        }
        fn position(&self) -> usize {
            self.0
        }
    }
    let metrics = Metrics::new();
    let instrument = Instrument::<(Wrong,)>::new("wrong", "1", ["value"]);
    let family = metrics.counter(instrument).unwrap();
    for _ in 0..2 {
        (0..3).for_each(|position| family.add((Wrong(position),), 1));
    }
    assert_eq!((family.series(), family.total()), (3, 6));
    assert_eq!(family.with((Wrong(2),)).value(), 2);
}

#[test]
fn snapshot_is_sorted_and_its_json_is_this() {
    let metrics = Metrics::new();
    let latency = Instrument::<(bool,)>::new("latency", "s", ["ok"]).description("How long.");
    metrics.histogram(latency).unwrap().record((true,), 1.0);
    let calls = metrics.counter(text("calls").series_limit(2)).unwrap();
    for name in ["b", "a", "c"] {
        calls.add((name,), 1);
    }
    metrics
        .gauge(Instrument::<()>::new("open", "1", []))
        .unwrap()
        .set((), 2.5);

    let snapshot = metrics.snapshot();
    let kinds: Vec<_> = snapshot.families.iter().map(|family| family.kind).collect();
    assert_eq!(
        kinds,
        [
            InstrumentKind::Counter,
            InstrumentKind::Histogram,
            InstrumentKind::Gauge
        ]
    );
    let json = serde_json::to_string(&snapshot).unwrap();
    let golden = concat!(
        r#"{"families":[{"name":"calls","unit":"1","description":"","kind":"counter","#,
        r#""labels":["name"],"series":[{"labels":["a"],"value":{"counter":1}},"#,
        r#"{"labels":["b"],"value":{"counter":1}},"#,
        r#"{"labels":[],"overflow":true,"value":{"counter":1}}],"overflowed":1},"#,
        r#"{"name":"latency","unit":"s","description":"How long.","kind":"histogram","#,
        r#""labels":["ok"],"series":[{"labels":["true"],"value":{"histogram":{"scale":6,"#,
        r#""zero_threshold":2.3283064365386963e-10,"zero_count":0,"offset":-1,"#,
        r#""bucket_counts":[1],"sum":1.0,"min":1.0,"max":1.0}}}],"overflowed":0},"#,
        r#"{"name":"open","unit":"1","description":"","kind":"gauge","labels":[],"#,
        r#""series":[{"labels":[],"value":{"gauge":2.5}}],"overflowed":0}]}"#,
    );
    assert_eq!(json, golden);
    assert_eq!(
        serde_json::from_str::<MetricsSnapshot>(golden).unwrap(),
        snapshot
    );
}
