//! The OpenTelemetry SDK: bound instruments, and attributes given with each call.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, ManualReader, SdkMeterProvider, Stream};

use super::{BOUNDS, MODELS, OUTCOMES, VALUES, latencies, repeat_measured, turn};
use crate::harness::{Case, Kind};
use crate::rows::operation::repeat;

const VERSION: &str = "0.33.1";
/// That of its default: 160 buckets, scale at most 20.
const MAX_SIZE: u32 = 160;
const MAX_SCALE: i8 = 20;

/// The provider is to be kept as long as what it made.
fn meter(exponential: bool) -> (SdkMeterProvider, Meter) {
    let builder = SdkMeterProvider::builder().with_reader(ManualReader::builder().build());
    let view = move |_: &Instrument| {
        let aggregation = Aggregation::Base2ExponentialHistogram {
            max_size: MAX_SIZE,
            max_scale: MAX_SCALE,
            record_min_max: true,
        };
        Stream::builder().with_aggregation(aggregation).build().ok()
    };
    let provider = if exponential {
        builder.with_view(view).build()
    } else {
        builder.build()
    };
    let meter = provider.meter("bench");
    (provider, meter)
}

pub(super) fn counter() -> Case {
    let (provider, meter) = meter(false);
    let counter = meter.u64_counter("calls").build().bind(&[]);
    let work = move |calls| {
        let _ = &provider;
        repeat(calls, |_| counter.add(1));
    };
    Case::looped(Kind::Peer, "opentelemetry, bound", VERSION, work)
}

pub(super) fn labelled() -> Case {
    let (provider, meter) = meter(false);
    let counter = meter.u64_counter("calls").build();
    let of = |model: &'static str, outcome: &'static str| {
        [
            KeyValue::new("model", model),
            KeyValue::new("outcome", outcome),
        ]
    };
    let outcomes = OUTCOMES.iter();
    let sets: Vec<_> = outcomes
        .flat_map(|outcome| MODELS.map(|model| of(model, outcome.as_str())))
        .collect();
    let work = move |calls| {
        let _ = &provider;
        repeat(calls, |number| {
            if let Some(attributes) = turn(&sets, number) {
                counter.add(1, attributes);
            }
        });
    };
    Case::looped(
        Kind::Peer,
        "opentelemetry, attributes prebuilt",
        VERSION,
        work,
    )
}

pub(super) fn histogram() -> Case {
    measured("opentelemetry, bound", false)
}

pub(super) fn exponential() -> Case {
    measured("opentelemetry, bound, exponential", true)
}

fn measured(name: &str, exponential: bool) -> Case {
    let (provider, meter) = meter(exponential);
    let builder = meter
        .f64_histogram("latency")
        .with_boundaries(BOUNDS.to_vec());
    let histogram = builder.build().bind(&[]);
    let values: [f64; VALUES] = latencies();
    let work = move |calls| {
        let _ = &provider;
        repeat_measured(calls, &values, |value| histogram.record(value));
    };
    Case::looped(Kind::Peer, name, VERSION, work)
}
