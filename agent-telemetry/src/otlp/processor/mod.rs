//! From requests to records.

mod builder;
mod figures;
mod identity;
mod ingest;
mod items;
mod load;
mod metrics;
mod pending;
mod pieces;
mod recent;
mod scribe;
mod series;
mod shared;
mod state;
mod stored;
mod tell;
mod tickets;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use builder::{ProcessorBuilder, StartProcessorError};
pub use figures::{Figures, Items, Points};

use super::hook::InvalidHook;
use super::ledger::SessionCoverage;
use super::receiver::{Accepted, Encoding, Intake, Receipt, Refused, Signal};
use super::transcript::ClaudeTranscripts;
use crate::{ContextUse, Telemetry};
use shared::Handles;

/// What is seen in transcripts is taken so many at a time.
const CHUNK: usize = 1_024;

/// Makes records of what agents send over OTLP. Clones are handles of the same processor.
///
/// Each item is read by its name, whichever agent or convention it is of; what was there already is not counted again;
/// cumulative values become what was added; and a request that several channels tell (metrics, events, spans,
/// transcripts) becomes one record. What it must know for that is stored with the records, in the same transaction, so
/// that figures stay right over a crash.
///
/// It takes requests synchronously. A thread of its own ends windows, and hands records to the recorder; it sleeps while
/// nothing waits. When the last handle is dropped, what waits is recorded, for which the drop waits up to five seconds.
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::{MemorySink, Stats, Telemetry};
/// use agent_telemetry::otlp::{Encoding, Processor, Signal};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let processor = Processor::builder(&telemetry).start()?;
///
/// let request = r#"{"resourceLogs": [{"scopeLogs": [{"logRecords": [{
///     "timeUnixNano": "1795132800000000000",
///     "body": {"stringValue": "claude_code.api_request"},
///     "attributes": [
///         {"key": "session.id", "value": {"stringValue": "s1"}},
///         {"key": "model", "value": {"stringValue": "claude-haiku-4-5"}},
///         {"key": "request_id", "value": {"stringValue": "req_1"}},
///         {"key": "input_tokens", "value": {"intValue": "1000"}},
///         {"key": "output_tokens", "value": {"intValue": "50"}}
///     ]
/// }]}]}]}"#;
/// // Its answer got lost, so the agent sends it again.
/// for _ in 0..2 {
///     processor.ingest(Signal::Logs, Encoding::Json, request.as_bytes())?;
/// }
/// assert!(processor.flush(Duration::from_secs(5)));
/// let stats = Stats::of(sink.records());
/// assert_eq!((stats.overview.model_calls, stats.overview.usage.total()), (1, 1_050));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Processor(Arc<Handles>);

impl Processor {
    /// A processor that records into `telemetry`, with its options still open.
    pub fn builder(telemetry: &Telemetry) -> ProcessorBuilder {
        ProcessorBuilder::new(telemetry.clone())
    }

