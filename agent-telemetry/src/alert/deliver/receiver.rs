//! Who is told.

use std::error::Error;
use std::fmt;

use crate::alert::Notification;

/// Is told of alerts, one by one, on a thread of its own: it may block, and nothing but its own queue waits for it. When it
/// panics it has refused that one for good, and is told of the next.
///
/// ```
/// use agent_telemetry::alert::{Notification, Receive, ReceiveError};
///
/// struct Pager;
/// impl Receive for Pager {
///     fn receive(&mut self, told: &Notification) -> Result<(), ReceiveError> {
///         Err(ReceiveError::later(format!("nobody answers for {}", told.rule)))
///     }
/// }
/// ```
pub trait Receive: Send {
    /// Hears of one change. The same one may come again after a restart, under the same
    /// [`id`](Notification::id), where the process ended before it was known to have been heard.
    ///
    /// # Errors
    /// [`ReceiveError`] says whether to try again, which is done a few times with growing delays.
    fn receive(&mut self, told: &Notification) -> Result<(), ReceiveError>;
}

/// Why somebody could not be told. The cause is its [`source`](Error::source).
///
/// ```
/// use agent_telemetry::alert::ReceiveError;
///
/// assert!(ReceiveError::later("503").is_temporary());
/// assert!(!ReceiveError::never("401").is_temporary());
/// ```
#[derive(Debug)]
pub struct ReceiveError {
    cause: Box<dyn Error + Send + Sync>,
    temporary: bool,
}

impl ReceiveError {
    /// It may work when it is tried again.
    pub fn later(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: cause.into(),
            temporary: true,
        }
    }

    /// It will not work however often it is tried.
    pub fn never(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: cause.into(),
            temporary: false,
        }
    }

    /// Whether it may work when it is tried again.
    pub const fn is_temporary(&self) -> bool {
        self.temporary
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.temporary {
            "nobody could be told of the alert; it is tried again"
        } else {
            "nobody can be told of the alert"
        })
    }
}

impl Error for ReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// A function that cannot fail.
pub(super) struct Callback<F>(pub(super) F);

impl<F: FnMut(&Notification) + Send> Receive for Callback<F> {
    fn receive(&mut self, told: &Notification) -> Result<(), ReceiveError> {
        (self.0)(told);
        Ok(())
    }
}
