//! A sink that counts what another one has stored.

use super::Totals;
use crate::{Mark, Record, Sink, SinkError, UserKey};

/// A sink whose records are counted in [`Totals`] once it has stored them; made by [`Totals::around`].
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::prometheus::Totals;
/// use agent_telemetry::{MemorySink, Metric, Record, Sink};
///
/// let memory = MemorySink::new();
/// let mut sink = Totals::new().around(memory.clone());
/// sink.write(&[Record::new(Timestamp::UNIX_EPOCH, Metric::count("files_changed", 2))])?;
/// assert_eq!(memory.records().len(), 1);
/// # Ok::<(), agent_telemetry::SinkError>(())
/// ```
#[derive(Debug)]
pub struct TotalsSink<S> {
    totals: Totals,
    sink: S,
}

impl<S> TotalsSink<S> {
    pub(super) const fn new(totals: Totals, sink: S) -> Self {
        Self { totals, sink }
    }
}

impl<S: Sink> Sink for TotalsSink<S> {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.sink.write(batch)?;
        self.totals.add(batch);
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        self.sink.user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        self.sink.marks()
    }
}