    /// Takes one request, inflated. It is taken as a whole or not at all; items that are refused are counted in the
    /// answer, and are not to be sent again.
    ///
    /// # Errors
    /// [`Refused`] says whether the sender is to try again.
    pub fn ingest(
        &self,
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Accepted, Refused> {
        self.0.0.ingest(signal, encoding, body)
    }

    /// Takes what is new in transcripts. A call that was told over OTLP too is counted once, whichever came first.
    ///
    /// Waits for the recorder where it has no room.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_telemetry::{MemorySink, Stats, Telemetry};
    /// use agent_telemetry::otlp::{ClaudeTranscripts, Processor};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let line = r#"{"type":"assistant","sessionId":"s1","timestamp":"2026-11-20T10:00:00.000Z","requestId":"req_1","message":{"id":"msg_1","role":"assistant","model":"claude-haiku-4-5","usage":{"input_tokens":1000,"output_tokens":50},"content":[]}}"#;
    /// // As many lines as the answer has blocks.
    /// std::fs::write(folder.path().join("s1.jsonl"), format!("{line}\n{line}\n"))?;
    ///
    /// let sink = MemorySink::new();
    /// let telemetry = Telemetry::builder(sink.clone()).start()?;
    /// let processor = Processor::builder(&telemetry).start()?;
    /// let mut transcripts = ClaudeTranscripts::new(folder.path());
    /// processor.import(&mut transcripts)?;
    /// processor.import(&mut transcripts)?;
    /// assert!(processor.flush(Duration::from_secs(5)));
    /// let stats = Stats::of(sink.records());
    /// assert_eq!((stats.overview.model_calls, stats.overview.usage.total()), (1, 1_050));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Keep [`ClaudeTranscripts::places`] over a restart, once a [`flush`](Self::flush) said that all is stored: without
    /// them files are read from their beginning, and what they say is known again only as long as its marks are kept.
    ///
    /// # Errors
    /// When the folder cannot be read, or when the recorder does not store what was read, whose places stay as they
    /// were then. Files that cannot be read are counted in [`ClaudeTranscripts::figures`].
    pub fn import(&self, transcripts: &mut ClaudeTranscripts) -> io::Result<()> {
        let before = transcripts.places().clone();
        let (mut waiting, mut taken) = (Vec::new(), true);
        let read = transcripts.read(&mut |seen| {
            if taken {
                waiting.push(seen);
            }
            if waiting.len() >= CHUNK {
                taken = self.0.0.see(&mut waiting);
            }
        });
        taken = taken && self.0.0.see(&mut waiting);
        if !taken {
            // What was taken of it is known again.
            transcripts.go_back(before);
            return Err(io::Error::other(
                "the recorder did not store what was read; mend its sink and import again",
            ));
        }
        read
    }

    /// Takes what Claude Code gives to a hook, or to the status line, on its stdin: one JSON object, of at most 1 MiB.
    /// A hook says what happens when it happens, so that it is at the time of telemetry's clock.
    ///
    /// What is told over OTLP or by transcripts too is counted once. No prompt, and nothing of what a tool was given or
    /// gave, is read.
    ///
    /// Waits for the recorder where it has no room.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_telemetry::{MemorySink, Stats, Telemetry};
    /// use agent_telemetry::otlp::Processor;
    ///
    /// let sink = MemorySink::new();
    /// let telemetry = Telemetry::builder(sink.clone()).start()?;
    /// let processor = Processor::builder(&telemetry).start()?;
    /// processor.hook(br#"{"session_id": "s1", "hook_event_name": "SessionStart", "source": "startup"}"#)?;
    /// processor.hook(br#"{
    ///     "session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1",
    ///     "tool_input": {"command": "cargo test"}, "duration_ms": 1200
    /// }"#)?;
    /// assert!(processor.flush(Duration::from_secs(5)));
    /// let stats = Stats::of(sink.records());
    /// assert_eq!((stats.overview.sessions, stats.overview.tool_calls), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidHook`] where nothing of it could be taken. An event that tells nothing is counted in
    /// [`figures`](Self::figures), and is no error.
    pub fn hook(&self, json: &[u8]) -> Result<(), InvalidHook> {
        self.0.0.hook(json)
    }

    /// Records what waits, that for which other channels may still know more included, and waits until the sink has it.
    /// `false` when time is up or the sink refuses; nothing is lost by it, flush again.
    ///
    /// Blocks the calling thread.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.0.flush(timeout)
    }

    /// What was taken, and what was not, by cause.
    pub fn figures(&self) -> Figures {
        self.0.0.work().state.figures()
    }

    /// How much of each session was seen, in no order.
    pub fn coverage(&self) -> Vec<SessionCoverage> {
        self.0.0.work().state.coverage()
    }

    /// How full the contexts of sessions are, in no order.
    pub fn contexts(&self) -> Vec<ContextUse> {
        self.0.0.work().state.contexts()
    }
}

impl Intake for Processor {
    fn take(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Accepted, Refused> {
        self.ingest(signal, encoding, body)
    }

    fn receive(&self, signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Receipt, Refused> {
        self.0.0.receive(signal, encoding, body)
    }

    fn flush(&self, timeout: Duration) -> bool {
        Processor::flush(self, timeout)
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Processor").field(&self.figures()).finish()
    }
}
