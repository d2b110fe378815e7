//! Reads what [`export`](crate::export) wrote.

use std::ops::Range;

use serde::Deserialize;

use super::fields::{Fields, fault};
use super::lines::Lines;
use super::{ImportError, Imported, LeftOut, Limits, Reason, Source};
use crate::export::{FORMAT, VERSION};
use crate::state::savable::check_message;
use crate::{Message, SessionState, Work};

/// One line.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Work(Box<Work>),
    Message(Message),
    Context(Vec<Range<usize>>),
    End { messages: usize },
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
    while let Some(line) = lines.next()? {
        let number = line.number;
        if line.is_too_long {
            left_out.note(Reason::TooLong, "", number);
            continue;
        }
        let record = match serde_json::from_slice(&line.bytes) {
            Ok(record) => record,
            Err(_) if !line.is_ended => {
                left_out.note(Reason::CutOff, "", number);
                continue;
            }
            Err(error) => {
                left_out.note(fault(&error), "", number);
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
            }
            Record::Message(message) => {
                if state.conversation.len() >= limits.messages {
                    return Err(ImportError::TooLarge {
                        what: "messages",
                        max: limits.messages as u64,
                    });
                }
                state.conversation.push(message);
            }
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
        context,
        branches: Vec::new(),
        left_out,
    })
}
