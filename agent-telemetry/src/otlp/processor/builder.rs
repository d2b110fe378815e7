//! Options of the processor.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use agent_primitives::{Clock, Observer};

use super::Processor;
use super::load;
use super::scribe;
use super::shared::{Handles, Shared};
use super::state::{Settings, State};
use crate::{ContextWatch, Prices, Telemetry};

/// A processor about to start.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{Event, Stamp};
/// use agent_telemetry::{ContextWatch, MemorySink, Prices, Telemetry};
/// use agent_telemetry::otlp::Processor;
///
/// let telemetry = Telemetry::builder(MemorySink::new()).start()?;
/// let processor = Processor::builder(&telemetry)
///     .window(Duration::from_secs(1))
///     .grace(Duration::from_secs(120))
///     .contexts(ContextWatch::new(Prices::shipped()).turns_ahead(2))
///     .observer(|_: Stamp<'_>, event: &Event| eprintln!("{event:?}"))
///     .start()?;
/// assert_eq!(processor.figures().series, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is taken before `start`"]
pub struct ProcessorBuilder {
    telemetry: Telemetry,
    settings: Settings,
    contexts: ContextWatch,
    observer: Box<dyn Observer>,
    store_within: Option<Duration>,
    waiting_bytes: usize,
}

impl ProcessorBuilder {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            settings: Settings::default(),
            contexts: ContextWatch::new(Prices::shipped()),
            observer: Box::new(()),
            store_within: None,
            waiting_bytes: load::BYTES,
        }
    }

    /// For how long what metrics add is gathered before it is recorded; five seconds unless set. A crash loses at most
    /// as much of what deltas said, unless requests are answered when they are
    /// [stored](Self::answer_when_stored); cumulative values make up for it with the next one.
    pub const fn window(mut self, window: Duration) -> Self {
        self.settings.window = window;
        self
    }

    /// How long a call waits for what other channels know of it before it is recorded; two seconds unless set.
    pub const fn hold(mut self, hold: Duration) -> Self {
        self.settings.hold = hold;
        self
    }

    /// How long what metrics say waits for the calls that explain it, before it is recorded as usage without a call; 90
    /// seconds unless set. It is to be longer than the interval at which metrics are sent, which is 60 seconds mostly.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// The most series that are known at a time; 100 000 unless set. Of more, those that were silent for longest are
    /// forgotten; where none was silent, points of others are refused.
    pub const fn series(mut self, series: usize) -> Self {
        self.settings.series = series;
        self
    }

    /// The most sessions that are known at a time; 4 096 unless set. Of more, the one that was silent for longest is
    /// forgotten.
    pub const fn sessions(mut self, sessions: usize) -> Self {
        self.settings.sessions = sessions;
        self
    }

    /// The most points, log records or spans of one request; a million unless set. A request of more is refused.
    pub const fn items_per_request(mut self, items: usize) -> Self {
        self.settings.limits.items = items;
        self
    }

    /// About how many bytes of memory records may take that wait for the recorder, 64 MiB unless set, and as many within
    /// it; there are never more than 65 536 and those of one request. Senders are put off beyond: 429.
    pub const fn waiting_bytes(mut self, bytes: usize) -> Self {
        self.waiting_bytes = bytes;
        self
    }

    /// How much fits into contexts, and how far ahead is looked; one turn ahead, with the windows that the shipped prices
    /// name, unless set.
    pub fn contexts(mut self, contexts: ContextWatch) -> Self {
        self.contexts = contexts;
        self
    }

    /// Hears how full contexts are, call by call, as [`Event::ContextPressure`](agent_primitives::Event): what is
    /// [expected](crate::ContextUse::pressure) to be in use, so that a checkpointer's signal saves before its threshold
    /// is reached. It hears of all sessions; a host with several passes on those that it means. Called by the
    /// processor's thread, which it must not wait for; a panic in it is counted.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Answers a request when the sink has stored what it said, for which it waits as long as `within`; what takes longer
    /// is refused as unavailable, and may be sent again. Unless set, it is answered once it is taken, and what it said is
    /// stored some seconds later at the latest. With it no call waits for what other channels know of it.
    ///
    /// A [`Receiver`](super::super::receiver::Receiver) goes on with other requests meanwhile, as many as it takes at a time;
    /// what many of them said is stored at once. [`ingest`](Processor::ingest) blocks the thread that calls it.
    pub const fn answer_when_stored(mut self, within: Duration) -> Self {
        self.store_within = Some(within);
        self
    }

    /// Starts it, with what an earlier process stored with its records. One for each recorder: another one on the same
    /// recorder begins without that.
    ///
    /// # Errors
    /// [`StartProcessorError`] when the system gives no thread.
    pub fn start(self) -> Result<Processor, StartProcessorError> {
        let secrets = [
            self.telemetry.secret("otlp series"),
            RandomState::new().hash_one("otlp requests"),
        ];
        let mut state = State::new(
            self.telemetry.clone(),
            &self.settings,
            self.contexts,
            secrets,
        );
        let now = self.telemetry.clock().timestamp();
        state.restore(&self.telemetry.marks(), now);
        let shared = Arc::new(Shared::new(
            self.telemetry,
            self.observer,
            self.settings.window,
            self.store_within,
            self.waiting_bytes,
            state,
        ));
        let works = Arc::clone(&shared);
        thread::Builder::new()
            .name("otlp-processor".to_owned())
            .spawn(move || scribe::run(&works))
            .map_err(StartProcessorError)?;
        Ok(Processor(Arc::new(Handles(shared))))
    }
}

impl fmt::Debug for ProcessorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessorBuilder")
            .field("settings", &self.settings)
            .field("store_within", &self.store_within)
            .finish_non_exhaustive()
    }
}

/// A processor that did not start, because the system gave no thread.
///
/// ```
/// fn retry(error: &agent_telemetry::otlp::StartProcessorError) -> String {
///     format!("{error}; fewer threads may help")
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error(
    "the processor could not start a thread; end other threads or raise the limit, and try again"
)]
pub struct StartProcessorError(#[source] io::Error);
