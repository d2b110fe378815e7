//! Counters, gauges and histograms on typed label sets, readable at any time.

mod atomics;
mod calls;
mod counter;
mod family;
mod gauge;
mod genai;
mod histogram;
mod instrument;
mod key;
mod labels;
mod lanes;
#[cfg(all(test, agent_model))]
mod model;
mod pools;
mod slot;
mod snapshot;
mod table;

pub use calls::ModelCallMetrics;
pub use counter::Counter;
pub use family::Family;
pub use gauge::Gauge;
pub use genai::{Operation, TokenType};
pub use histogram::{ExponentialHistogram, Histogram, InvalidHistogram};
pub use instrument::{Instrument, MetricsError};
pub use labels::{LabelSet, LabelValue};
pub use pools::Handle;
pub use snapshot::{FamilySnapshot, InstrumentKind, MetricsSnapshot, SeriesSnapshot, Value};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use family::{About, Series};
use key::Seed;
use pools::Pools;

/// The most series of a family, whatever is configured.
const SERIES_MAX: usize = 100_000;
const _: () = assert!(SERIES_MAX <= table::ENTRIES_MAX);

/// The bounds of a registry.
///
/// ```
/// use agent_telemetry::MetricsConfig;
///
/// let config: MetricsConfig = serde_json::from_str(r#"{"series_per_family": 100}"#)?;
/// assert_eq!((config.series_per_family, config.families), (100, 1_000));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Series of a family, beside the one that takes what overflows; 2 000 unless set, as in
    /// OpenTelemetry, and never above 100 000. An [`Instrument`] can have its own.
    pub series_per_family: usize,
    /// Families; 1 000 unless set.
    pub families: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            series_per_family: 2_000,
            families: 1_000,
        }
    }
}

/// A registry of counters, gauges and histograms. Clones are the same registry.
///
/// What is recorded is readable at once, whoever recorded it; nothing is kept back until a reader
/// comes, so memory does not grow without one. Nothing here is global: a program may have several.
///
/// ```
/// use agent_primitives::ModelId;
/// use agent_telemetry::{Instrument, Metrics, Outcome, Value};
///
/// let metrics = Metrics::new();
/// let calls = metrics.counter(Instrument::<(ModelId, Outcome)>::new(
///     "agent.calls", "{call}", ["gen_ai.request.model", "outcome"],
/// ))?;
/// let model = ModelId::new("claude-sonnet-4-5")?;
///
/// let succeeded = calls.with((&model, Outcome::Success));
/// succeeded.add(2);
/// calls.add((&model, Outcome::Failed), 1);
///
/// let snapshot = metrics.snapshot();
/// let values: Vec<_> = snapshot.families[0].series.iter().map(|series| &series.value).collect();
/// assert_eq!(values, [&Value::Counter(1), &Value::Counter(2)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Registry>,
}

struct Registry {
    config: MetricsConfig,
    seed: Seed,
    pools: Arc<Pools>,
    families: Mutex<Families>,
}

type Families = BTreeMap<&'static str, AnyFamily>;

#[derive(Clone)]
enum AnyFamily {
    Counter(Arc<Series<Counter>>),
    Gauge(Arc<Series<Gauge>>),
    Histogram(Arc<Series<Histogram>>),
}

