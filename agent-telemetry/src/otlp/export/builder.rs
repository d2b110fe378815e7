//! A sink with its options still open.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, SystemClock};

use super::delivery::{Delivery, Sleep};
use super::drain::Drain;
use super::encoder::Encoder;
use super::env;
use super::error::{Kind, OtlpError};
use super::http::Http;
use super::protobuf::{Attributes, Message};
use super::queue::Queue;
use super::request::{Frame, Limits};
use super::retry::OtlpRetry;
use super::settings::Settings;
use super::sink::{OtlpSink, Outlet};
use super::stats::OtlpStats;
use super::style::{HandoffSpans, OtlpSignal, OtlpTemporality, Style};
use crate::{GenAiNames, UserKey};

const NAME: &str = "agent-telemetry";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Items and bytes of one request, unless set.
const ITEMS: usize = 2_048;
const BYTES: usize = 1 << 20;
/// Less would not hold what a record may say without the texts of the host.
const BYTES_MIN: usize = 64 << 10;

/// An [`OtlpSink`] with its options still open; made by [`OtlpSink::builder`], or [`from_env`](Self::from_env).
///
/// ```
/// use std::time::Duration;
/// use agent_telemetry::GenAiNames;
/// use agent_telemetry::otlp::{OtlpSink, OtlpSignal, OtlpTemporality};
///
/// let sink = OtlpSink::builder("https://otlp.example.com/tenant-7")
///     .token("hush")
///     .service_name("shop-agents")
///     .resource("deployment.environment.name", "test")
///     .names(GenAiNames::V1_41)
///     .temporality(OtlpTemporality::Delta)
///     .with_gzip()
///     .without(OtlpSignal::Logs)
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// assert_eq!(sink.stats().counts().requests, 0);
/// # Ok::<(), agent_telemetry::otlp::OtlpError>(())
/// ```
#[must_use]
pub struct OtlpSinkBuilder {
    pub(super) all: Settings,
    /// By signal.
    pub(super) own: [Settings; 3],
    pub(super) style: Style,
    pub(super) resource: Vec<(String, String)>,
    retry: OtlpRetry,
    limits: Limits,
    queue: Option<(PathBuf, u64)>,
    clock: Arc<dyn Clock>,
    sleep: Sleep,
}

impl OtlpSinkBuilder {
    pub(super) fn new(endpoint: &str) -> Self {
        let all = Settings {
            address: Some(endpoint.to_owned()),
            ..Settings::default()
        };
        Self::of(all)
    }

    pub(super) fn of(all: Settings) -> Self {
        let bits = u128::from_le_bytes(UserKey::random().to_bytes());
        Self {
            all,
            own: Default::default(),
            style: Style {
                names: GenAiNames::default(),
                handoffs: HandoffSpans::ToolCall,
                temporality: OtlpTemporality::Cumulative,
                texts: false,
            },
            resource: vec![
                ("service.name".to_owned(), "unknown_service".to_owned()),
                ("service.instance.id".to_owned(), uuid(bits)),
                ("telemetry.sdk.name".to_owned(), NAME.to_owned()),
                ("telemetry.sdk.language".to_owned(), "rust".to_owned()),
                ("telemetry.sdk.version".to_owned(), VERSION.to_owned()),
            ],
            retry: OtlpRetry::default(),
            limits: Limits {
                items: ITEMS,
                bytes: BYTES,
            },
            queue: None,
            clock: Arc::new(SystemClock),
            sleep: Arc::new(std::thread::sleep),
        }
    }

