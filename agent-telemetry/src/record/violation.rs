//! Broken rules.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::text::{NAME_BYTES, TEXT_BYTES, bounded};
use crate::words::words;

words! {
    /// How bad it is; ordered.
    ///
    /// ```
    /// use agent_telemetry::Severity;
    ///
    /// assert!(Severity::Info < Severity::Critical);
    /// ```
    Severity {
        /// Worth knowing.
        Info = "info",
        /// Should be mended.
        Warning = "warning",
        /// Must be mended.
        Error = "error",
        /// Must be mended now.
        Critical = "critical",
    }
}

/// A rule of the host that the agent's work breaks: a lint, a failed check, a forbidden call.
///
/// ```
/// use agent_telemetry::{Severity, Violation};
///
/// let found = Violation::new("unwrap_used", Severity::Warning, "call to unwrap")
///     .at("src/login.rs", 41)
///     .fixed();
/// assert_eq!((found.file.as_deref(), found.line, found.fixed), (Some("src/login.rs"), Some(41), true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Violation {
    /// Which rule. At most 128 bytes.
    pub kind: Cow<'static, str>,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in the host's words, stored as the redaction leaves it. At most 4 096 bytes.
    pub message: Cow<'static, str>,
    /// In which file, where known. At most 4 096 bytes.
    pub file: Option<Cow<'static, str>>,
    /// In which line of the file, where known; the first is 1.
    pub line: Option<u32>,
    /// Whether it has been mended by the time of the record.
    pub fixed: bool,
}

impl Violation {
    /// A violation at no known place that is not mended. Longer texts are cut.
    pub fn new(
        kind: impl Into<Cow<'static, str>>,
        severity: Severity,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: bounded(kind.into(), NAME_BYTES),
            severity,
            message: bounded(message.into(), TEXT_BYTES),
            file: None,
            line: None,
            fixed: false,
        }
    }

    /// Sets the file and the line in it.
    #[must_use]
    pub fn at(mut self, file: impl Into<Cow<'static, str>>, line: u32) -> Self {
        self.file = Some(bounded(file.into(), TEXT_BYTES));
        self.line = Some(line);
        self
    }

    /// The same violation, mended.
    #[must_use]
    pub const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }
}