impl AnyFamily {
    fn snapshot(&self) -> FamilySnapshot {
        match self {
            Self::Counter(series) => series.snapshot(),
            Self::Gauge(series) => series.snapshot(),
            Self::Histogram(series) => series.snapshot(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry without families and with the usual bounds.
    pub fn new() -> Self {
        Self::with_config(MetricsConfig::default())
    }

    /// A registry with other bounds.
    ///
    /// ```
    /// use agent_telemetry::{Instrument, Metrics, MetricsConfig};
    ///
    /// let metrics = Metrics::with_config(MetricsConfig { families: 1, ..MetricsConfig::default() });
    /// assert!(metrics.gauge(Instrument::<()>::new("first", "1", [])).is_ok());
    /// assert!(metrics.gauge(Instrument::<()>::new("second", "1", [])).is_err());
    /// ```
    pub fn with_config(config: MetricsConfig) -> Self {
        Self {
            inner: Arc::new(Registry {
                config,
                seed: Seed::random(),
                pools: Arc::default(),
                families: Mutex::default(),
            }),
        }
    }

    /// The family of counters that `instrument` describes; the same one each time.
    ///
    /// # Errors
    /// [`MetricsError`] when a name or unit is not allowed, when the name belongs to something else, or
    /// when there are too many families.
    #[expect(clippy::needless_pass_by_value, reason = "most are described in place")]
    pub fn counter<L: LabelSet>(
        &self,
        instrument: Instrument<L>,
    ) -> Result<Family<L, Counter>, MetricsError> {
        self.family(&instrument, AnyFamily::Counter, |family| match family {
            AnyFamily::Counter(series) => Some(series),
            _ => None,
        })
    }

    /// The family of gauges that `instrument` describes; the same one each time.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    #[expect(clippy::needless_pass_by_value, reason = "most are described in place")]
    pub fn gauge<L: LabelSet>(
        &self,
        instrument: Instrument<L>,
    ) -> Result<Family<L, Gauge>, MetricsError> {
        self.family(&instrument, AnyFamily::Gauge, |family| match family {
            AnyFamily::Gauge(series) => Some(series),
            _ => None,
        })
    }

    /// The family of histograms that `instrument` describes; the same one each time.
    ///
    /// # Errors
    /// As for [`counter`](Self::counter).
    #[expect(clippy::needless_pass_by_value, reason = "most are described in place")]
    pub fn histogram<L: LabelSet>(
        &self,
        instrument: Instrument<L>,
    ) -> Result<Family<L, Histogram>, MetricsError> {
        self.family(&instrument, AnyFamily::Histogram, |family| match family {
            AnyFamily::Histogram(series) => Some(series),
            _ => None,
        })
    }

    fn family<L: LabelSet, M: Handle>(
        &self,
        instrument: &Instrument<L>,
        wrap: fn(Arc<Series<M>>) -> AnyFamily,
        same: fn(&AnyFamily) -> Option<&Arc<Series<M>>>,
    ) -> Result<Family<L, M>, MetricsError> {
        instrument.check()?;
        let about = About::of(instrument);
        let registry = &*self.inner;
        let name = instrument.name;
        let mut families = registry.families();
        if let Some(existing) = families.get(name) {
            let series = same(existing).filter(|series| series.about == about);
            return series.map(Family::of).ok_or(MetricsError::Conflict(name));
        }
        let limit = registry.config.families;
        if families.len() >= limit {
            return Err(MetricsError::Families { name, limit });
        }
        let limit = instrument
            .series_limit
            .unwrap_or(registry.config.series_per_family);
        let limit = limit.min(SERIES_MAX);
        let series = Series::new(about, L::VALUES, limit, registry.seed, &registry.pools);
        let series = Arc::new(series);
        families.insert(name, wrap(Arc::clone(&series)));
        Ok(Family::of(&series))
    }

    /// The values of all series now.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let families = self.inner.families();
        MetricsSnapshot {
            families: families.values().map(AnyFamily::snapshot).collect(),
        }
    }

    /// The values of one family after the other, sorted by name, so that no more than one is held; until one is refused.
    pub(crate) fn try_each_family<E>(
        &self,
        mut each: impl FnMut(FamilySnapshot) -> Result<(), E>,
    ) -> Result<(), E> {
        // Families are made while a slow reader takes its time.
        let families: Vec<AnyFamily> = self.inner.families().values().cloned().collect();
        families
            .iter()
            .try_for_each(|family| each(family.snapshot()))
    }
}

impl Registry {
    fn families(&self) -> MutexGuard<'_, Families> {
        // Nothing panics while it is held.
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.inner.families();
        f.debug_struct("Metrics")
            .field("families", &families.keys())
            .finish()
    }
}
