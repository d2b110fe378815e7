//! Points of sums and gauges.

use super::super::found::NumberPoint;
use super::super::item::Number;
use super::super::malformed::Fault;
use super::super::raw::RawAttributes;
use super::attribute;
use super::cursor::Cursor;

/// Reads a `NumberDataPoint`, and checks its attributes.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    depth: usize,
) -> Result<(RawAttributes<'a>, NumberPoint), Fault> {
    let mut attributes = "";
    let mut point = NumberPoint::default();
    cursor.object(|cursor, name| {
        match name {
            "attributes" => attributes = attribute::check(cursor, depth)?,
            "startTimeUnixNano" => point.start = cursor.u64()?,
            "timeUnixNano" => point.time = cursor.u64()?,
            "asInt" => point.number = Some(Number::Int(cursor.i64()?)),
            "asDouble" => point.number = Some(Number::Double(cursor.f64()?)),
            "flags" => point.no_recorded_value = cursor.u64()? & 1 != 0,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok((RawAttributes::json(attributes), point))
}
