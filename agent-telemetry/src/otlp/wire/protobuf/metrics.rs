//! Metrics: their heads, and where their points are.

use std::borrow::Cow;

use super::super::found::{Entry, Found, Room};
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
    room: &mut Room,
    visitor: &mut impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    let metrics = |bytes: &'a [u8], found: &mut FoundBytes<'a>| metric(bytes, found, &*visitor);
    layers::collect(body, &mut found, metrics)?;
    let mut shape = Shape::Unknown;
    for entry in found.entries.drain(..) {
        match entry {
            Entry::Open => {}
            Entry::Resource(attributes) => visitor.resource(attributes),
            Entry::Scope(scope) => visitor.scope(scope),
            Entry::Metric(head) => {
                shape = head.shape;
                visitor.metric(head);
            }
            Entry::Number(labels, number) => visitor.point(labels, number.point()),
            Entry::Item(bytes) => {
                let (attributes, point) = point::read(bytes, shape)?;
                let labels = attributes.labels(limits.safe_depth(), visitor)?;
                visitor.point(labels, point);
            }
        }
    }
    room.take_back(found);
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

fn metric<'a>(
    bytes: &'a [u8],
    found: &mut FoundBytes<'a>,
    visitor: &impl VisitMetrics<'a>,
) -> Result<(), Fault> {
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
                let bytes = message.bytes()?;
                points(bytes, (kind, &mut data), found, visitor)?;
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
    (kind, data): (u32, &mut Data),
    found: &mut FoundBytes<'a>,
    visitor: &impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            POINTS => {
                let bytes = message.bytes()?;
                let entry = if matches!(kind, GAUGE | SUM) {
                    let (attributes, number) = number::read(bytes)?;
                    Entry::Number(attributes.labels(found.depth, visitor)?, number)
                } else {
                    let (attributes, _) = point::read(bytes, shape(kind, UNSAID))?;
                    attributes.labels(found.depth, visitor)?;
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
