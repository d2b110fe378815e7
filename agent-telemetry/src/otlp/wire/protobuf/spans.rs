//! Spans.

use std::borrow::Cow;

use super::super::found::{Entry, Found, Room};
use super::super::item::{Span, SpanEvent, SpanStatus};
use super::super::limits::{Budget, ReadLimits};
use super::super::malformed::Fault;
use super::super::tell::{Spans, tell};
use super::super::visit::VisitSpans;
use super::layers::{self, FoundBytes};
use super::message::{Message, bytes, fixed64, varint};
use super::run::Finder;
use super::texts::Texts;
use super::{attribute, id};

const TRACE_ID: u32 = bytes(1);
const SPAN_ID: u32 = bytes(2);
const PARENT: u32 = bytes(4);
const NAME: u32 = bytes(5);
const KIND: u32 = varint(6);
const START: u32 = fixed64(7);
const END: u32 = fixed64(8);
const ATTRIBUTES: u32 = bytes(9);
const EVENTS: u32 = bytes(11);
const STATUS: u32 = bytes(15);
// Event
const EVENT_TIME: u32 = fixed64(1);
const EVENT_NAME: u32 = bytes(2);
const EVENT_ATTRIBUTES: u32 = bytes(3);
// Status
const CODE: u32 = varint(3);

pub(in super::super) fn read_spans<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitSpans<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    layers::collect(body, &mut found, check)?;
    tell(found, limits, room, &mut Spans::new(visitor, read))
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
            NAME => drop(message.text()?),
            EVENTS => check_event(message.bytes()?, found.depth)?,
            STATUS => drop(status(message.bytes()?)?),
            other => message.skip(other)?,
        }
    }
    attributes.found().check(found.depth)?;
    found.item(Entry::Item(bytes), bytes)
}

fn check_event(bytes: &[u8], depth: usize) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    let mut attributes = Finder::new(bytes, EVENT_ATTRIBUTES);
    loop {
        let before = message.left();
        let Some(tag) = message.tag()? else {
            break;
        };
        match tag {
            EVENT_ATTRIBUTES => attributes.attributes(&mut message, before)?,
            EVENT_NAME => drop(message.text()?),
            other => message.skip(other)?,
        }
    }
    attributes.found().check(depth)
}

/// Reads a span in the place of another.
fn read<'a>(bytes: &'a [u8], span: &mut Span<'a>, budget: &mut Budget) -> Result<(), Fault> {
    span.clear();
    let mut texts = Texts::of(bytes);
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            ATTRIBUTES => {
                attribute::read(message.bytes()?, &mut texts, budget, &mut span.attributes)?;
            }
            TRACE_ID => span.trace_id = id::trace(message.bytes()?).unwrap_or(0),
            SPAN_ID => span.span_id = id::span(message.bytes()?).unwrap_or(0),
            PARENT => span.parent = id::span(message.bytes()?),
            NAME => span.name = Cow::Borrowed(message.text()?),
            KIND => span.kind = super::int32(message.varint()?),
            START => span.start = message.fixed64()?,
            END => span.end = message.fixed64()?,
            EVENTS => {
                let bytes = message.bytes()?;
                if budget.admits(span.events.len(), budget.events) {
                    span.events.push(event(bytes, budget)?);
                }
            }
            STATUS => {
                if let Some(status) = status(message.bytes()?)? {
                    span.status = status;
                }
            }
            other => message.skip(other)?,
        }
    }
    Ok(())
}

fn event<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<SpanEvent<'a>, Fault> {
    let mut message = Message::new(bytes);
    let mut event = SpanEvent::default();
    let mut texts = Texts::of(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            EVENT_TIME => event.time = message.fixed64()?,
            EVENT_NAME => event.name = Cow::Borrowed(message.text()?),
            EVENT_ATTRIBUTES => {
                attribute::read(message.bytes()?, &mut texts, budget, &mut event.attributes)?;
            }
            other => message.skip(other)?,
        }
    }
    Ok(event)
}

/// What a status says, if it says it.
fn status(bytes: &[u8]) -> Result<Option<SpanStatus>, Fault> {
    let mut message = Message::new(bytes);
    let mut status = None;
    while let Some(tag) = message.tag()? {
        match tag {
            CODE => status = Some(SpanStatus::from_code(super::int32(message.varint()?))),
            other => message.skip(other)?,
        }
    }
    Ok(status)
}
