//! Why a subscriber got nothing.

use std::fmt;

/// No item: none has come yet, or none will.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::{LiveConfig, MemorySink, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let mut live = telemetry.subscribe(LiveConfig::new().without_totals())?;
/// assert!(live.try_recv().unwrap_err().is_empty());
///
/// telemetry.shutdown(Duration::from_secs(5))?;
/// let error = live.recv(Duration::from_secs(5)).unwrap_err();
/// assert!(error.is_ended());
/// assert_eq!(error.to_string(), "the recorder has stopped");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveError(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Ended,
    Disconnected { missed: u64 },
}

impl LiveError {
    pub(super) const EMPTY: Self = Self(Kind::Empty);
    pub(super) const ENDED: Self = Self(Kind::Ended);

    pub(super) const fn disconnected(missed: u64) -> Self {
        Self(Kind::Disconnected { missed })
    }

    /// Nothing came in time; ask again.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// The recorder has stopped, and everything is read.
    pub const fn is_ended(&self) -> bool {
        matches!(self.0, Kind::Ended)
    }

    /// This reader stayed away for too long. Subscribe again to go on with what comes then.
    pub const fn is_disconnected(&self) -> bool {
        matches!(self.0, Kind::Disconnected { .. })
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Empty => f.write_str("nothing was recorded in this time"),
            Kind::Ended => f.write_str("the recorder has stopped"),
            Kind::Disconnected { missed } => write!(
                f,
                "disconnected, because {missed} records were missed; read faster, or subscribe with more capacity"
            ),
        }
    }
}

impl std::error::Error for LiveError {}
