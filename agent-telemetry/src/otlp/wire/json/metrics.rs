//! Metrics: their heads, and where their points are.

use std::borrow::Cow;

use super::super::found::{Entry, Found, Place, Room};
use super::super::item::{MetricHead, Shape, Temporality};
use super::super::limits::ReadLimits;
use super::super::malformed::Fault;
use super::super::raw::{Labels, RawAttributes};
use super::super::visit::VisitMetrics;
use super::cursor::Cursor;
use super::layers::{self, FoundText, Names};
use super::{number_point, point};

const NAMES: Names = Names {
    resources: "resourceMetrics",
    scopes: "scopeMetrics",
    items: "metrics",
};

pub(in super::super) fn read_metrics<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    let metrics =
        |cursor: &mut Cursor<'a>, found: &mut FoundText<'a>| metric(cursor, found, &*visitor);
    layers::collect(layers::text(body)?, &NAMES, &mut found, metrics)?;
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
            Entry::Item(text) => {
                let (attributes, point) =
                    point::read(&mut Cursor::new(text), shape, limits.safe_depth())?;
                visitor.point(labels(attributes, visitor), point);
            }
        }
    }
    room.take_back(found);
    Ok(())
}

fn metric<'a>(
    cursor: &mut Cursor<'a>,
    found: &mut FoundText<'a>,
    visitor: &impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    let place = found.open();
    let (mut name, mut unit) = (Cow::Borrowed(""), Cow::Borrowed(""));
    let mut shape = Shape::Unknown;
    cursor.object(|cursor, key| {
        let kind = match key {
            "name" => {
                name = cursor.text()?;
                return Ok(());
            }
            "unit" => {
                unit = cursor.text()?;
                return Ok(());
            }
            "gauge" => Shape::Gauge,
            "sum" => Shape::Sum {
                temporality: Temporality::Unspecified,
                monotonic: false,
            },
            "histogram" => Shape::Histogram(Temporality::Unspecified),
            "exponentialHistogram" => Shape::ExponentialHistogram(Temporality::Unspecified),
            "summary" => Shape::Summary,
            _ => return cursor.skip(),
        };
        // A metric is one of them: the last one counts.
        found.reopen(place);
        shape = data(cursor, kind, (place, found), visitor)?;
        Ok(())
    })?;
    let head = MetricHead { name, unit, shape };
    found.close(place, Entry::Metric(head));
    Ok(())
}

/// Takes what a metric of this kind says of all its points, and the points.
fn data<'a>(
    cursor: &mut Cursor<'a>,
    kind: Shape,
    (place, found): (Place, &mut FoundText<'a>),
    visitor: &impl VisitMetrics<'a>,
) -> Result<Shape, Fault> {
    let (mut temporality, mut monotonic) = (Temporality::Unspecified, false);
    cursor.object(|cursor, key| {
        match key {
            "dataPoints" => {
                found.reopen(place);
                return cursor.array(|cursor| take(cursor, kind, found, visitor));
            }
            "aggregationTemporality" => {
                temporality = Temporality::from_code(cursor.code(temporality_code)?);
            }
            "isMonotonic" => monotonic = cursor.bool()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(match kind {
        Shape::Sum { .. } => Shape::Sum {
            temporality,
            monotonic,
        },
        Shape::Histogram(_) => Shape::Histogram(temporality),
        Shape::ExponentialHistogram(_) => Shape::ExponentialHistogram(temporality),
        other => other,
    })
}

fn temporality_code(name: &str) -> Option<i32> {
    Some(match name.strip_prefix("AGGREGATION_TEMPORALITY_")? {
        "DELTA" => 1,
        "CUMULATIVE" => 2,
        "UNSPECIFIED" => 0,
        _ => return None,
    })
}

fn take<'a>(
    cursor: &mut Cursor<'a>,
    shape: Shape,
    found: &mut FoundText<'a>,
    visitor: &impl VisitMetrics<'a>,
) -> Result<(), Fault> {
    cursor.peek();
    let start = *cursor;
    let entry = if matches!(shape, Shape::Gauge | Shape::Sum { .. }) {
        let (attributes, number) = number_point::read(cursor, found.depth)?;
        Entry::Number(labels(attributes, visitor), number)
    } else {
        point::read(cursor, shape, found.depth)?;
        Entry::Item(cursor.since(start))
    };
    found.item(entry, start.rest())
}

fn labels<'a>(raw: RawAttributes<'a>, visitor: &impl VisitMetrics<'a>) -> Labels<'a> {
    let fingerprint = raw.fingerprint(visitor.prints());
    Labels {
        raw,
        fingerprint,
        known: visitor.knows(fingerprint),
    }
}
