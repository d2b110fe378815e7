//! Writes a whole session as one file that people and [`import`](crate::import) read.
//!
//! ```
//! use agent_checkpoint::{Message, SessionState, export, import};
//! use agent_primitives::SessionId;
//!
//! let mut state = SessionState::default();
//! state.conversation.push(Message::user("Fix the build."));
//! state.work.next_steps.push("write a test".into());
//!
//! let mut file = Vec::new();
//! export::write(&mut file, &SessionId::new("s1")?, &state, None)?;
//! let text = String::from_utf8(file)?;
//! assert_eq!(text.lines().count(), 4);
//! assert!(text.contains(r#"{"message":{"role":"user","content":"Fix the build."}}"#));
//!
//! let back = import::any(text.as_bytes(), &import::Limits::default())?;
//! assert_eq!(back.state, state);
//! assert!(back.left_out.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A line each: the head with `format`, `version` and `session`; `work`, everything beside the conversation; each
//! `message`; `context`, where it is not the whole conversation; and `end` with the number of messages, which shows
//! that the file is whole. Fields that a reader does not know are to be passed over; a change that a reader must know
//! raises the version.

use std::io::{self, Write};
use std::ops::Range;

use agent_primitives::SessionId;
use serde::Serialize;
use serde_json::json;

use crate::SessionState;

/// What the first line of an export names as its `format`.
pub const FORMAT: &str = "agent-checkpoint-session";
/// Version of the format that this library writes; it reads that and older ones.
pub const VERSION: u64 = 1;

/// Writes a session to `out`, which should be buffered: the state, and which messages of the conversation the model
/// is sent; all where `context` is absent. A host's own components are not part of it.
///
/// What is written is as it is in memory: see to it that nobody reads the file who should not.
///
/// # Errors
/// When `out` cannot be written to, or a value is none that JSON has.
pub fn write(
    out: &mut impl Write,
    session: &SessionId,
    state: &SessionState,
    context: Option<&[Range<usize>]>,
) -> io::Result<()> {
    let head = json!({"format": FORMAT, "version": VERSION, "session": session});
    line(out, &head)?;
    line(out, &Named { work: &state.work })?;
    for message in &state.conversation {
        line(out, &Said { message })?;
    }
    if let Some(context) = context {
        line(out, &json!({"context": context}))?;
    }
    line(out, &json!({"end": {"messages": state.conversation.len()}}))?;
    out.flush()
}

/// Writes the session to a file that is not there yet: whole or not at all, on the device when this returns, for its
/// owner alone (0600 on Unix).
///
/// What is written is what it is given: a state that was read from a store has its secrets masked, one that a session
/// holds has not; see [`Redaction`](crate::redact::Redaction).
///
/// ```
/// use agent_checkpoint::{Message, SessionState, export};
/// use agent_primitives::SessionId;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("s1.jsonl");
/// let mut state = SessionState::default();
/// state.conversation.push(Message::user("Fix the build."));
/// export::write_file(&path, &SessionId::new("s1")?, &state, None)?;
/// assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 4);
///
/// let again = export::write_file(&path, &SessionId::new("s1")?, &state, None);
/// assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As the file system: something is there already, a link included; the folder is missing; there is no room.
#[cfg(feature = "fs")]
pub fn write_file(
    path: impl AsRef<std::path::Path>,
    session: &SessionId,
    state: &SessionState,
    context: Option<&[Range<usize>]>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    write(&mut bytes, session, state, context)?;
    crate::fs::private_file::create(path.as_ref(), &bytes)
}

#[derive(Serialize)]
struct Named<'a> {
    work: &'a crate::Work,
}

#[derive(Serialize)]
struct Said<'a> {
    message: &'a crate::Message,
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
