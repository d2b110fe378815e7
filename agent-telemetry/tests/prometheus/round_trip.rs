//! Whatever a registry holds, the page says exactly that.

use std::collections::BTreeMap;

use agent_telemetry::prometheus::{Exposition, ExpositionConfig, Format};
use agent_telemetry::{Instrument, Metrics};
use proptest::prelude::*;

use crate::parser::{Labels, own, parse};

type Pair = (String, String);

fn names() -> impl Strategy<Value = Pair> {
    ("(.|\n){0,12}", "[\\\\\"\n,={}a ]{0,8}")
}

fn labels((first, second): &Pair) -> Labels {
    let shown = [("first", first), ("second.name", second)];
    let shown = shown.into_iter().filter(|(_, value)| !value.is_empty());
    let shown: Vec<_> = shown
        .map(|(name, value)| (name.replace('.', "_"), value.clone()))
        .collect();
    own(&shown
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_value_reads_back(
        counts in prop::collection::btree_map(names(), any::<u64>(), 0..8),
        gauges in prop::collection::btree_map(names(), prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL, 0..8),
        times in prop::collection::btree_map(names(), prop::collection::vec(0.0..2_000.0_f64, 0..30), 0..4),
        buckets_per_doubling in 0_u8..9,
        open in any::<bool>(),
    ) {
        let metrics = Metrics::new();
        let about = |name, unit| Instrument::<Pair>::new(name, unit, ["first", "second.name"]);
        let counter = metrics.counter(about("count", "{thing}")).unwrap();
        for ((first, second), count) in &counts {
 counter.add((first, second), *count);
}
        let gauge = metrics.gauge(about("gauge", "By")).unwrap();
        for ((first, second), value) in &gauges {
 gauge.set((first, second), *value);
}
        let histogram = metrics.histogram(about("time", "s")).unwrap();
        for ((first, second), values) in &times {
            let histogram = histogram.with((first, second));
            for value in values {
 histogram.record(*value);
}
        }

        let format = if open { Format::OpenMetrics } else { Format::Text };
        let config = ExpositionConfig { buckets_per_doubling, ..ExpositionConfig::default() };
        let mut text = String::new();
        let mut page = Exposition::with_config(&mut text, format, config);
        page.metrics(&metrics).unwrap();
        let shown = page.finish().unwrap();
        let page = parse(&text, format).map_err(TestCaseError::fail)?;
        prop_assert_eq!(page.values().map(|it| it.samples.len()).sum::<usize>(), shown.lines);

        let read: BTreeMap<_, _> = page["count"].samples.iter().map(|(_, labels, value)| (labels.clone(), *value)).collect();
        #[expect(clippy::cast_precision_loss, reason = "as a reader of the page has it")]
        let told: BTreeMap<_, _> = counts.iter().map(|(names, count)| (labels(names), *count as f64)).collect();
        prop_assert_eq!(read, told);

        let read: BTreeMap<_, _> = page["gauge_bytes"].samples.iter().map(|(_, labels, value)| (labels.clone(), value.to_bits())).collect();
        let told: BTreeMap<_, _> = gauges.iter().map(|(names, value)| (labels(names), value.to_bits())).collect();
        prop_assert_eq!(read, told);

        for (names, values) in &times {
            for (suffix, all, value) in &page["time_seconds"].samples {
                let mut own = all.clone();
                let bound = own.remove("le");
                if own != labels(names) {
                    continue;
                }
                let count = |bound: f64| values.iter().filter(|value| **value <= bound).count();
                let told = match (suffix.as_str(), bound) {
                    ("_bucket", Some(bound)) => count(bound.parse().unwrap()),
                    ("_count", _) => values.len(),
                    _ => {
                        let sum: f64 = values.iter().sum();
                        prop_assert!((sum - value).abs() <= 1e-9 * sum);
                        continue;
                    }
                };
                #[expect(clippy::cast_precision_loss, reason = "at most 30")]
                let told = told as f64;
                prop_assert_eq!(told.to_bits(), value.to_bits());
            }
        }
    }
}
