//! Points of histograms and summaries.

use super::super::found::BUCKETS;
use super::super::item::{ExponentialData, HistogramData, Point, PointData, Shape};
use super::super::malformed::{Fault, Flaw};
use super::super::raw::RawAttributes;
use super::attribute;
use super::cursor::Cursor;

/// Reads a point of this shape, and checks its attributes down to `depth`.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    shape: Shape,
    depth: usize,
) -> Result<(RawAttributes<'a>, Point), Fault> {
    let mut common = Common {
        attributes: "",
        start: 0,
        time: 0,
        no_recorded_value: false,
        depth,
    };
    let data = match shape {
        Shape::Histogram(_) => histogram(cursor, &mut common)?,
        Shape::ExponentialHistogram(_) => exponential(cursor, &mut common)?,
        _ => summary(cursor, &mut common)?,
    };
    let point = Point {
        start: common.start,
        time: common.time,
        no_recorded_value: common.no_recorded_value,
        data,
    };
    Ok((RawAttributes::json(common.attributes), point))
}

/// What points of all shapes have.
struct Common<'a> {
    attributes: &'a str,
    start: u64,
    time: u64,
    no_recorded_value: bool,
    depth: usize,
}

impl<'a> Common<'a> {
    fn take(&mut self, cursor: &mut Cursor<'a>, name: &str) -> Result<(), Fault> {
        match name {
            "attributes" => self.attributes = attribute::check(cursor, self.depth)?,
            "startTimeUnixNano" => self.start = cursor.u64()?,
            "timeUnixNano" => self.time = cursor.u64()?,
            "flags" => self.no_recorded_value = cursor.u64()? & 1 != 0,
            _ => cursor.skip()?,
        }
        Ok(())
    }
}

fn histogram<'a>(cursor: &mut Cursor<'a>, common: &mut Common<'a>) -> Result<PointData, Fault> {
    let mut data = HistogramData::default();
    cursor.object(|cursor, name| {
        match name {
            "count" => data.count = cursor.u64()?,
            "sum" => data.sum = Some(cursor.f64()?),
            "min" => data.min = Some(cursor.f64()?),
            "max" => data.max = Some(cursor.f64()?),
            "bucketCounts" => data.buckets = list(cursor, Cursor::u64)?,
            "explicitBounds" => data.bounds = list(cursor, Cursor::f64)?,
            other => common.take(cursor, other)?,
        }
        Ok(())
    })?;
    Ok(PointData::Histogram(data))
}

fn exponential<'a>(cursor: &mut Cursor<'a>, common: &mut Common<'a>) -> Result<PointData, Fault> {
    let mut data = ExponentialData::default();
    cursor.object(|cursor, name| {
        match name {
            "count" => data.count = cursor.u64()?,
            "sum" => data.sum = Some(cursor.f64()?),
            "min" => data.min = Some(cursor.f64()?),
            "max" => data.max = Some(cursor.f64()?),
            "scale" => data.scale = cursor.i32()?,
            "zeroCount" => data.zero_count = cursor.u64()?,
            "zeroThreshold" => data.zero_threshold = cursor.f64()?,
            "positive" => (data.positive_offset, data.positive) = buckets(cursor)?,
            "negative" => (data.negative_offset, data.negative) = buckets(cursor)?,
            other => common.take(cursor, other)?,
        }
        Ok(())
    })?;
    Ok(PointData::Exponential(data))
}

fn buckets(cursor: &mut Cursor<'_>) -> Result<(i32, Vec<u64>), Fault> {
    let (mut offset, mut counts) = (0, Vec::new());
    cursor.object(|cursor, name| {
        match name {
            "offset" => offset = cursor.i32()?,
            "bucketCounts" => counts = list(cursor, Cursor::u64)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok((offset, counts))
}

fn summary<'a>(cursor: &mut Cursor<'a>, common: &mut Common<'a>) -> Result<PointData, Fault> {
    let (mut count, mut sum) = (0, 0.0);
    cursor.object(|cursor, name| {
        match name {
            "count" => count = cursor.u64()?,
            "sum" => sum = cursor.f64()?,
            other => common.take(cursor, other)?,
        }
        Ok(())
    })?;
    Ok(PointData::Summary { count, sum })
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    number: fn(&mut Cursor<'a>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut list = Vec::new();
    cursor.array(|cursor| {
        if list.len() == BUCKETS {
            return Err(cursor.fault(Flaw::TooManyBuckets));
        }
        list.push(number(cursor)?);
        Ok(())
    })?;
    Ok(list)
}
