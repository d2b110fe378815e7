//! What points of all shapes have.

use super::super::malformed::Fault;
use super::message::{Message, fixed64};
use super::run::{Finder, Run};

const START: u32 = fixed64(2);
const TIME: u32 = fixed64(3);

/// Fields whose numbers differ from shape to shape.
#[derive(Clone, Copy)]
pub(super) struct Tags {
    pub(super) attributes: u32,
    pub(super) flags: u32,
}

pub(super) struct Head<'a> {
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) no_recorded_value: bool,
    /// Not checked yet.
    pub(super) attributes: Run<'a>,
}

/// Reads them, and hands the tags of all other fields to `each`, which takes the field.
#[expect(clippy::inline_always, reason = "the tags are constants to who calls")]
#[inline(always)]
pub(super) fn read<'a>(
    bytes: &'a [u8],
    tags: Tags,
    mut each: impl FnMut(u32, &mut Message<'a>) -> Result<(), Fault>,
) -> Result<Head<'a>, Fault> {
    let mut message = Message::new(bytes);
    let mut attributes = Finder::new(bytes, tags.attributes);
    let (mut start, mut time, mut no_recorded_value) = (0, 0, false);
    loop {
        let before = message.left();
        match message.tag()? {
            None => break,
            Some(tag) if tag == tags.attributes => attributes.attributes(&mut message, before)?,
            Some(START) => start = message.fixed64()?,
            Some(TIME) => time = message.fixed64()?,
            Some(tag) if tag == tags.flags => no_recorded_value = message.varint()? & 1 != 0,
            Some(other) => each(other, &mut message)?,
        }
    }
    Ok(Head {
        start,
        time,
        no_recorded_value,
        attributes: attributes.found(),
    })
}
