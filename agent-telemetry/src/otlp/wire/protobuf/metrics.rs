//! Metrics: their heads, and where their points are.

use std::borrow::Cow;

use super::super::found::{Entry, Found};
use super::super::item::{MetricHead, Shape, Temporality};
use super::super::limits::ReadLimits;
use super::super::malformed::Fault;
use super::super::visit::VisitMetrics;
use super::layers::{self, FoundBytes};
use super::message::{Message, bytes, varint};
use super::{number, point};

// Metric
const NAME: u32 = bytes(1);
const UNIT: u32 = bytes(3);
const GAUGE: u32 = bytes(5);
const SUM: u32 = bytes(7);
const HISTOGRAM: u32 = bytes(9);
const EXPONENTIAL: u32 = bytes(10);
const SUMMARY: u32 = bytes(11);
// Of each of these five
const POINTS: u32 = bytes(1);
const TEMPORALITY: u32 = varint(2);
const MONOTONIC: u32 = varint(3);

pub(in super::super) fn read_metrics<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    visitor: &mut impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits);
    layers::collect(body, &mut found, metric)?;
    let mut shape = Shape::Unknown;
    for entry in found.entries {
        match entry {
            Entry::Open => {}
            Entry::Resource(attributes) => visitor.resource(attributes),
            Entry::Scope(scope) => visitor.scope(scope),
            Entry::Metric(head) => {
                shape = head.shape;
                visitor.metric(head);
            }
            Entry::Number(attributes, number) => visitor.point(attributes, number.point()),
            Entry::Item(bytes) => {
                let (attributes, point) = point::read(bytes, shape, limits.safe_depth())?;
                visitor.point(attributes, point);
            }
        }
    }
    Ok(())
}

/// What a metric says of all its points.
#[derive(Clone, Copy)]
struct Data {
    temporality: Temporality,
    monotonic: bool,
}

const UNSAID: Data = Data {
    temporality: Temporality::Unspecified,
    monotonic: false,
};

fn metric<'a>(bytes: &'a [u8], found: &mut FoundBytes<'a>) -> Result<(), Fault> {
    let place = found.open();
    let mut message = Message::new(bytes);
    let (mut name, mut unit) = ("", "");
    // Which of the five it is, and what that says of all points.
    let (mut kind, mut data) = (0, UNSAID);
    while let Some(tag) = message.tag()? {
        match tag {
            NAME => name = message.text()?,
            UNIT => unit = message.text()?,
            GAUGE | SUM | HISTOGRAM | EXPONENTIAL | SUMMARY => {
                // A metric is one of them: another kind replaces what came before, the same kind is added to it.
                if kind != tag {
                    found.reopen(place);
                    (kind, data) = (tag, UNSAID);
                }
                points(message.bytes()?, kind, &mut data, found)?;
            }
            other => message.skip(other)?,
        }
    }
    let head = MetricHead {
        name: Cow::Borrowed(name),
        unit: Cow::Borrowed(unit),
        shape: shape(kind, data),
    };
    found.close(place, Entry::Metric(head));
    Ok(())
}

fn shape(kind: u32, data: Data) -> Shape {
    match kind {
        GAUGE => Shape::Gauge,
        SUM => Shape::Sum {
            temporality: data.temporality,
            monotonic: data.monotonic,
        },
        HISTOGRAM => Shape::Histogram(data.temporality),
        EXPONENTIAL => Shape::ExponentialHistogram(data.temporality),
        SUMMARY => Shape::Summary,
        _ => Shape::Unknown,
    }
}

fn points<'a>(
    bytes: &'a [u8],
    kind: u32,
    data: &mut Data,
    found: &mut FoundBytes<'a>,
) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            POINTS => {
                let bytes = message.bytes()?;
                let entry = if matches!(kind, GAUGE | SUM) {
                    number::read(bytes, found.depth)?
                } else {
                    point::read(bytes, shape(kind, UNSAID), found.depth)?;
                    Entry::Item(bytes)
                };
                found.item(entry, bytes)?;
            }
            TEMPORALITY => {
                data.temporality = Temporality::from_code(super::int32(message.varint()?));
            }
            MONOTONIC => data.monotonic = message.varint()? != 0,
            other => message.skip(other)?,
        }
    }
    Ok(())
}
