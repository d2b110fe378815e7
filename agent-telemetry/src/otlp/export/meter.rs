//! Sums, gauges and histograms that records add up to.

use std::collections::BTreeMap;

use super::instruments::{Instrument, Kind};
use super::protobuf::{Any, Message};
use super::spans::dollars;
use super::style::OtlpTemporality;

/// Series of one metric, as the SDKs bound them. What comes on top is added up under one attribute that says so.
pub(super) const SERIES: usize = 2_000;
const OVERFLOW: &str = "otel.metric.overflow";

// The fields of a metric.
const NAME: u32 = 1;
const UNIT: u32 = 3;
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
/// The values of the protocol.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// What was added up. Attributes are kept as they are encoded.
#[derive(Debug)]
pub(super) struct Meter {
    temporality: OtlpTemporality,
    families: BTreeMap<&'static str, Family>,
    /// Since when sums are kept, or of the last collection.
    start: u64,
    /// Of the last collection.
    last: u64,
}

#[derive(Debug)]
struct Family {
    instrument: Instrument,
    series: BTreeMap<Vec<u8>, Series>,
}

#[derive(Debug)]
struct Series {
    value: Value,
    is_new: bool,
}

#[derive(Debug)]
enum Value {
    Sum(u64),
    Money(i128),
    Gauge { value: f64, at: u64 },
    Histogram(Distribution),
}

#[derive(Debug)]
struct Distribution {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    buckets: Vec<u64>,
}

/// What a record adds to a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Added {
    Count(u64),
    /// In pico-dollars. Less than nothing is left out: what adds up cannot fall.
    Money(i128),
    /// A value, and when it was.
    At(f64, u64),
    Value(f64),
}

impl Meter {
    /// Nanoseconds since 1970.
    pub(super) const fn new(temporality: OtlpTemporality, start: u64) -> Self {
        Self {
            temporality,
            families: BTreeMap::new(),
            start,
            last: start,
        }
    }

    pub(super) fn add(&mut self, instrument: Instrument, pairs: &[(&str, &str)], added: Added) {
        let field = match instrument.kind {
            Kind::Histogram(_) => 9,
            Kind::Sum | Kind::Money | Kind::Gauge => 7,
        };
        let mut attributes = Message::new();
        for (key, value) in pairs {
            attributes.attribute(field, key, Any::Text(value));
        }
        let family = self.families.entry(instrument.name);
        let family = family.or_insert_with(|| Family {
            instrument,
            series: BTreeMap::new(),
        });
        let mut key = attributes.into_bytes();
        if family.series.len() >= SERIES - 1 && !family.series.contains_key(&key) {
            let mut overflow = Message::new();
            overflow.attribute(field, OVERFLOW, Any::Bool(true));
            key = overflow.into_bytes();
        }
        let series = family.series.entry(key).or_insert_with(|| Series {
            value: Value::of(instrument.kind),
            is_new: false,
        });
        series.is_new = true;
        series.value.add(added, instrument.kind);
    }

    /// What changed since the last collection, one metric in each message with at most `points` points, and how many
    /// they are.
    pub(super) fn collect(&mut self, now: u64, points: usize) -> Vec<(Message, usize)> {
        let time = now.max(self.last.saturating_add(1));
        let start = self.start;
        let is_delta = self.temporality == OtlpTemporality::Delta;
        let mut metrics = Vec::new();
        for family in self.families.values_mut() {
            let mut new: Vec<Message> = Vec::new();
            for (key, series) in &mut family.series {
                if std::mem::take(&mut series.is_new) {
                    new.push(series.value.point(key, family.instrument.kind, start, time));
                }
            }
            if is_delta {
                family.series.clear();
            }
            for chunk in new.chunks(points.max(1)) {
                let metric = metric(family.instrument, self.temporality, chunk);
                metrics.push((metric, chunk.len()));
            }
        }
        self.last = time;
        if is_delta {
            self.start = time;
        }
        metrics
    }
}

fn metric(instrument: Instrument, temporality: OtlpTemporality, points: &[Message]) -> Message {
    let (field, is_sum) = match instrument.kind {
        Kind::Gauge => (GAUGE, false),
        Kind::Sum | Kind::Money => (SUM, true),
        Kind::Histogram(_) => (HISTOGRAM, false),
    };
    let mut metric = Message::new();
    metric.text(NAME, instrument.name);
    metric.text(UNIT, instrument.unit);
    metric.message(field, |data| {
        for point in points {
            data.slice(1, point.bytes());
        }
        if field != GAUGE {
            data.number(
                2,
                match temporality {
                    OtlpTemporality::Delta => DELTA,
                    OtlpTemporality::Cumulative => CUMULATIVE,
                },
            );
        }
        if is_sum {
            // It only rises.
            data.number(3, 1);
        }
    });
    metric
}

impl Value {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sum => Self::Sum(0),
            Kind::Money => Self::Money(0),
            Kind::Gauge => Self::Gauge { value: 0.0, at: 0 },
            Kind::Histogram(bounds) => Self::Histogram(Distribution {
                count: 0,
                sum: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                buckets: vec![0; bounds.len() + 1],
            }),
        }
    }

    fn add(&mut self, added: Added, kind: Kind) {
        match (self, added) {
            (Self::Sum(sum), Added::Count(count)) => *sum = sum.saturating_add(count),
            (Self::Money(sum), Added::Money(picos)) => *sum = sum.saturating_add(picos.max(0)),
            (Self::Gauge { value, at }, Added::At(new, when)) if when >= *at => {
                (*value, *at) = (new, when);
            }
            (Self::Histogram(all), Added::Value(value)) => {
                let Kind::Histogram(bounds) = kind else {
                    return;
                };
                // A bound belongs to the bucket below it.
                let bucket = bounds.partition_point(|bound| *bound < value);
                if let Some(count) = all.buckets.get_mut(bucket) {
                    *count = count.saturating_add(1);
                }
                all.count = all.count.saturating_add(1);
                all.sum += value;
                all.min = all.min.min(value);
                all.max = all.max.max(value);
            }
            // An older value; and each instrument is given what it takes.
            _ => {}
        }
    }

    fn point(&self, attributes: &[u8], kind: Kind, start: u64, time: u64) -> Message {
        let mut point = Message::new();
        match self {
            Self::Gauge { value, at } => {
                point.fixed(3, *at);
                point.double(4, *value);
            }
            Self::Sum(sum) => {
                point.fixed(2, start);
                point.fixed(3, time);
                point.fixed(6, (*sum).min(i64::MAX.unsigned_abs()));
            }
            Self::Money(picos) => {
                point.fixed(2, start);
                point.fixed(3, time);
                point.double(4, dollars(*picos));
            }
            Self::Histogram(all) => {
                point.fixed(2, start);
                point.fixed(3, time);
                point.fixed(4, all.count);
                point.double(5, all.sum);
                point.packed(6, all.buckets.iter().copied());
                if let Kind::Histogram(bounds) = kind {
                    point.packed(7, bounds.iter().map(|it| it.to_bits()));
                }
                point.double(11, all.min);
                point.double(12, all.max);
            }
        }
        point.append(attributes);
        point
    }
}
