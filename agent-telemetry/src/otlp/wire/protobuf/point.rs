//! Points of histograms and summaries.

use super::super::found::BUCKETS;
use super::super::item::{ExponentialData, HistogramData, Point, PointData, Shape};
use super::super::malformed::{Fault, Flaw};
use super::head::{self, Head, Tags};
use super::message::{Message, bytes, fixed64, varint};
use super::run::Run;

// In all three
const COUNT: u32 = fixed64(4);
const SUM: u32 = fixed64(5);

/// Reads a point of this shape. Its attributes are not checked.
pub(super) fn read(bytes: &[u8], shape: Shape) -> Result<(Run<'_>, Point), Fault> {
    let (head, data) = match shape {
        Shape::Histogram(_) => histogram(bytes),
        Shape::ExponentialHistogram(_) => exponential(bytes),
        _ => summary(bytes),
    }?;
    let point = Point {
        start: head.start,
        time: head.time,
        no_recorded_value: head.no_recorded_value,
        data,
    };
    Ok((head.attributes, point))
}

fn histogram(bytes: &[u8]) -> Result<(Head<'_>, PointData), Fault> {
    use self::{bytes as bytes_tag, fixed64 as fixed};
    const BUCKETS: u32 = fixed(6);
    const BUCKETS_PACKED: u32 = bytes_tag(6);
    const BOUNDS: u32 = fixed(7);
    const BOUNDS_PACKED: u32 = bytes_tag(7);
    const MIN: u32 = fixed(11);
    const MAX: u32 = fixed(12);
    const TAGS: Tags = Tags {
        attributes: bytes_tag(9),
        flags: varint(10),
    };

    let mut data = HistogramData::default();
    let head = head::read(bytes, TAGS, |tag, message| {
        match tag {
            COUNT => data.count = message.fixed64()?,
            SUM => data.sum = Some(message.double()?),
            BUCKETS => push(&mut data.buckets, message.fixed64()?, message)?,
            BUCKETS_PACKED => packed(&mut data.buckets, message, u64::from_le_bytes)?,
            BOUNDS => push(&mut data.bounds, message.double()?, message)?,
            BOUNDS_PACKED => packed(&mut data.bounds, message, f64::from_le_bytes)?,
            MIN => data.min = Some(message.double()?),
            MAX => data.max = Some(message.double()?),
            other => message.skip(other)?,
        }
        Ok(())
    })?;
    Ok((head, PointData::Histogram(data)))
}

fn exponential(bytes: &[u8]) -> Result<(Head<'_>, PointData), Fault> {
    use self::{bytes as bytes_tag, fixed64 as fixed};
    const SCALE: u32 = varint(6);
    const ZERO_COUNT: u32 = fixed(7);
    const POSITIVE: u32 = bytes_tag(8);
    const NEGATIVE: u32 = bytes_tag(9);
    const MIN: u32 = fixed(12);
    const MAX: u32 = fixed(13);
    const ZERO_THRESHOLD: u32 = fixed(14);
    const TAGS: Tags = Tags {
        attributes: bytes_tag(1),
        flags: varint(10),
    };

    let mut data = ExponentialData::default();
    let head = head::read(bytes, TAGS, |tag, message| {
        match tag {
            COUNT => data.count = message.fixed64()?,
            SUM => data.sum = Some(message.double()?),
            SCALE => data.scale = zigzag(message.varint()?),
            ZERO_COUNT => data.zero_count = message.fixed64()?,
            POSITIVE => {
                let side = (&mut data.positive_offset, &mut data.positive);
                buckets(message.bytes()?, side)?;
            }
            NEGATIVE => {
                let side = (&mut data.negative_offset, &mut data.negative);
                buckets(message.bytes()?, side)?;
            }
            MIN => data.min = Some(message.double()?),
            MAX => data.max = Some(message.double()?),
            ZERO_THRESHOLD => data.zero_threshold = message.double()?,
            other => message.skip(other)?,
        }
        Ok(())
    })?;
    Ok((head, PointData::Exponential(data)))
}

fn summary(bytes: &[u8]) -> Result<(Head<'_>, PointData), Fault> {
    const TAGS: Tags = Tags {
        attributes: self::bytes(7),
        flags: varint(8),
    };

    let (mut count, mut sum) = (0, 0.0);
    let head = head::read(bytes, TAGS, |tag, message| {
        match tag {
            COUNT => count = message.fixed64()?,
            SUM => sum = message.double()?,
            other => message.skip(other)?,
        }
        Ok(())
    })?;
    Ok((head, PointData::Summary { count, sum }))
}

fn buckets(bytes: &[u8], (offset, counts): (&mut i32, &mut Vec<u64>)) -> Result<(), Fault> {
    const OFFSET: u32 = varint(1);
    const COUNTS: u32 = varint(2);
    const COUNTS_PACKED: u32 = self::bytes(2);

    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            OFFSET => *offset = zigzag(message.varint()?),
            COUNTS => push(counts, message.varint()?, &message)?,
            COUNTS_PACKED => {
                let mut numbers = Message::new(message.bytes()?);
                while numbers.left() > 0 {
                    push(counts, numbers.varint()?, &numbers)?;
                }
            }
            other => message.skip(other)?,
        }
    }
    Ok(())
}

fn push<T>(list: &mut Vec<T>, number: T, at: &Message<'_>) -> Result<(), Fault> {
    if list.len() == BUCKETS {
        return Err(Fault::new(Flaw::TooManyBuckets, at.rest()));
    }
    list.push(number);
    Ok(())
}

/// Adds numbers of eight bytes that stand next to each other.
fn packed<T>(
    list: &mut Vec<T>,
    message: &mut Message<'_>,
    number: fn([u8; 8]) -> T,
) -> Result<(), Fault> {
    let (numbers, rest) = message.bytes()?.as_chunks();
    if !rest.is_empty() {
        return Err(Fault::new(Flaw::Packed, rest));
    }
    if numbers.len() > BUCKETS.saturating_sub(list.len()) {
        return Err(Fault::new(Flaw::TooManyBuckets, message.rest()));
    }
    list.extend(numbers.iter().map(|bytes| number(*bytes)));
    Ok(())
}

/// A `sint32`: the lowest bit is the sign.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
const fn zigzag(number: u64) -> i32 {
    let number = number as u32;
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
