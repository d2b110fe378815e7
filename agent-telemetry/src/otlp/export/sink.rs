//! The sink that sends records.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use agent_primitives::Clock;

use super::builder::OtlpSinkBuilder;
use super::delivery::Delivery;
use super::drain::Drain;
use super::encoder::Encoder;
use super::request::Request;
use super::stats::OtlpStats;
use crate::{Record, Sink, SinkError};

/// Sends records to a server that speaks OTLP over HTTP: sessions, model calls, tool calls, handoffs and decisions as spans,
/// figures as metrics, and what happens at a moment as log records that are events.
///
/// Names are those of one generation of the GenAI conventions; what they have no name for begins with `agent.`. Ids of
/// traces and spans are made of what they stand for, so that a span that is sent twice is the same span. Nobody's texts go
/// out unless the host [asks for it](OtlpSinkBuilder::with_texts), and people are known by their hashes.
///
/// A server that is away or busy is asked again for as long as [`OtlpRetry`](super::OtlpRetry) says. Then the batch is
/// refused, and offered again by the recorder; of what was taken by then nothing is sent twice. With a
/// [queue on disk](OtlpSinkBuilder::queue) a batch is taken once it is there, and a thread sends it.
///
/// Each batch of the recorder is sent at once, and the next one holds what was recorded meanwhile: a server that is slow gets
/// fewer and larger requests.
///
/// Beside another sink, put both into a [`TeeSink`](crate::TeeSink), which gives people the key of the other one, and let a
/// queue on disk take what a slow server would delay. The sink alone has a new key in every run.
///
/// ```
/// use agent_telemetry::otlp::OtlpSink;
/// use agent_telemetry::{MemorySink, TeeSink, Telemetry};
///
/// let otlp = OtlpSink::builder("http://127.0.0.1:4318").service_name("shop-agents").build()?;
/// let stats = otlp.stats();
/// let telemetry = Telemetry::builder(TeeSink::new(MemorySink::new(), otlp)).start()?;
/// assert_eq!(stats.counts().requests, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OtlpSink {
    encoder: Encoder,
    outlet: Outlet,
    /// What is left of the batch that was refused last.
    pending: Option<Pending>,
    clock: Arc<dyn Clock>,
    stats: OtlpStats,
}

pub(super) enum Outlet {
    Network(Delivery),
    Disk(Drain),
}

struct Pending {
    batch: Vec<Record>,
    requests: VecDeque<Request>,
}

impl OtlpSink {
    /// A sink for the server at this address, such as `http://127.0.0.1:4318`, below which are `/v1/traces`,
    /// `/v1/metrics` and `/v1/logs`.
    pub fn builder(endpoint: &str) -> OtlpSinkBuilder {
        OtlpSinkBuilder::new(endpoint)
    }

    pub(super) fn new(
        encoder: Encoder,
        outlet: Outlet,
        clock: Arc<dyn Clock>,
        stats: OtlpStats,
    ) -> Self {
        Self {
            encoder,
            outlet,
            pending: None,
            clock,
            stats,
        }
    }

    /// What became of what was sent, to be read while a recorder has the sink.
    pub fn stats(&self) -> OtlpStats {
        self.stats.clone()
    }

    fn abandon(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.stats.abandoned(&pending.requests);
        }
    }
}

impl Sink for OtlpSink {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let is_again = self.pending.as_ref().is_some_and(|it| it.batch == batch);
        if !is_again {
            self.abandon();
            let now = self.clock.timestamp();
            let requests = self.encoder.encode(batch, now, &self.stats);
            self.pending = Some(Pending {
                batch: Vec::new(),
                requests,
            });
        }
        let Some(pending) = &mut self.pending else {
            return Ok(());
        };
        let sent = match &mut self.outlet {
            Outlet::Network(delivery) => {
                let sent = delivery.send(&mut pending.requests);
                sent.map_err(SinkError::new)
            }
            Outlet::Disk(drain) => drain.push(&mut pending.requests).map_err(SinkError::new),
        };
        match sent {
            Ok(()) => self.pending = None,
            // To know it again.
            Err(_) if !is_again => pending.batch = batch.to_vec(),
            Err(_) => {}
        }
        sent
    }
}

impl Drop for OtlpSink {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for OtlpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSink")
            .field("counts", &self.stats.counts())
            .finish_non_exhaustive()
    }
}
