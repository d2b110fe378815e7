//! The names, one row for each, grouped by who speaks so.

mod claude_code;
mod codex;
mod gemini;
mod genai;
mod goose;
mod openinference;
mod openllmetry;
mod others;
mod own;

use std::sync::LazyLock;

use super::super::seen::{Bucket, Seen};
use super::field::{Key, Keys};
use super::index::Index;
use super::item::Item;
use super::unit::Measure;

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Of a log record that is an event.
    Event,
    /// Of a span.
    Span,
    /// The value of `gen_ai.operation.name`.
    Operation,
    /// The value of `openinference.span.kind`.
    Kind,
    /// The value of `llm.request.type`.
    Request,
    /// The value of `traceloop.span.kind`.
    Entity,
    Metric,
}

impl Signal {
    pub(super) const ALL: [Self; 7] = [
        Self::Event,
        Self::Span,
        Self::Operation,
        Self::Kind,
        Self::Request,
        Self::Entity,
        Self::Metric,
    ];
}

pub(super) type Reader = fn(&mut Item<'_>, &mut Vec<Seen>);

/// How an item of the name, or a metric, is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    With(Reader),
    /// Another name tells the same, or it is nothing that records have a place for.
    Silent,
    /// Content.
    Refused,
    /// A metric that counts tokens, by their type.
    Tokens(&'static [(&'static str, Bucket)]),
    /// A metric that counts one thing.
    Amount(Bucket),
    /// A histogram with one measurement for each request to a model.
    Calls,
    /// Lines, by `type`.
    Lines,
    /// Files, where the operation is one of these.
    Files(&'static [&'static str]),
    /// Sessions that began.
    Began,
    /// A metric of its own name, and for each of these values of its sort one with the value behind the name.
    Plain(&'static [&'static str], Option<Measure>),
}

/// A name.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) signal: Signal,
    pub(super) name: &'static str,
    pub(super) read: Read,
    /// What it becomes, for the page.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the page, which a test holds to it")
    )]
    pub(super) becomes: &'static str,
}

/// The names of one speaker.
#[derive(Debug)]
pub(super) struct Group {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the page, which a test holds to it")
    )]
    pub(super) title: &'static str,
    /// Where the names are from.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the page, which a test holds to it")
    )]
    pub(super) from: &'static str,
    pub(super) rows: &'static [Row],
    pub(super) keys: &'static [Key],
}

/// In the order in which their attributes count, where two tell the same.
pub(super) const GROUPS: [&Group; 9] = [
    &genai::GROUP,
    &claude_code::GROUP,
    &codex::GROUP,
    &gemini::GROUP,
    &openinference::GROUP,
    &openllmetry::GROUP,
    &goose::GROUP,
    &others::GROUP,
    &own::GROUP,
];

const fn event(name: &'static str, read: Reader, becomes: &'static str) -> Row {
    row(Signal::Event, name, Read::With(read), becomes)
}

const fn silent(signal: Signal, name: &'static str, becomes: &'static str) -> Row {
    row(signal, name, Read::Silent, becomes)
}

const fn refused(name: &'static str) -> Row {
    row(Signal::Event, name, Read::Refused, "refused: content")
}

const fn metric(name: &'static str, read: Read, becomes: &'static str) -> Row {
    row(Signal::Metric, name, read, becomes)
}

/// A metric that stays one.
const fn plain(name: &'static str) -> Row {
    metric(name, Read::Plain(&[], None), "metric")
}

const fn row(signal: Signal, name: &'static str, read: Read, becomes: &'static str) -> Row {
    Row {
        signal,
        name,
        read,
        becomes,
    }
}

/// The row of a name.
pub(super) fn find(signal: Signal, name: &str) -> Option<&'static Row> {
    static ROWS: LazyLock<[Index<&'static Row>; 7]> = LazyLock::new(|| {
        Signal::ALL.map(|signal| {
            let rows = GROUPS.iter().flat_map(|group| group.rows);
            let rows = rows.filter(|row| row.signal == signal);
            Index::new(&rows.map(|row| (row.name, row)).collect::<Vec<_>>())
        })
    });
    ROWS.get(signal as usize)?.get(name)
}

/// The keys of attributes.
pub(super) fn keys() -> &'static Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let keys = GROUPS.iter().flat_map(|group| group.keys);
        let ranked = keys
            .zip(0..)
            .map(|(key, rank)| (key.name, (rank, key.field)));
        Index::new(&ranked.collect::<Vec<_>>())
    });
    &KEYS
}
