//! Bytes that come in any pieces into the data of events: server-sent events, or one line each.

use std::fmt;

use crate::classify::{Evidence, Verdict};
use crate::failure::Failure;
use agent_primitives::FailureKind;

/// Cuts the bytes of a reply into events, whatever pieces they come in. At most one event is kept, and
/// none of more than a stated number of bytes: a stream without an end of line costs no memory.
///
/// ```
/// use agent_resilience::EventReader;
///
/// let mut reader = EventReader::sse();
/// let mut seen = Vec::new();
/// for chunk in ["event: delta\nda", "ta: {\"x\":1}\r", "\n\n: a comment\n\ndata: [DONE]\n\n"] {
///     let mut rest = chunk.as_bytes();
///     while let Some(data) = reader.next_event(&mut rest)? {
///         seen.push(String::from_utf8_lossy(data).into_owned());
///     }
/// }
/// assert_eq!(seen, ["{\"x\":1}", "[DONE]"]);
/// # Ok::<(), agent_resilience::EventTooLarge>(())
/// ```
///
/// [`Debug`](std::fmt::Debug) shows how much is kept, and not what.
pub struct EventReader {
    framing: Framing,
    max: usize,
    line: Vec<u8>,
    data: Vec<u8>,
    held: Held,
    /// The last byte was a CR that ended a line: an LF right after it belongs to it.
    after_cr: bool,
    /// Nothing was read yet: a byte order mark may come.
    at_start: bool,
}

/// What the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// At least one line of an event that has not ended, be it empty.
    Begun,
    /// The last event, which was given away.
    Given,
    /// Too large: nothing is read any more.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Sse,
    Lines,
}

impl EventReader {
    /// The largest event unless [set](Self::max_event_bytes): 16 MiB, more than an answer of 128 000
    /// tokens that comes in one piece, with an image beside it.
    pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

    /// For `text/event-stream`, as the HTML standard has it: lines end with LF, CR LF or CR; lines of
    /// data are joined with LF; an event ends with an empty line, and one that does not is none. Names,
    /// comments, ids and events without data are skipped: the vendors repeat the name in the data.
    pub const fn sse() -> Self {
        Self::new(Framing::Sse)
    }

    /// For NDJSON (Ollama, Gemini): each line that is not empty is an event, the last one also when its
    /// end is missing ([`last_event`](Self::last_event)).
    pub const fn lines() -> Self {
        Self::new(Framing::Lines)
    }

    const fn new(framing: Framing) -> Self {
        Self {
            framing,
            max: Self::MAX_EVENT_BYTES,
            line: Vec::new(),
            data: Vec::new(),
            held: Held::Nothing,
            after_cr: false,
            at_start: true,
        }
    }

    /// Sets the largest event: the bytes of one line, and of the data of one event.
    #[must_use]
    pub const fn max_event_bytes(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    /// Reads on in `bytes` until an event is whole; `None` when they are used up.
    ///
    /// # Errors
    /// [`EventTooLarge`], also from then on: where the next event begins is not known.
    pub fn next_event(&mut self, bytes: &mut &[u8]) -> Result<Option<&[u8]>, EventTooLarge> {
        self.forget_given();
        if self.held == Held::Refused {
            return Err(EventTooLarge { max: self.max });
        }
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr)
                && let Some(rest) = bytes.strip_prefix(b"\n")
            {
                *bytes = rest;
                continue;
            }
            let is_sse = self.framing == Framing::Sse;
            let end = bytes
                .iter()
                .position(|byte| *byte == b'\n' || (is_sse && *byte == b'\r'));
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if piece.len() > self.max.saturating_sub(self.line.len()) {
                return Err(self.too_large());
            }
            self.line.extend_from_slice(piece);
            *bytes = rest;
            let Some((ending, rest)) = rest.split_first() else {
                break;
            };
            *bytes = rest;
            self.after_cr = *ending == b'\r';
            if self.end_of_line()? {
                self.held = Held::Given;
                return Ok(Some(&self.data));
            }
        }
        Ok(None)
    }

    /// What stands at the end of the bytes: the last line of [`lines`](Self::lines). Server-sent events
    /// that are not ended are none.
    pub fn last_event(&mut self) -> Option<&[u8]> {
        self.forget_given();
        if self.framing == Framing::Sse || self.line.is_empty() {
            return None;
        }
        if !self.end_of_line().ok()? {
            return None;
        }
        self.held = Held::Given;
        Some(&self.data)
    }

    /// Whether an event was begun and not ended.
    pub fn is_amid_event(&self) -> bool {
        !self.line.is_empty() || self.held == Held::Begun
    }

    fn forget_given(&mut self) {
        if self.held == Held::Given {
            self.data.clear();
            self.held = Held::Nothing;
        }
    }

    #[cold]
    fn too_large(&mut self) -> EventTooLarge {
        self.held = Held::Refused;
        self.line = Vec::new();
        self.data = Vec::new();
        EventTooLarge { max: self.max }
    }

    /// Takes the line; says whether it ends an event, whose data is whole then.
    fn end_of_line(&mut self) -> Result<bool, EventTooLarge> {
        let mut line: &[u8] = &self.line;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if self.framing == Framing::Lines {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            self.data.extend_from_slice(line);
            self.line.clear();
            return Ok(!self.data.is_empty());
        }
        if line.is_empty() {
            self.line.clear();
            return Ok(self.held == Held::Begun);
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', value @ ..]) => Some(value.strip_prefix(b" ").unwrap_or(value)),
            _ => None,
        };
        if let Some(value) = value {
            let joint = usize::from(self.held == Held::Begun);
            if value.len() + joint > self.max.saturating_sub(self.data.len()) {
                return Err(self.too_large());
            }
            if self.held == Held::Begun {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
            self.held = Held::Begun;
        }
        self.line.clear();
        Ok(false)
    }
}

impl fmt::Debug for EventReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader")
            .field("framing", &self.framing)
            .field("max_event_bytes", &self.max)
            .field("line_bytes", &self.line.len())
            .field("data_bytes", &self.data.len())
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

/// An event of more bytes than are read.
///
/// ```
/// use agent_primitives::FailureKind;
/// use agent_resilience::{EventReader, Failure};
///
/// let mut reader = EventReader::lines().max_event_bytes(8);
/// let error = reader.next_event(&mut &b"{\"a\": \"too long"[..]).unwrap_err();
/// assert_eq!(error.to_string(), "an event has more than 8 bytes: allow more, or look what sends it");
/// assert_eq!(Failure::from(error).kind(), FailureKind::StreamCut);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than {max} bytes: allow more, or look what sends it")]
#[non_exhaustive]
pub struct EventTooLarge {
    /// The most that is read.
    pub max: usize,
}

impl From<EventTooLarge> for Failure {
    fn from(error: EventTooLarge) -> Self {
        let verdict = Verdict::new(FailureKind::StreamCut).evidence(Evidence::Stream);
        Self::new(verdict).with_source(error)
    }
}
