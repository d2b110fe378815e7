//! What is wrong with a setting, where it stands, and what to write instead.

use std::fmt;

/// A setting that cannot hold: where it stands, what is wrong with it, and what to do.
///
/// ```
/// use agent_resilience::{RetryPolicy, SettingFault, Settings};
///
/// let error = RetryPolicy::from_json(r#"{"max_attempts": 0}"#).unwrap_err();
/// assert_eq!((error.path(), error.fault()), ("max_attempts", SettingFault::Zero));
/// assert_eq!(error.to_string(), "max_attempts: is 0; give at least 1 or leave it out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig {
    path: String,
    fault: SettingFault,
    what: String,
    cure: String,
}

/// What is wrong with a setting, in one word.
///
/// ```
/// use agent_resilience::{RetryPolicy, SettingFault, Settings};
///
/// let error = RetryPolicy::from_json(r#"{"max_attempt": 3}"#).unwrap_err();
/// assert_eq!(error.fault(), SettingFault::UnknownField);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingFault {
    /// No setting has this name.
    UnknownField,
    /// A setting that has no default is left out.
    Missing,
    /// It is of another type, or no JSON at all.
    Malformed,
    /// Zero, where nothing would then ever happen or everything at once.
    Zero,
    /// Below zero.
    Negative,
    /// Too small or too large.
    OutOfRange,
    /// It contradicts another setting.
    Contradiction,
}

impl InvalidConfig {
    /// The setting at `path` is `what`; `cure` says what to do. For settings of a host's own.
    ///
    /// ```
    /// use agent_resilience::{InvalidConfig, SettingFault};
    ///
    /// let error = InvalidConfig::new(SettingFault::Zero, "workers", "is 0", "give at least 1");
    /// assert_eq!(error.to_string(), "workers: is 0; give at least 1");
    /// ```
    pub fn new(
        fault: SettingFault,
        path: impl Into<String>,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            fault,
            what: what.into(),
            cure: cure.into(),
        }
    }

    /// The same, where the settings stand in others under the name `parent`.
    ///
    /// ```
    /// use agent_resilience::{InvalidConfig, SettingFault};
    ///
    /// let error = InvalidConfig::new(SettingFault::Zero, "max", "is 0", "give at least 1");
    /// assert_eq!(error.under("workers").path(), "workers.max");
    /// ```
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => parent.to_owned(),
            path if path.starts_with('[') => format!("{parent}{path}"),
            path => format!("{parent}.{path}"),
        };
        self
    }

    /// Where the setting stands, such as `rate_limit.windows[1].limit`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong with it, in one word.
    pub fn fault(&self) -> SettingFault {
        self.fault
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "the settings: ")?;
        } else {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.what, self.cure)
    }
}

impl std::error::Error for InvalidConfig {}

/// Refuses a duration of zero.
pub(crate) fn not_zero(
    path: &str,
    duration: std::time::Duration,
    cure: &str,
) -> Result<(), InvalidConfig> {
    if duration.is_zero() {
        return Err(InvalidConfig::new(SettingFault::Zero, path, "is 0", cure));
    }
    Ok(())
}

/// A setting that contradicts another.
pub(crate) fn contradiction(
    path: impl Into<String>,
    what: impl Into<String>,
    cure: &str,
) -> InvalidConfig {
    InvalidConfig::new(SettingFault::Contradiction, path, what, cure)
}
