//! Reads what [`export`](crate::export) wrote.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fault, Fields, fault};
use super::lines::Lines;
use super::{ImportError, Imported, LeftOut, Limits, Reason, Source};
use crate::export::{FORMAT, VERSION};
use crate::state::savable::check_message;
use crate::{Message, SessionState, Work};

/// The line behind the head.
const WORK_LINE: u64 = 2;

/// One line.
enum Record {
    Work(Box<Work>),
    Message(Box<Message>),
    Context(Vec<Range<usize>>),
    End {
        messages: usize,
    },
    /// Of a later writer.
    Unknown(String),
}

#[derive(Deserialize)]
struct End {
    messages: usize,
}

impl Record {
    fn of(line: &[u8]) -> Result<Self, Fault> {
        let fields = Fields::of_line(line)?;
        Ok(if let Some(work) = fields.raw("work") {
            Self::Work(Box::new(typed(work)?))
        } else if let Some(message) = fields.raw("message") {
            Self::Message(Box::new(typed(message)?))
        } else if let Some(context) = fields.raw("context") {
            Self::Context(typed(context)?)
        } else if let Some(end) = fields.raw("end") {
            let End { messages } = typed(end)?;
            Self::End { messages }
        } else {
            Self::Unknown(fields.first().unwrap_or_default().to_owned())
        })
    }
}

fn typed<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Fault> {
    serde_json::from_str(raw.get()).map_err(|error| fault(&error))
}

/// Which messages of the file came through.
#[derive(Debug, Default)]
struct Places {
    /// Of those that did not, the places in the file.
    lost: Vec<usize>,
    seen: usize,
}

impl Places {
    fn lose(&mut self) {
        self.lost.push(self.seen);
        self.seen += 1;
    }

    /// How many came through of those before the place.
    fn kept(&self, place: usize) -> usize {
        let place = place.min(self.seen);
        place - self.lost.partition_point(|lost| *lost < place)
    }

    /// The ranges, of what came through.
    fn ranges(&self, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
        let kept = ranges
            .iter()
            .map(|range| self.kept(range.start)..self.kept(range.end));
        kept.filter(|range| !range.is_empty()).collect()
    }
}

/// Whether a line is the first one of an export.
pub(super) fn is_head(fields: &Fields<'_>) -> bool {
    fields.text("format").as_deref() == Some(FORMAT)
}

pub(super) fn of_lines(mut lines: Lines<'_>, limits: &Limits) -> Result<Imported, ImportError> {
    let nothing = |lines: &Lines<'_>| ImportError::Nothing {
        source_of: Source::Export,
        lines: lines.count(),
    };
    let Some(first) = lines.next()? else {
        return Err(nothing(&lines));
    };
    let head = Fields::of_line(&first.bytes).ok().filter(is_head);
    let Some(head) = head else {
        return Err(nothing(&lines));
    };
    match head.number("version") {
        Some(version) if version > VERSION => return Err(ImportError::Newer(version)),
        _ => {}
    }
    let id = head.text("session");
    let mut state = SessionState::default();
    let mut left_out = LeftOut::default();
    let mut context = None;
    let mut end = None;
    let mut kept: u64 = 0;
    let mut places = Places::default();
    while let Some(line) = lines.next()? {
        let number = line.number;
        let record = match Record::of(&line.bytes) {
            Ok(record) if !line.is_too_long => record,
            read => {
                let reason = match read {
                    _ if line.is_too_long => Reason::TooLong,
                    _ if !line.is_ended => Reason::CutOff,
                    Ok(_) => Reason::Malformed,
                    Err(fault) => fault,
                };
                left_out.note(reason, "", number);
                // Behind the head and the work there are messages; what lies behind those is known by its beginning.
                let others = [&br#"{"context""#[..], br#"{"end""#];
                if number > WORK_LINE && !others.iter().any(|name| line.bytes.starts_with(name)) {
                    places.lose();
                }
                continue;
            }
        };
        kept = kept.saturating_add(line.bytes.len() as u64);
        if kept > limits.kept_bytes {
            return Err(ImportError::TooLarge {
                what: "bytes of messages",
                max: limits.kept_bytes,
            });
        }
        match record {
            Record::Work(work) => state.work = *work,
            Record::Message(message) if check_message(&message).is_err() => {
                left_out.note(Reason::TooDeep, "message", number);
                places.lose();
            }
            Record::Message(message) => {
                if state.conversation.len() >= limits.messages {
                    return Err(ImportError::TooLarge {
                        what: "messages",
                        max: limits.messages as u64,
                    });
                }
                state.conversation.push(*message);
                places.seen += 1;
            }
            Record::Unknown(name) => left_out.note(Reason::Unknown, &name, number),
            Record::Context(ranges) => context = Some(ranges),
            Record::End { messages } => end = Some(messages),
        }
    }
    // Without its last line a file breaks off, whether or not a line does.
    if end.is_none_or(|messages| messages > state.conversation.len()) && left_out.losses() == 0 {
        left_out.note(Reason::CutOff, "end", lines.count());
    }
    Ok(Imported {
        state,
        source: Source::Export,
        id,
        context: context.map(|ranges| places.ranges(&ranges)),
        branches: Vec::new(),
        left_out,
    })
}
