//! Names that nobody expects, and very many of them.

use agent_telemetry::prometheus::{Exposition, ExpositionConfig, Format};
use agent_telemetry::{Instrument, Metrics, MetricsConfig, MetricsSnapshot};

use crate::parser::{Page, parse};
use crate::promtool::promtool;

fn page(metrics: &Metrics, format: Format) -> String {
    let mut text = String::new();
    let mut page = Exposition::new(&mut text, format);
    page.metrics(metrics).unwrap();
    page.finish().unwrap();
    text
}

fn read(metrics: &Metrics) -> Page {
    let pages = [Format::Text, Format::OpenMetrics]
        .map(|format| parse(&page(metrics, format), format).unwrap());
    let [text, open] = pages;
    let samples = |page: &Page| -> Vec<_> { page.values().map(|it| it.samples.clone()).collect() };
    assert_eq!(samples(&text), samples(&open));
    text
}

pub(crate) const NAMES: [&str; 12] = [
    "line\nbreak",
    "\r\n",
    "quote\"",
    "\"} 1\nagent_fake_total 7\n# EOF",
    "back\\slash\\",
    "\\n",
    "ünïcödé 代理 🤖",
    "{le=\"1\"}",
    " ",
    "# HELP",
    "zero\0byte",
    "\u{feff}\u{202e}\u{7f}\u{1b}[2J",
];

#[test]
fn hostile_names_are_labels_and_nothing_else() {
    let metrics = Metrics::new();
    let seen = metrics
        .counter(
            Instrument::<(String,)>::new("seen", "1", ["who"])
                .description("Any \\ name \"at all\"\nis one."),
        )
        .unwrap();
    for (name, times) in NAMES.into_iter().zip(1..) {
        seen.add((name,), times);
    }
    let page_read = read(&metrics);
    assert_eq!(page_read.len(), 1);
    let family = &page_read["seen"];
    assert_eq!(
        family.help.as_deref(),
        Some("Any \\ name \"at all\"\nis one.")
    );
    for (name, times) in NAMES.into_iter().zip(1_u32..) {
        assert_eq!(
            family.value("_total", &[("who", name)]),
            Some(times.into()),
            "{name:?}"
        );
    }
    let text = page(&metrics, Format::Text);
    if let Some((good, said)) = promtool("hostile names", &["check", "metrics"], &text) {
        assert!(good && said.is_empty(), "{said}");
    }
}

#[test]
fn labels_that_become_one_name_are_joined_and_reserved_ones_renamed() {
    let metrics = Metrics::new();
    let labels = ["a.b", "a-b", "le"];
    let family = Instrument::<(String, String, String)>::new("odd", "s", labels);
    metrics
        .histogram(family)
        .unwrap()
        .record(("x", "", "y"), 0.5);
    let page = read(&metrics);
    let labels = [("a_b", "x;"), ("exported_le", "y")];
    assert_eq!(page["odd_seconds"].value("_count", &labels), Some(1.0));
    assert_eq!(
        page["odd_seconds"].value("_bucket", &[&labels[..], &[("le", "0.5")]].concat()),
        Some(1.0)
    );
}

#[test]
fn family_whose_name_is_taken_is_left_out_and_counted() {
    let metrics = Metrics::new();
    for name in ["a.b", "a-b", "a.b_total"] {
        metrics
            .counter(Instrument::<()>::new(name, "", []))
            .unwrap()
            .add((), 1);
    }
    metrics
        .gauge(Instrument::<()>::new("a.b.total", "", []))
        .unwrap()
        .set((), 5.0);
    let page = read(&metrics);
    assert_eq!(page["a_b"].value("_total", &[]), Some(1.0));
    assert_eq!(
        page["agent_telemetry_left_out"].value("", &[("what", "families")]),
        Some(3.0)
    );
    assert_eq!(page.len(), 2);
}

#[test]
fn what_overflows_in_a_registry_is_shown_as_other() {
    let metrics = Metrics::new();
    let seen = Instrument::<(String, bool)>::new("seen", "1", ["who", "new"]).series_limit(1);
    let seen = metrics.counter(seen).unwrap();
    for name in ["first", "second", "third"] {
        seen.add((name, true), 1);
    }
    let page = read(&metrics);
    let other = [
        ("who", "other"),
        ("new", "other"),
        ("otel_metric_overflow", "true"),
    ];
    assert_eq!(page["seen"].value("_total", &other), Some(2.0));
    assert_eq!(
        page["agent_telemetry_series_overflowed"].value("_total", &[("family", "seen")]),
        Some(2.0)
    );
}

#[test]
fn hundred_thousand_series_fit_and_those_beyond_the_lines_are_counted() {
    let metrics = Metrics::with_config(MetricsConfig {
        series_per_family: 100_000,
        ..MetricsConfig::default()
    });
    let seen = metrics
        .counter(Instrument::<(String,)>::new("seen", "1", ["who"]))
        .unwrap();
    for number in 0..100_000 {
        seen.add((number.to_string(),), number + 1);
    }
    let text = page(&metrics, Format::Text);
    assert_eq!(text.lines().count(), 100_002);
    assert!(text.contains("\nseen_total{who=\"99999\"} 100000\n"));

    let config = ExpositionConfig {
        lines: 250,
        ..ExpositionConfig::default()
    };
    let mut text = String::new();
    let mut page = Exposition::with_config(&mut text, Format::OpenMetrics, config);
    page.metrics(&metrics).unwrap();
    let waits = metrics
        .histogram(Instrument::<()>::new("waits", "s", []))
        .unwrap();
    waits.record((), 1.0);
    page.metrics(&metrics).unwrap();
    let shown = page.finish().unwrap();
    // The histogram does not fit whole, and the counters are on the page already.
    assert_eq!(
        (shown.lines, shown.left_out_series, shown.left_out_families),
        (252, 99_751, 1)
    );
    let page = parse(&text, Format::OpenMetrics).unwrap();
    assert_eq!(
        page["agent_telemetry_left_out"].value("", &[("what", "series")]),
        Some(99_751.0)
    );
    assert!(page["waits_seconds"].samples.is_empty());
}

#[test]
fn snapshot_from_elsewhere_cannot_break_the_page() {
    let family = |kind: &str, value: &str| {
        format!(
            r#"{{"name": "1\n{{}}", "unit": "\"\n", "description": "\n", "kind": "{kind}", "labels": ["", "\n", "__x"],
                "series": [{{"labels": ["a"], "value": {value}}}, {{"labels": ["a", "b", "c", "d"], "value": {value}}}],
                "overflowed": 1}}"#
        )
    };
    for (kind, value) in [
        ("counter", r#"{"counter": 18446744073709551615}"#),
        ("gauge", r#"{"gauge": -1e308}"#),
        ("histogram", r#"{"gauge": 1}"#),
        (
            "gauge",
            r#"{"histogram": {"scale": 6, "zero_threshold": 2.3283064365386963e-10, "zero_count": 1, "offset": 0,
            "bucket_counts": [], "sum": 0}}"#,
        ),
    ] {
        let snapshot = format!(r#"{{"families": [{}]}}"#, family(kind, value));
        let snapshot: MetricsSnapshot = serde_json::from_str(&snapshot).unwrap();
        for format in [Format::Text, Format::OpenMetrics] {
            let mut text = String::new();
            let mut page = Exposition::new(&mut text, format);
            page.snapshot(&snapshot).unwrap();
            page.finish().unwrap();
            parse(&text, format)
                .map_err(|why| format!("{why}\n{text}"))
                .unwrap();
        }
    }
}
