//! Log records.

use super::super::found::{Entry, Found, Room};
use super::super::item::Log;
use super::super::limits::{Budget, ReadLimits};
use super::super::malformed::Fault;
use super::super::said::Said;
use super::super::tell::{Logs, tell};
use super::super::visit::VisitLogs;
use super::cursor::Cursor;
use super::layers::{self, FoundText, Names};
use super::{attribute, id};

const NAMES: Names = Names {
    resources: "resourceLogs",
    scopes: "scopeLogs",
    items: "logRecords",
};

pub(in super::super) fn read_logs<'a>(
    body: &'a [u8],
    limits: &ReadLimits,
    room: &mut Room,
    visitor: &mut impl VisitLogs<'a>,
) -> Result<(), Fault> {
    let mut found = Found::new(body, limits, room);
    layers::collect(layers::text(body)?, &NAMES, &mut found, check)?;
    tell(found, limits, room, &mut Logs::new(visitor, read))
}

fn check<'a>(cursor: &mut Cursor<'a>, found: &mut FoundText<'a>) -> Result<(), Fault> {
    cursor.peek();
    let start = *cursor;
    let depth = found.depth;
    cursor.object(|cursor, name| {
        match name {
            "attributes" => drop(attribute::check(cursor, depth)?),
            "body" => attribute::check_value(cursor, depth)?,
            "timeUnixNano" | "observedTimeUnixNano" => drop(cursor.u64()?),
            "severityNumber" => drop(cursor.code(severity_code)?),
            "eventName" | "traceId" | "spanId" => drop(cursor.quoted()?),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    found.item(Entry::Item(cursor.since(start)), start.rest())
}

/// Reads a record in the place of another.
fn read<'a>(
    text: &'a str,
    log: &mut Log<'a>,
    budget: &mut Budget,
    said: &mut Said,
) -> Result<(), Fault> {
    log.clear();
    said.begin();
    let mut cursor = Cursor::new(text);
    // All that follows the last time of observation.
    let mut rest = cursor;
    cursor.object(|cursor, name| {
        match name {
            "attributes" => attribute::read_at(cursor, budget, &mut log.attributes)?,
            "body" => log.body = attribute::value(cursor, budget, budget.depth)?,
            "timeUnixNano" => log.time = cursor.u64()?,
            "observedTimeUnixNano" => {
                said.before(cursor.since(rest).as_bytes());
                log.observed = cursor.u64()?;
                rest = *cursor;
            }
            "severityNumber" => log.severity = cursor.code(severity_code)?,
            "eventName" => log.event_name = cursor.text()?,
            "traceId" => log.trace_id = id::trace(cursor)?,
            "spanId" => log.span_id = id::span(cursor)?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    log.fingerprint = said.finish(rest.rest());
    Ok(())
}

/// Such as `SEVERITY_NUMBER_INFO2`: of each of six there are four.
fn severity_code(name: &str) -> Option<i32> {
    let name = name.strip_prefix("SEVERITY_NUMBER_")?;
    if name == "UNSPECIFIED" {
        return Some(0);
    }
    let word = name.trim_end_matches(['2', '3', '4']);
    let words = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let first = (1..).step_by(4).zip(words).find(|(_, it)| *it == word)?.0;
    match name.strip_prefix(word)? {
        "" => Some(first),
        digit => digit
            .parse()
            .ok()
            .filter(|it| (2..=4).contains(it))
            .map(|it: i32| first + it - 1),
    }
}
