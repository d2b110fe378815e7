//! Points of sums and gauges.

use super::super::found::NumberPoint;
use super::super::item::Number;
use super::super::malformed::Fault;
use super::head::{self, Tags};
use super::message::{bytes, fixed64, varint};
use super::run::Run;

const TAGS: Tags = Tags {
    attributes: bytes(7),
    flags: varint(8),
};
const AS_DOUBLE: u32 = fixed64(4);
const AS_INT: u32 = fixed64(6);

/// Reads a `NumberDataPoint`.
#[expect(
    clippy::inline_always,
    reason = "what it makes is large, and copied where it is a call"
)]
#[inline(always)]
pub(super) fn read(bytes: &[u8]) -> Result<(Run<'_>, NumberPoint), Fault> {
    let mut number = None;
    let head = head::read(bytes, TAGS, |tag, message| {
        match tag {
            AS_DOUBLE => number = Some(Number::Double(message.double()?)),
            AS_INT => number = Some(Number::Int(message.fixed64()?.cast_signed())),
            other => message.skip(other)?,
        }
        Ok(())
    })?;
    let point = NumberPoint {
        start: head.start,
        time: head.time,
        no_recorded_value: head.no_recorded_value,
        number,
    };
    Ok((head.attributes, point))
}
