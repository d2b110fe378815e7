//! Why a file is not a recorded session.

use std::path::{Path, PathBuf};

/// Why a file or a text is not a recorded session. The message is one line: what, where, and what
/// to do.
///
/// ```
/// use support::{InvalidRecording, Recording};
///
/// let error = Recording::parse(r#"{"history": []}"#).unwrap_err();
/// assert!(matches!(error, InvalidRecording::NoAnswer));
/// assert_eq!(
///     error.to_string(),
///     "history has no assistant message; a recording needs at least one"
/// );
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRecording {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The file is larger than [`Recording::MAX_BYTES`](crate::Recording::MAX_BYTES).
    #[error("has {bytes} bytes; at most {max} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The text is not JSON of the expected shape.
    #[error("not a recorded session: {reason}")]
    Syntax {
        /// What and at which line and column.
        reason: String,
    },
    /// One message of the history makes no sense.
    #[error("history[{index}]: {reason}")]
    Message {
        /// Counted from 0.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// One step of the trajectory makes no sense.
    #[error("trajectory[{index}].execution_time is {seconds}; it must be seconds, zero or more")]
    ExecutionTime {
        /// Counted from 0.
        index: usize,
        /// What stands there.
        seconds: f64,
    },
    /// There is nothing to answer with.
    #[error("history has no assistant message; a recording needs at least one")]
    NoAnswer,
    /// The first message is an answer to nothing.
    #[error("history starts with an assistant message; put what it answers before it")]
    AnswerFirst,
    /// Any of the above, in a file.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<InvalidRecording>,
    },
}

impl InvalidRecording {
    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::File {
            path: path.to_owned(),
            error: Box::new(self),
        }
    }

    pub(super) fn message(index: usize, reason: impl Into<String>) -> Self {
        Self::Message {
            index,
            reason: reason.into(),
        }
    }
}
