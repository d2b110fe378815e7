//! Log records.

use std::borrow::Cow;

use super::super::found::{Entry, Found, Room};
use super::super::item::Log;
use super::super::limits::{Budget, ReadLimits};
use super::super::malformed::Fault;
use super::super::said::Said;
use super::super::tell::{Logs, tell};
use super::super::visit::VisitLogs;
use super::attribute;
use super::id;
use super::layers::{self, FoundBytes};
use super::message::{Message, bytes, fixed64, varint};
use super::run::Finder;
use super::texts::Texts;

const TIME: u32 = fixed64(1);
const SEVERITY: u32 = varint(2);
const BODY: u32 = bytes(5);
const ATTRIBUTES: u32 = bytes(6);
const TRACE_ID: u32 = bytes(9);
const SPAN_ID: u32 = bytes(10);
const OBSERVED: u32 = fixed64(11);
const EVENT_NAME: u32 = bytes(12);

pub(in super::super) fn read_logs<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitLogs<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    layers::collect(body, &mut found, check)?;
    tell(found, limits, room, &mut Logs::new(visitor, read))
}

fn check<'a>(bytes: &'a [u8], found: &mut FoundBytes<'a>) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    let mut attributes = Finder::new(bytes, ATTRIBUTES);
    loop {
        let before = message.left();
        let Some(tag) = message.tag()? else {
            break;
        };
        match tag {
            ATTRIBUTES => attributes.attributes(&mut message, before)?,
            BODY => attribute::check_value(message.bytes()?, found.depth)?,
            EVENT_NAME => drop(message.text()?),
            other => message.skip(other)?,
        }
    }
    attributes.found().check(found.depth)?;
    found.item(Entry::Item(bytes), bytes)
}

/// Reads a record in the place of another.
fn read<'a>(
    bytes: &'a [u8],
    log: &mut Log<'a>,
    budget: &mut Budget,
    said: &mut Said,
) -> Result<(), Fault> {
    log.clear();
    said.begin();
    let mut texts = Texts::of(bytes);
    // All that follows the last time of observation.
    let mut rest = bytes;
    let mut message = Message::new(bytes);
    loop {
        let start = message.rest();
        let Some(tag) = message.tag()? else {
            break;
        };
        match tag {
            ATTRIBUTES => {
                attribute::read(message.bytes()?, &mut texts, budget, &mut log.attributes)?;
            }
            TIME => log.time = message.fixed64()?,
            OBSERVED => {
                log.observed = message.fixed64()?;
                let before = rest.len() - start.len();
                said.before(rest.get(..before).unwrap_or_default());
                rest = message.rest();
            }
            SEVERITY => log.severity = super::int32(message.varint()?),
            BODY => attribute::read_value(message.bytes()?, &mut log.body, budget, budget.depth)?,
            EVENT_NAME => log.event_name = Cow::Borrowed(message.text()?),
            TRACE_ID => log.trace_id = id::trace(message.bytes()?),
            SPAN_ID => log.span_id = id::span(message.bytes()?),
            other => message.skip(other)?,
        }
    }
    log.fingerprint = said.finish(rest);
    Ok(())
}
