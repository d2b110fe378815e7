//! Spans.

use super::super::found::{Entry, Found, Room};
use super::super::item::{Span, SpanEvent, SpanStatus};
use super::super::limits::{Budget, ReadLimits};
use super::super::malformed::Fault;
use super::super::tell::{Spans, tell};
use super::super::visit::VisitSpans;
use super::cursor::Cursor;
use super::layers::{self, FoundText, Names};
use super::{attribute, id};

const NAMES: Names = Names {
    resources: "resourceSpans",
    scopes: "scopeSpans",
    items: "spans",
};

pub(in super::super) fn read_spans<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitSpans<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    layers::collect(layers::text(body)?, &NAMES, &mut found, check)?;
    tell(found, limits, room, &mut Spans::new(visitor, read))
}

fn check<'a>(cursor: &mut Cursor<'a>, found: &mut FoundText<'a>) -> Result<(), Fault> {
    cursor.peek();
    let start = *cursor;
    let depth = found.depth;
    cursor.object(|cursor, name| {
        match name {
            "attributes" => drop(attribute::check(cursor, depth)?),
            "traceId" | "spanId" | "parentSpanId" | "name" => drop(cursor.quoted()?),
            "kind" => drop(cursor.code(kind_code)?),
            "startTimeUnixNano" | "endTimeUnixNano" => drop(cursor.u64()?),
            "events" => cursor.array(|cursor| check_event(cursor, depth))?,
            "status" => drop(status(cursor)?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    found.item(Entry::Item(cursor.since(start)), start.rest())
}

fn check_event(cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    cursor.object(|cursor, name| {
        match name {
            "attributes" => drop(attribute::check(cursor, depth)?),
            "timeUnixNano" => drop(cursor.u64()?),
            "name" => drop(cursor.quoted()?),
            _ => cursor.skip()?,
        }
        Ok(())
    })
}

/// Reads a span in the place of another.
fn read<'a>(text: &'a str, span: &mut Span<'a>, budget: &mut Budget) -> Result<(), Fault> {
    span.clear();
    Cursor::new(text).object(|cursor, name| {
        match name {
            "attributes" => attribute::read_at(cursor, budget, &mut span.attributes)?,
            "traceId" => span.trace_id = id::trace(cursor)?.unwrap_or(0),
            "spanId" => span.span_id = id::span(cursor)?.unwrap_or(0),
            "parentSpanId" => span.parent = id::span(cursor)?,
            "name" => span.name = cursor.text()?,
            "kind" => span.kind = cursor.code(kind_code)?,
            "startTimeUnixNano" => span.start = cursor.u64()?,
            "endTimeUnixNano" => span.end = cursor.u64()?,
            "events" => {
                span.events.clear();
                cursor.array(|cursor| {
                    if !budget.admits(span.events.len(), budget.events) {
                        return check_event(cursor, budget.depth);
                    }
                    span.events.push(event(cursor, budget)?);
                    Ok(())
                })?;
            }
            "status" => span.status = status(cursor)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })
}

fn event<'a>(cursor: &mut Cursor<'a>, budget: &mut Budget) -> Result<SpanEvent<'a>, Fault> {
    let mut event = SpanEvent::default();
    cursor.object(|cursor, name| {
        match name {
            "attributes" => attribute::read_at(cursor, budget, &mut event.attributes)?,
            "timeUnixNano" => event.time = cursor.u64()?,
            "name" => event.name = cursor.text()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(event)
}

fn status(cursor: &mut Cursor<'_>) -> Result<SpanStatus, Fault> {
    let mut status = SpanStatus::Unset;
    cursor.object(|cursor, name| {
        match name {
            "code" => status = SpanStatus::from_code(cursor.code(status_code)?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(status)
}

fn status_code(name: &str) -> Option<i32> {
    Some(match name.strip_prefix("STATUS_CODE_")? {
        "UNSET" => 0,
        "OK" => 1,
        "ERROR" => 2,
        _ => return None,
    })
}

fn kind_code(name: &str) -> Option<i32> {
    Some(match name.strip_prefix("SPAN_KIND_")? {
        "UNSPECIFIED" => 0,
        "INTERNAL" => 1,
        "SERVER" => 2,
        "CLIENT" => 3,
        "PRODUCER" => 4,
        "CONSUMER" => 5,
        _ => return None,
    })
}
