//! Spans, and the events of Codex on them.

use std::time::Duration;

use super::super::seen::{Channel, Seen, What};
use super::super::wire::{Span, SpanEvent};
use super::field::{Facts, Field};
use super::item::{Item, Notes, Recognised, timestamp};
use super::log::read;
use super::source::{Sender, Source};
use super::table::{self, Row, Signal};

/// Of a span that is a client's, in the protocol.
const CLIENT: i32 = 3;
/// Most events of one span that are looked at.
const EVENTS: usize = 1_024;

/// What a span means, by its name or by the attribute that says what it is. What it says is put behind what is in
/// `out`.
pub(crate) fn of_span(source: &Source<'_>, span: &Span<'_>, out: &mut Vec<Seen>) -> Recognised {
    if source.sender == Sender::GeminiCli {
        return Recognised::Known("gemini_cli spans", Notes::default());
    }
    if source.sender == Sender::Codex {
        return codex(source, span, out);
    }
    let facts = Facts::of(&span.attributes);
    let Some(row) = row(span, &facts) else {
        return Recognised::Unknown;
    };
    let is_tool = facts.text(Field::Operation) == Some("execute_tool");
    if is_tool && facts.has(Field::Protocol) {
        // Of the two ends of MCP; the agent's own span encloses it.
        return Recognised::Known("mcp spans", Notes::default());
    }
    let mut item = item(source, span, facts);
    read(row, &mut item, out)
}

fn item<'i>(source: &'i Source<'i>, span: &'i Span<'_>, facts: Facts<'i>) -> Item<'i> {
    let elapsed = Duration::from_nanos(span.end.saturating_sub(span.start));
    Item {
        source,
        facts,
        channel: Channel::Span,
        at: timestamp(span.end),
        began: Some((timestamp(span.start), elapsed)),
        span: Some((span.trace_id, span.span_id)),
        within: None,
        fingerprint: None,
        status: span.status,
        notes: Notes {
            no_time: span.end == 0,
            ..Notes::default()
        },
    }
}

fn row(span: &Span<'_>, facts: &Facts<'_>) -> Option<&'static Row> {
    if let Some(row) = table::find(Signal::Span, &span.name) {
        return Some(row);
    }
    let by = |signal, field| table::find(signal, facts.text(field)?);
    // An unknown operation is one, whatever else the span says.
    if facts.has(Field::Operation) {
        return by(Signal::Operation, Field::Operation);
    }
    by(Signal::Kind, Field::SpanKind)
        .or_else(|| by(Signal::Request, Field::RequestType))
        .or_else(|| by(Signal::Entity, Field::Entity))
        .or_else(|| unnamed(span, facts))
}

/// A request of the first generation, which had no names of operations: a client's, to a provider, for tokens.
fn unnamed(span: &Span<'_>, facts: &Facts<'_>) -> Option<&'static Row> {
    let is_call = span.kind == CLIENT
        && facts.has(Field::Provider)
        && facts.has(Field::RequestModel)
        && facts.has(Field::Output);
    is_call
        .then(|| table::find(Signal::Operation, "chat"))
        .flatten()
}

/// Codex tells on events of its spans what it tells as log records. Calls of models and tools are taken from both, since
/// the same call is known again; what no second channel may tell is taken from the log alone.
fn codex(source: &Source<'_>, span: &Span<'_>, out: &mut Vec<Seen>) -> Recognised {
    let mut recognised = Recognised::Known("codex spans", Notes::default());
    for (event, place) in span.events.iter().take(EVENTS).zip(1_u128..) {
        let facts = Facts::of(&event.attributes);
        let name = facts.text(Field::EventName).unwrap_or(&event.name);
        let Some(row) = table::find(Signal::Event, name) else {
            continue;
        };
        let mut item = Item {
            at: timestamp(event.time),
            began: None,
            span: None,
            within: Some((span.trace_id, span.span_id)),
            fingerprint: Some(fingerprint(span, event, place)),
            ..item(source, span, facts)
        };
        let before = out.len();
        recognised = read(row, &mut item, out);
        let told_twice = |seen: &Seen| matches!(seen.what, What::Call(_) | What::Tool(_));
        if !out.iter().skip(before).all(told_twice) {
            out.truncate(before);
        }
    }
    recognised
}

/// The same for the same event of the same span.
fn fingerprint(span: &Span<'_>, event: &SpanEvent<'_>, place: u128) -> u128 {
    let of_span = u128::from(span.span_id) << 64 | u128::from(event.time);
    span.trace_id.rotate_left(32) ^ of_span ^ place << 120
}
