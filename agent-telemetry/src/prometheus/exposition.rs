//! A page for Prometheus, written line by line.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::buckets::Bounds;
use super::format::Format;
use super::lines::{Labels, Number, escape};
use crate::{ExponentialHistogram, InstrumentKind};

/// The name of OpenTelemetry's mark on the series of what overflows, as Prometheus has it.
pub(super) const OVERFLOW: &str = "otel_metric_overflow";
/// The value of the labels of a series that takes what overflows.
pub(super) const OTHER: &str = "other";

/// How much a page has.
///
/// ```
/// use agent_telemetry::prometheus::ExpositionConfig;
///
/// let config: ExpositionConfig = serde_json::from_str(r#"{"buckets_per_doubling": 1}"#)?;
/// assert_eq!((config.buckets_per_doubling, config.lines), (1, 500_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpositionConfig {
    /// Buckets of a histogram between a value and its double: 1, 2, 4 up to 64, rounded down to one of these; 2 unless
    /// set. `histogram_quantile` is off by at most a bucket, which is a factor of 1.41 with 2 of them. Each bucket
    /// is a line for each series.
    pub buckets_per_doubling: u8,
    /// Lines with values; 500 000 unless set. Series that do not fit are left out whole and counted.
    pub lines: usize,
}

impl Default for ExpositionConfig {
    fn default() -> Self {
        Self {
            buckets_per_doubling: 2,
            lines: 500_000,
        }
    }
}

/// What became of a page.
///
/// ```
/// use agent_telemetry::prometheus::{Exposition, Format};
///
/// let mut page = String::new();
/// let shown = Exposition::new(&mut page, Format::Text).finish()?;
/// assert_eq!((shown.families, shown.lines), (0, 0));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// Families on the page.
    pub families: usize,
    /// Lines with values.
    pub lines: usize,
    /// Families that are left out, since another one on the page has their name.
    pub left_out_families: usize,
    /// Series that are left out, since the page is full, or their value is not of the kind of their family.
    pub left_out_series: usize,
}

/// Writes a page for Prometheus, in the order of the calls, each line as soon as it is known: what it holds
/// itself does not grow with the series.
///
/// Names follow Prometheus: `gen_ai.client.operation.duration` in seconds becomes
/// `gen_ai_client_operation_duration_seconds`, counters end with `_total`. Histograms have classic buckets whose bounds
/// are powers of two, or roots of two between them, so that their counts are exact and the same bounds are on every page. What
/// went beyond the limit of a family is in a series whose labels are all `other`, marked with
/// `otel_metric_overflow="true"`.
///
/// ```
/// use agent_primitives::ToolName;
/// use agent_telemetry::prometheus::{Exposition, Format};
/// use agent_telemetry::{Instrument, Metrics, ToolOutcome};
///
/// let metrics = Metrics::new();
/// let calls = metrics.counter(
///     Instrument::<(ToolName, ToolOutcome)>::new("agent.calls", "{call}", ["tool", "outcome"])
///         .description("Calls of tools."),
/// )?;
/// calls.add((&ToolName::new("grep")?, ToolOutcome::Ok), 3);
///
/// let mut page = String::new();
/// let mut exposition = Exposition::new(&mut page, Format::OpenMetrics);
/// exposition.metrics(&metrics)?;
/// exposition.finish()?;
/// let lines: Vec<&str> = page.lines().collect();
/// assert_eq!(lines, [
///     "# TYPE agent_calls counter",
///     "# HELP agent_calls Calls of tools.",
///     "agent_calls_total{tool=\"grep\",outcome=\"ok\"} 3",
///     "# EOF",
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Exposition<W> {
    out: W,
    format: Format,
    config: ExpositionConfig,
    /// Names that lines of the page begin with.
    names: BTreeSet<String>,
    /// The family that is being written.
    name: String,
    line: String,
    pub(super) labels: Labels,
    /// Families that had more series than they may, and how often.
    pub(super) overflowed: Vec<(String, u64)>,
    shown: Shown,
}

impl<W: fmt::Write> Exposition<W> {
    /// A page that goes to `out`; most give a `&mut String`.
    pub fn new(out: W, format: Format) -> Self {
        Self::with_config(out, format, ExpositionConfig::default())
    }

    /// A page with other bounds.
    pub fn with_config(out: W, format: Format, config: ExpositionConfig) -> Self {
        Self {
            out,
            format,
            config,
            names: BTreeSet::new(),
            name: String::new(),
            line: String::new(),
            labels: Labels::default(),
            overflowed: Vec::new(),
            shown: Shown::default(),
        }
    }

