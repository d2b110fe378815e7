//! How a run fails: what is said, and the exit code.

use std::fmt;

use agent_checkpoint::Error;
use agent_checkpoint::import::ImportError;

/// Something is damaged, or could not be done.
pub(crate) const PROBLEM: u8 = 1;
/// Arguments or files cannot be used.
pub(crate) const USAGE: u8 = 2;
/// What was named is not there.
pub(crate) const NOTHING: u8 = 3;
/// Another program holds the session.
pub(crate) const HELD: u8 = 4;

/// One line that says what to do, and how the program ends.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    text: String,
}

impl Failure {
    pub(crate) fn problem(text: impl Into<String>) -> Self {
        Self::of(PROBLEM, text)
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::of(USAGE, text)
    }

    pub(crate) fn nothing(text: impl Into<String>) -> Self {
        Self::of(NOTHING, text)
    }

    /// With what was found out before.
    pub(crate) fn after(mut self, found: &str) -> Self {
        if !found.is_empty() {
            self.text = format!("{found}; {}", self.text);
        }
        self
    }

    fn of(code: u8, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from_error(&error)
    }
}

impl Failure {
    pub(crate) fn from_error(error: &Error) -> Self {
        let code = if error.is_locked() || error.is_fenced() {
            HELD
        } else if error.is_not_found() {
            NOTHING
        } else if error.is_taken() || error.is_ambiguous() || error.is_invalid() {
            USAGE
        } else {
            PROBLEM
        };
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::of(code, text)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let code = match error {
            ImportError::NoSession(_) => NOTHING,
            _ => USAGE,
        };
        Self::of(code, error.to_string())
    }
}
