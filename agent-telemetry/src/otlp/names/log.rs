//! Log records that are events.

use agent_primitives::SessionId;

use super::super::seen::{Channel, Seen};
use super::super::wire::{Log, SpanStatus};
use super::field::{Facts, Field};
use super::item::{Item, Notes, Recognised, timestamp};
use super::source::{Sender, Source};
use super::table::{self, Read, Row, Signal};
use super::who::{self, Origin};

/// Longest name of an event, in bytes.
const NAME_BYTES: usize = 128;

/// What an event means, by its name. What it says is put behind what is in `out`.
pub(crate) fn of_log(source: &Source<'_>, log: &Log<'_>, out: &mut Vec<Seen>) -> Recognised {
    let facts = Facts::of(&log.attributes);
    let Some(row) = row(source, log, &facts) else {
        return Recognised::Unknown;
    };
    let is_gemini = source.sender == Sender::GeminiCli;
    if is_gemini && row.name == "gen_ai.client.inference.operation.details" {
        // The same call as `gemini_cli.api_response`, without cache and thoughts.
        return Recognised::Known(row.name, Notes::default());
    }
    let nanos = if log.time == 0 {
        log.observed
    } else {
        log.time
    };
    let mut item = Item {
        source,
        facts,
        channel: Channel::Event,
        at: timestamp(nanos),
        began: None,
        span: None,
        within: log.trace_id.zip(log.span_id),
        fingerprint: Some(log.fingerprint),
        status: SpanStatus::Unset,
        notes: Notes {
            no_time: nanos == 0,
            ..Notes::default()
        },
    };
    read(row, &mut item, out)
}

/// Reads an item by a row.
pub(super) fn read(row: &'static Row, item: &mut Item<'_>, out: &mut Vec<Seen>) -> Recognised {
    match row.read {
        Read::Refused => Recognised::Refused(row.name),
        Read::With(reader) => {
            reader(item, out);
            Recognised::Known(row.name, item.notes)
        }
        _ => Recognised::Known(row.name, item.notes),
    }
}

/// The row of the name: `event_name`, the attribute `event.name`, or the body, as Claude Code has it. It names its
/// events with and without `claude_code.`.
fn row(source: &Source<'_>, log: &Log<'_>, facts: &Facts<'_>) -> Option<&'static Row> {
    let attribute = facts.text(Field::EventName);
    let names = [Some(&*log.event_name), attribute, log.body.text()];
    let names = names.into_iter().flatten();
    let names = names.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES);
    let found = names.clone().find_map(|it| table::find(Signal::Event, it));
    if found.is_some() || source.sender != Sender::ClaudeCode {
        return found;
    }
    let mut prefixed = names.map(|it| format!("claude_code.{it}"));
    prefixed.find_map(|it| table::find(Signal::Event, &it))
}

/// The place of an event in its session, where the sender numbers them: what is missing was lost.
pub(crate) fn sequence_of(source: &Source<'_>, log: &Log<'_>) -> Option<(SessionId, u64)> {
    let facts = Facts::of(&log.attributes);
    let sequence = facts.count(Field::Sequence)?;
    let origin = Origin {
        source,
        facts: &facts,
        trace: None,
    };
    let session = who::session(&origin, &mut Notes::default())?;
    Some((session, sequence))
}
