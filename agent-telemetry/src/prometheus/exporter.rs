//! What a program shows to Prometheus, put together once.

use std::fmt;

use super::exposition::{Exposition, ExpositionConfig, Shown};
use super::format::Format;
use super::totals::Totals;
use crate::{Metrics, Telemetry};

/// The sources of a page, and the page that they give now. Clones show the same.
///
/// With the feature `http` it answers requests: [`handle`](Self::handle).
///
/// ```
/// use agent_telemetry::prometheus::{Exporter, Format, Totals};
/// use agent_telemetry::{MemorySink, Metrics, Telemetry};
///
/// let totals = Totals::new();
/// let telemetry = Telemetry::builder(totals.around(MemorySink::new())).start()?;
/// let exporter = Exporter::new()
///     .telemetry(telemetry)
///     .totals(totals)
///     .metrics(Metrics::new());
///
/// let page = exporter.render(Format::OpenMetrics);
/// assert!(page.starts_with("# TYPE agent_telemetry_records_accepted counter\n"));
/// assert!(page.ends_with("# EOF\n"));
/// # Ok::<(), agent_telemetry::StartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Exporter {
    config: ExpositionConfig,
    telemetry: Option<Telemetry>,
    totals: Option<Totals>,
    metrics: Vec<Metrics>,
    pub(super) path: String,
}

impl Default for Exporter {
    fn default() -> Self {
        Self::new()
    }
}

impl Exporter {
    /// Without sources: an empty page at `/metrics`.
    pub fn new() -> Self {
        Self {
            config: ExpositionConfig::default(),
            telemetry: None,
            totals: None,
            metrics: Vec::new(),
            path: "/metrics".to_owned(),
        }
    }

    /// Shows how this recorder is doing. The handle keeps it alive like any other, so end it with
    /// [`Telemetry::shutdown`].
    #[must_use]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = Some(telemetry);
        self
    }

    /// Shows these totals.
    #[must_use]
    pub fn totals(mut self, totals: Totals) -> Self {
        self.totals = Some(totals);
        self
    }

    /// Shows this registry, beside those that were named before. Their families have names of their own each.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics.push(metrics);
        self
    }

    /// How much a page has; that of [`ExpositionConfig::default`] unless set.
    #[must_use]
    pub const fn config(mut self, config: ExpositionConfig) -> Self {
        self.config = config;
        self
    }

    /// Where the page is, for [`handle`](Self::handle); `/metrics` unless set.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Writes the page: the recorder first, then the totals, then the registries.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn write(&self, out: impl fmt::Write, format: Format) -> Result<Shown, fmt::Error> {
        let mut page = Exposition::with_config(out, format, self.config);
        if let Some(telemetry) = &self.telemetry {
            page.health(&telemetry.health())?;
        }
        if let Some(totals) = &self.totals {
            page.totals(totals)?;
        }
        for metrics in &self.metrics {
            page.metrics(metrics)?;
        }
        page.finish()
    }

    /// The page as text.
    pub fn render(&self, format: Format) -> String {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut page, format);
        page
    }
}
