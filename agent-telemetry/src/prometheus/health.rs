//! What a recorder says of itself, on the page.

use std::fmt;

use super::exposition::Exposition;
use super::lines::Number;
use crate::{Health, InstrumentKind};

use InstrumentKind::{Counter, Gauge};

impl<W: fmt::Write> Exposition<W> {
    /// Writes how a recorder is doing: records taken, stored, waiting and dropped, and whether the sink refuses.
    ///
    /// ```
    /// use agent_telemetry::prometheus::{Exposition, Format};
    /// use agent_telemetry::{MemorySink, Telemetry};
    ///
    /// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
    /// let mut page = String::new();
    /// Exposition::new(&mut page, Format::Text).health(&telemetry.health())?;
    /// assert!(page.contains("\nagent_telemetry_writer_running 1\n"));
    /// assert!(page.contains("\nagent_telemetry_records_dropped_total{cause=\"queue_full\"} 0\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn health(&mut self, health: &Health) -> fmt::Result {
        let refuses = u64::from(health.error.is_some());
        for (name, kind, help, value) in [
            (
                "agent_telemetry_records_accepted",
                Counter,
                "Records taken into the queue.",
                health.accepted,
            ),
            (
                "agent_telemetry_records_stored",
                Counter,
                "Records that the sink has stored.",
                health.stored,
            ),
            (
                "agent_telemetry_records_waiting",
                Gauge,
                "Records on their way to the sink.",
                health.waiting as u64,
            ),
            (
                "agent_telemetry_failed_writes",
                Counter,
                "Writes that the sink refused.",
                health.failed_writes,
            ),
            (
                "agent_telemetry_sink_refuses",
                Gauge,
                "1 while the sink has refused the last write.",
                refuses,
            ),
            (
                "agent_telemetry_wakeups",
                Counter,
                "Times that the threads of the recorder have woken.",
                health.wakeups,
            ),
            (
                "agent_telemetry_writer_running",
                Gauge,
                "1 while the writer thread lives.",
                u64::from(health.running),
            ),
        ] {
            if self.begin(name, None, kind, help)? {
                self.labels.clear();
                self.value(Number::Count(value))?;
            }
        }
        let help = "Records that will not be stored, by cause.";
        if self.begin("agent_telemetry_records_dropped", None, Counter, help)? {
            let dropped = health.dropped;
            for (cause, count) in [
                ("queue_full", dropped.queue_full),
                ("after_shutdown", dropped.after_shutdown),
                ("sink_failed", dropped.sink_failed),
                ("unrecognised", dropped.unrecognised),
            ] {
                self.labels.clear();
                self.labels.push("cause", cause);
                self.value(Number::Count(count))?;
            }
        }
        Ok(())
    }
}
