//! What a subscriber reads.

use std::sync::Arc;

use super::LiveTotals;
use crate::Record;

/// One thing that a [`Live`](crate::Live) says.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{LiveConfig, LiveItem, MemorySink, Metric, Record, Telemetry};
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let mut live = telemetry.subscribe(LiveConfig::new().without_totals())?;
/// telemetry.record(Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", 3)));
/// match live.recv(Duration::from_secs(5))? {
///     LiveItem::Record(record) => assert_eq!(record.at, Timestamp::UNIX_EPOCH),
///     LiveItem::Totals(_) | LiveItem::Missed(_) => unreachable!("no totals, and there is room"),
///     _ => {}
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum LiveItem {
    /// Something was recorded. All subscribers share it.
    Record(Arc<Record>),
    /// The totals so far, once in each interval, ahead of the records that wait, and with one of those at least between
    /// two of them.
    Totals(Box<LiveTotals>),
    /// So many records are missing here: they came while there was no room for them.
    Missed(u64),
}
