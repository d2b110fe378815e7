//! Points of sums and gauges.

use super::super::found::{Entry, NumberPoint};
use super::super::item::Number;
use super::super::malformed::Fault;
use super::super::raw::RawAttributes;
use super::message::{Message, bytes, fixed64, varint};
use super::run::Finder;

const START: u32 = fixed64(2);
const TIME: u32 = fixed64(3);
const AS_DOUBLE: u32 = fixed64(4);
const AS_INT: u32 = fixed64(6);
const ATTRIBUTES: u32 = bytes(7);
const FLAGS: u32 = varint(8);

/// Reads a `NumberDataPoint`, and checks its attributes.
#[inline]
pub(super) fn read(bytes: &[u8], depth: usize) -> Result<Entry<'_, &[u8]>, Fault> {
    let mut message = Message::new(bytes);
    let mut attributes = Finder::new(bytes, depth);
    let mut point = NumberPoint::default();
    loop {
        let before = message.left();
        let Some(tag) = message.tag()? else {
            break;
        };
        match tag {
            ATTRIBUTES => attributes.attribute(&mut message, before)?,
            START => point.start = message.fixed64()?,
            TIME => point.time = message.fixed64()?,
            AS_DOUBLE => point.number = Some(Number::Double(message.double()?)),
            AS_INT => point.number = Some(Number::Int(message.fixed64()?.cast_signed())),
            FLAGS => point.no_recorded_value = message.varint()? & 1 != 0,
            other => message.skip(other)?,
        }
    }
    let attributes = RawAttributes::protobuf(attributes.finish(ATTRIBUTES)?);
    Ok(Entry::Number(attributes, point))
}
