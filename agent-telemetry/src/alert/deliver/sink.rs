//! A sink whose records the rules see.

use super::Alerting;
use crate::{Mark, Record, Sink, SinkError, UserKey};

/// A sink whose records are looked at once it has stored them; made by [`Alerting::around`].
///
/// ```
/// use agent_telemetry::alert::{Alerting, Rules};
/// use agent_telemetry::{MemorySink, Sink};
///
/// let alerting = Alerting::builder(Rules::recommended()).start()?;
/// let mut sink = alerting.around(MemorySink::new());
/// sink.write(&[])?;
/// assert!(alerting.firing().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AlertingSink<S> {
    alerting: Alerting,
    sink: S,
}

impl<S> AlertingSink<S> {
    pub(super) const fn new(alerting: Alerting, sink: S) -> Self {
        Self { alerting, sink }
    }
}

impl<S: Sink> Sink for AlertingSink<S> {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.sink.write(batch)?;
        self.alerting.observe(batch);
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.sink.user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        self.sink.marks()
    }
}