    /// Ends the page. Without it the page says nothing of what it leaves out, and a page in `OpenMetrics` is refused.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn finish(mut self) -> Result<Shown, fmt::Error> {
        // What it says of itself there is always room for: a line for each family at most.
        self.config.lines = usize::MAX;
        let overflowed = std::mem::take(&mut self.overflowed);
        if !overflowed.is_empty() {
            let help =
                "Times that a family had no series for labels and took the one of the others.";
            if self.begin(
                "agent_telemetry_series_overflowed",
                None,
                InstrumentKind::Counter,
                help,
            )? {
                for (family, times) in overflowed {
                    self.labels.clear();
                    self.labels.push("family", &family);
                    self.value(Number::Count(times))?;
                }
            }
        }
        let (families, series) = (self.shown.left_out_families, self.shown.left_out_series);
        if families > 0 || series > 0 {
            let help = "Families with a name that is on the page already, and series for which the page was full.";
            if self.begin(
                "agent_telemetry_left_out",
                None,
                InstrumentKind::Gauge,
                help,
            )? {
                for (what, count) in [("families", families), ("series", series)] {
                    self.labels.clear();
                    self.labels.push("what", what);
                    self.value(Number::Count(count as u64))?;
                }
            }
        }
        if self.format == Format::OpenMetrics {
            self.out.write_str("# EOF\n")?;
        }
        Ok(self.shown)
    }

    pub(super) const fn config(&self) -> ExpositionConfig {
        self.config
    }

    /// Begins a family, whose name `base` ends with its unit. `false` where its name is taken: then it has no series.
    pub(super) fn begin(
        &mut self,
        base: &str,
        unit: Option<&str>,
        kind: InstrumentKind,
        help: &str,
    ) -> Result<bool, fmt::Error> {
        let suffixes: &[&str] = match kind {
            InstrumentKind::Counter => &["", "_total"],
            InstrumentKind::Gauge => &[""],
            InstrumentKind::Histogram => &["", "_bucket", "_count", "_sum"],
        };
        let names: Vec<String> = suffixes.iter().map(|it| format!("{base}{it}")).collect();
        if names.iter().any(|name| self.names.contains(name)) {
            self.shown.left_out_families = self.shown.left_out_families.saturating_add(1);
            return Ok(false);
        }
        self.names.extend(names);
        self.shown.families = self.shown.families.saturating_add(1);
        self.name.clear();
        self.name.push_str(base);
        // In the text format a counter has its whole name.
        let described = match self.format {
            Format::Text if kind == InstrumentKind::Counter => "_total",
            _ => "",
        };
        let line = &mut self.line;
        line.clear();
        for part in ["# TYPE ", base, described, " ", kind.as_str(), "\n"] {
            line.push_str(part);
        }
        if let (Format::OpenMetrics, Some(unit)) = (self.format, unit) {
            for part in ["# UNIT ", base, " ", unit, "\n"] {
                line.push_str(part);
            }
        }
        for part in ["# HELP ", base, described, " "] {
            line.push_str(part);
        }
        escape(help, self.format == Format::OpenMetrics, line);
        line.push('\n');
        if kind == InstrumentKind::Counter {
            self.name.push_str("_total");
        }
        self.out.write_str(line)?;
        Ok(true)
    }

    /// Whether a series of so many lines still fits; counts it where it does not.
    fn has_room(&mut self, lines: usize) -> bool {
        let fits = self.shown.lines.saturating_add(lines) <= self.config.lines;
        if fits {
            self.shown.lines = self.shown.lines.saturating_add(lines);
        } else {
            self.leave_out_series();
        }
        fits
    }

    pub(super) fn leave_out_series(&mut self) {
        self.shown.left_out_series = self.shown.left_out_series.saturating_add(1);
    }

    /// Writes the value of a series with the labels that are set.
    pub(super) fn value(&mut self, number: Number) -> fmt::Result {
        if !self.has_room(1) {
            return Ok(());
        }
        self.line.clear();
        self.sample("", None, number);
        self.out.write_str(&self.line)
    }

    /// Writes a distribution with the labels that are set.
    pub(super) fn distribution(
        &mut self,
        bounds: &Bounds,
        values: &ExponentialHistogram,
        sum: Number,
    ) -> fmt::Result {
        self.buckets(bounds.len(), bounds.cumulative(values), values.count(), sum)
    }

    /// Writes so many buckets, each with how many values it has below or at its bound, with the labels that are
    /// set.
    pub(super) fn buckets<'b>(
        &mut self,
        bounds: usize,
        below: impl Iterator<Item = (&'b str, u64)>,
        count: u64,
        sum: Number,
    ) -> fmt::Result {
        if !self.has_room(bounds.saturating_add(3)) {
            return Ok(());
        }
        self.line.clear();
        for (bound, below) in below {
            self.sample("_bucket", Some(bound), Number::Count(below));
        }
        self.sample("_bucket", Some("+Inf"), Number::Count(count));
        self.sample("_sum", None, sum);
        self.sample("_count", None, Number::Count(count));
        self.out.write_str(&self.line)
    }

    fn sample(&mut self, suffix: &str, bound: Option<&str>, number: Number) {
        let line = &mut self.line;
        line.push_str(&self.name);
        line.push_str(suffix);
        let labels = self.labels.as_str();
        match bound {
            Some(bound) => {
                let comma = if labels.is_empty() { "" } else { "," };
                for part in ["{", labels, comma, "le=\"", bound, "\"} "] {
                    line.push_str(part);
                }
            }
            None if labels.is_empty() => line.push(' '),
            None => {
                for part in ["{", labels, "} "] {
                    line.push_str(part);
                }
            }
        }
        number.push_to(line);
        line.push('\n');
    }
}
