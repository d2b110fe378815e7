//! Why a hook was not taken.

use super::input::LONGEST;

/// What was handed over is not what a hook or the status line of Claude Code gets. Nothing of it was taken.
///
/// No text of what was handed over is in it.
///
/// ```
/// use agent_telemetry::otlp::InvalidHook;
///
/// let error = InvalidHook::NoSession;
/// assert!(error.to_string().ends_with("hand over the JSON of Claude Code's stdin unchanged"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHook {
    /// It is larger than what is read.
    #[error(
        "hook of {bytes} bytes, and at most {LONGEST} are read; take out `tool_input` and `tool_response`, which are \
         not needed"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is no JSON object, or what is read of it is of another type.
    #[error(
        "no JSON of a hook at line {line}, column {column}; hand over the JSON of Claude Code's stdin unchanged, one \
         object a call"
    )]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1; 0 where a line ends before it.
        column: usize,
    },
    /// It does not say which session it is of.
    #[error("hook without `session_id`; hand over the JSON of Claude Code's stdin unchanged")]
    NoSession,
    /// Its session is none that has a name here.
    #[error(
        "`session_id` of a hook has more than 128 bytes, or other characters than letters, digits and `. _ - : @`; \
         hand over the JSON of Claude Code's stdin unchanged"
    )]
    Session,
}
