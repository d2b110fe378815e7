//! An agent CLI that tells of itself over OpenTelemetry, as Claude Code does, through the SDK that others wrote.

use std::error::Error;
use std::time::{Duration, SystemTime};

use agent_primitives::TokenUsage;
use opentelemetry::KeyValue;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry::metrics::{Counter, MeterProvider as _};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};

/// One request to a model, as the agent tells it.
#[derive(Debug, Clone)]
pub struct WatchedCall<'a> {
    /// The provider's id of the request.
    pub request: String,
    /// Which model answered.
    pub model: &'a str,
    /// Tokens.
    pub usage: TokenUsage,
    /// What it cost, in millionths of a dollar.
    pub cost_micros: u64,
    /// How long it took.
    pub latency: Duration,
}

/// One session of an agent CLI that sends events and metrics over OTLP. Events are sent when
/// [`send`](Self::send) says so, metrics too, as deltas.
///
/// ```no_run
/// use std::time::Duration;
/// use agent_primitives::TokenUsage;
/// use support::{WatchedAgent, WatchedCall};
///
/// let agent = WatchedAgent::start("http://127.0.0.1:4318", "s1", None)?;
/// agent.call(&WatchedCall {
///     request: "req_1".to_owned(),
///     model: "claude-haiku-4-5",
///     usage: TokenUsage::new(1_000, 50),
///     cost_micros: 1_250,
///     latency: Duration::from_millis(900),
/// });
/// agent.send()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WatchedAgent {
    session: String,
    logs: SdkLoggerProvider,
    logger: SdkLogger,
    metrics: SdkMeterProvider,
    tokens: Counter<u64>,
    cost: Counter<f64>,
    sequence: std::sync::atomic::AtomicI64,
}

impl WatchedAgent {
    /// Begins a session that is told to `endpoint`, with a token where the receiver wants one.
    ///
    /// # Errors
    /// Where the SDK cannot be set up.
    pub fn start(
        endpoint: &str,
        session: &str,
        token: Option<&str>,
    ) -> Result<Self, Box<dyn Error>> {
        // Fails where it is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "claude-code"),
                KeyValue::new("service.version", "2.1.248"),
            ])
            .build();
        let headers: std::collections::HashMap<String, String> = token
            .map(|it| ("authorization".to_owned(), format!("Bearer {it}")))
            .into_iter()
            .collect();
        let exporter = LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/logs"))
            .with_headers(headers.clone())
            .build()?;
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(exporter)
            .build();
        let exporter = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/metrics"))
            .with_headers(headers)
            .with_temporality(Temporality::Delta)
            .build()?;
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_periodic_exporter(exporter)
            .build();
        let meter = metrics.meter("com.anthropic.claude_code");
        Ok(Self {
            session: session.to_owned(),
            logger: logs.logger("com.anthropic.claude_code.events"),
            logs,
            tokens: meter
                .u64_counter("claude_code.token.usage")
                .with_unit("tokens")
                .build(),
            cost: meter
                .f64_counter("claude_code.cost.usage")
                .with_unit("USD")
                .build(),
            metrics,
            sequence: std::sync::atomic::AtomicI64::new(0),
        })
    }

    /// Tells of a call: an event, and the same tokens and cost as metrics.
    pub fn call(&self, call: &WatchedCall<'_>) {
        let usage = &call.usage;
        self.event(
            "api_request",
            vec![
                ("model", text(call.model)),
                ("request_id", text(&call.request)),
                ("input_tokens", int(usage.input())),
                ("cache_read_tokens", int(usage.cache_read())),
                ("cache_creation_tokens", int(usage.cache_write())),
                ("output_tokens", int(usage.output())),
                ("cost_usd_micros", int(call.cost_micros)),
                (
                    "duration_ms",
                    int(u64::try_from(call.latency.as_millis()).unwrap_or(u64::MAX)),
                ),
            ],
        );
        let of = |kind: &'static str| {
            [
                KeyValue::new("session.id", self.session.clone()),
                KeyValue::new("model", call.model.to_owned()),
                KeyValue::new("type", kind),
            ]
        };
        for (kind, tokens) in [
            ("input", usage.input()),
            ("output", usage.output()),
            ("cacheRead", usage.cache_read()),
            ("cacheCreation", usage.cache_write()),
        ] {
            self.tokens.add(tokens, &of(kind));
        }
        let [session, model, _] = of("");
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        self.cost
            .add(call.cost_micros as f64 / 1e6, &[session, model]);
    }

    /// Tells of a call of a tool.
    pub fn tool(&self, id: &str, tool: &str, success: bool, elapsed: Duration) {
        let success = if success { "true" } else { "false" };
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.event(
            "tool_result",
            vec![
                ("tool_name", text(tool)),
                ("tool_use_id", text(id)),
                ("success", text(success)),
                ("duration_ms", int(elapsed)),
            ],
        );
    }

    fn event(&self, name: &'static str, attributes: Vec<(&'static str, AnyValue)>) {
        let sequence = self
            .sequence
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut record = self.logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_body(AnyValue::from(format!("claude_code.{name}")));
        record.add_attribute("event.name", name);
        record.add_attribute("session.id", self.session.clone());
        record.add_attribute("event.sequence", sequence);
        for (key, value) in attributes {
            record.add_attribute(key, value);
        }
        self.logger.emit(record);
    }

    /// Sends what there is.
    ///
    /// # Errors
    /// Where the receiver does not take it.
    pub fn send(&self) -> Result<(), Box<dyn Error>> {
        self.logs.force_flush()?;
        Ok(self.metrics.force_flush()?)
    }
}

fn text(value: &str) -> AnyValue {
    AnyValue::from(value.to_owned())
}

fn int(value: u64) -> AnyValue {
    AnyValue::from(i64::try_from(value).unwrap_or(i64::MAX))
}