    /// What the variables say that every OpenTelemetry exporter knows. `variable` reads one; the environment is the
    /// host's to read.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the address, `http://localhost:4318` unless set |
    /// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,…`, values percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds, 10 000 unless set |
    /// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip` or `none` |
    /// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`; anything else is an error |
    /// | `OTEL_EXPORTER_OTLP_TRACES_…`, `…_METRICS_…`, `…_LOGS_…` | the same five for one signal; its endpoint is taken as it is |
    /// | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` | `none` leaves the signal out |
    /// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`, or `delta` or `lowmemory` for delta |
    /// | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who sends |
    /// | `OTEL_SEMCONV_STABILITY_OPT_IN` | [`GenAiNames::from_stability_opt_in`], where it is set |
    ///
    /// A variable that is empty is not set.
    ///
    /// ```
    /// use agent_telemetry::otlp::OtlpSinkBuilder;
    ///
    /// let from_environment = || OtlpSinkBuilder::from_env(|name| std::env::var(name).ok());
    /// # let _ = from_environment;
    ///
    /// let grpc = |name: &str| (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then(|| "grpc".to_owned());
    /// assert!(OtlpSinkBuilder::from_env(grpc).is_err());
    /// ```
    ///
    /// # Errors
    /// [`OtlpError`] names a variable whose value says nothing, or another protocol.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, OtlpError> {
        env::read(&variable)
    }

    /// Sets the whole address of one signal, where it is not below the endpoint.
    pub fn signal_endpoint(mut self, signal: OtlpSignal, address: &str) -> Self {
        if let Some(own) = self.own.get_mut(signal.index()) {
            own.address = Some(address.to_owned());
        }
        self
    }

    /// Leaves a signal out; all three are sent unless set.
    pub fn without(mut self, signal: OtlpSignal) -> Self {
        if let Some(own) = self.own.get_mut(signal.index()) {
            own.is_off = true;
        }
        self
    }

    /// Adds a header to every request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.all.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends `Authorization: Bearer` with this token.
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets how long one request may take altogether; 10 s unless set.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.all.timeout = Some(timeout);
        self
    }

    /// Compresses requests with gzip; they go as they are unless set, as of every exporter.
    pub const fn with_gzip(mut self) -> Self {
        self.all.gzip = Some(true);
        self
    }

    /// Sets the generation of names that goes out; the latest unless set.
    pub const fn names(mut self, names: GenAiNames) -> Self {
        self.style.names = names;
        self
    }

    /// Sets how handoffs are told; as tool calls unless set.
    pub const fn handoffs(mut self, handoffs: HandoffSpans) -> Self {
        self.style.handoffs = handoffs;
        self
    }

    /// Sets what metrics say; cumulative unless set.
    pub const fn temporality(mut self, temporality: OtlpTemporality) -> Self {
        self.style.temporality = temporality;
        self
    }

    /// Sends the texts as well that the host wrote into records: descriptions of tasks, messages and files of
    /// violations, and why candidates lost. Left out unless set.
    pub const fn with_texts(mut self) -> Self {
        self.style.texts = true;
        self
    }

    /// Sets the name of the program that sends; `unknown_service` unless set.
    pub fn service_name(self, name: &str) -> Self {
        self.resource("service.name", name)
    }

    /// Sets the version of the program that sends; not sent unless set.
    pub fn service_version(self, version: &str) -> Self {
        self.resource("service.version", version)
    }

    /// Sets what tells this process from others of the same name; a random one unless set, since the sums of two
    /// processes under one name would be taken for resets of each other.
    pub fn service_instance(self, instance: &str) -> Self {
        self.resource("service.instance.id", instance)
    }

    /// Sets an attribute of whoever sends.
    pub fn resource(mut self, key: &str, value: &str) -> Self {
        self.resource.retain(|(it, _)| it != key);
        self.resource.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets how patient the sink is.
    pub const fn retry(mut self, retry: OtlpRetry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many spans, points or log records one request holds; 2 048 unless set, and one at the least.
    pub const fn items_max(mut self, items: usize) -> Self {
        self.limits.items = if items == 0 { 1 } else { items };
        self
    }

    /// Sets how many bytes one request has before compression; 1 MiB unless set, and 64 KiB at the least. A single item
    /// with more is dropped and counted.
    pub const fn bytes_max(mut self, bytes: usize) -> Self {
        self.limits.bytes = if bytes < BYTES_MIN { BYTES_MIN } else { bytes };
        self
    }

    /// Keeps requests in this folder, up to so many bytes, until the server has taken them; no folder unless set. It is
    /// made where there is none, and one process has it.
    ///
    /// A batch counts as stored once it is there, also across a loss of power. The oldest requests make room for newer
    /// ones and are counted. A thread sends them in order, goes on after a restart, and gives none up but those that the
    /// server refuses for good.
    pub fn queue(mut self, folder: impl Into<PathBuf>, bytes_max: u64) -> Self {
        self.queue = Some((folder.into(), bytes_max));
        self
    }

    /// Sets the clock, and how waits between attempts are done, for a test that does not want to wait. The thread of the
    /// queue waits by the system's clock.
    pub fn waits(
        mut self,
        clock: impl Clock + 'static,
        sleep: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        self.clock = Arc::new(clock);
        self.sleep = Arc::new(sleep);
        self
    }

    /// The sink. Nothing is sent before the first batch.
    ///
    /// # Errors
    /// [`OtlpError`] when an address or a header is none, no signal is left, or the queue cannot be opened.
    pub fn build(self) -> Result<OtlpSink, OtlpError> {
        let [traces, metrics, logs] = &self.own;
        let target = |own, signal| self.all.target(own, signal);
        let targets = [
            target(traces, OtlpSignal::Traces)?,
            target(metrics, OtlpSignal::Metrics)?,
            target(logs, OtlpSignal::Logs)?,
        ];
        let wanted = [traces, metrics, logs].map(|own| self.all.wanted(own));
        if wanted.iter().all(Option::is_none) {
            return Err(OtlpError::new(Kind::Silent));
        }
        let stats = OtlpStats::default();
        let frame = frame(&self.resource);
        let now = self.clock.timestamp();
        let encoder = Encoder::new(self.style, frame, self.limits, wanted, now);
        let delivery = Delivery::new(
            Box::new(Http::new(targets)),
            self.retry,
            Arc::clone(&self.clock),
            self.sleep,
            stats.clone(),
        );
        let outlet = match self.queue {
            None => Outlet::Network(delivery),
            Some((folder, bytes_max)) => {
                let queue = Queue::open(&folder, bytes_max, stats.clone());
                let queue = queue.map_err(|error| OtlpError::io(Kind::Queue, error))?;
                let drain = Drain::start(queue, delivery);
                Outlet::Disk(drain.map_err(|error| OtlpError::io(Kind::Thread, error))?)
            }
        };
        Ok(OtlpSink::new(encoder, outlet, self.clock, stats))
    }
}

fn frame(pairs: &[(String, String)]) -> Frame {
    let mut resource = Message::new();
    let mut attributes = Attributes::new(&mut resource, 1);
    for (key, value) in pairs {
        attributes.text(key, value);
    }
    let mut scope = Message::new();
    scope.text(1, NAME);
    scope.text(2, VERSION);
    Frame { resource, scope }
}

/// Of version 4.
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}

impl fmt::Debug for OtlpSinkBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and headers may hold secrets.
        f.debug_struct("OtlpSinkBuilder")
            .field("style", &self.style)
            .field("retry", &self.retry)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
