//! One event or span on its way through a reader.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::super::seen::{Channel, Seen, What, Who};
use super::super::wire::SpanStatus;
use super::field::{Facts, Field};
use super::source::Source;
use super::who::{self, Origin};

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recognised {
    /// By the row of this name.
    Known(&'static str, Notes),
    /// Its name is not in the table. Nothing of it was kept.
    Unknown,
    /// An event that is content, by the row of this name. Nothing of it was kept.
    Refused(&'static str),
}

/// Who told the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SessionFrom {
    /// Nobody.
    #[default]
    Nobody,
    /// The item.
    Item,
    /// The resource, by the name of its instance or the number of its process: all sessions of a process are one.
    Resource,
    /// The trace that a span is of.
    Trace,
}

/// What was mended on the way, for the caller to count.
#[expect(clippy::struct_excessive_bools, reason = "each is a cause of its own")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    pub(crate) session: SessionFrom,
    /// Input was told without the cached tokens where the convention includes them: they were added.
    pub(crate) exclusive_input: bool,
    /// Reasoning was told beside the output where the convention includes it: it was added.
    pub(crate) exclusive_output: bool,
    /// An id had characters that ids have not, and got others.
    pub(crate) mended_id: bool,
    /// An id was too long, and was left out.
    pub(crate) dropped_id: bool,
    /// It had no time; it stands at 1970 until the caller puts the time of arrival.
    pub(crate) no_time: bool,
    /// The name is known, but what makes it a fact is missing: nothing was seen.
    pub(crate) incomplete: bool,
    /// The SDK had no room for its attributes: it belongs to nobody.
    pub(crate) overflow: bool,
}

/// An event or a span, and what is known about it.
#[derive(Debug)]
pub(super) struct Item<'i> {
    pub(super) source: &'i Source<'i>,
    pub(super) facts: Facts<'i>,
    pub(super) channel: Channel,
    pub(super) at: Timestamp,
    /// When a span began, and how long it took.
    pub(super) began: Option<(Timestamp, Duration)>,
    /// The span that it is.
    pub(super) span: Option<(u128, u64)>,
    /// The span that an event happened in.
    pub(super) within: Option<(u128, u64)>,
    pub(super) fingerprint: Option<u128>,
    pub(super) status: SpanStatus,
    pub(super) notes: Notes,
}

impl Item<'_> {
    pub(super) fn who(&mut self) -> Who {
        let origin = Origin {
            source: self.source,
            facts: &self.facts,
            trace: self.span.map(|(trace, _)| trace),
        };
        who::of(&origin, &mut self.notes)
    }

    pub(super) fn seen(&mut self, what: What) -> Seen {
        Seen {
            who: self.who(),
            at: self.at,
            channel: self.channel,
            what,
        }
    }

    /// How long it took, as it says itself or as the span did.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        let told = self.facts.double(Field::LatencyMs).and_then(millis);
        told.or_else(|| self.began.map(|(_, elapsed)| elapsed))
    }
}

pub(super) fn millis(amount: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(amount / 1e3).ok()
}

pub(super) fn seconds(amount: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(amount).ok()
}

/// Nanoseconds since 1970 as they are sent.
pub(super) fn timestamp(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
