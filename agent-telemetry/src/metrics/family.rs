//! All series of one instrument.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::counter::Counter;
use super::gauge::Gauge;
use super::histogram::{ExponentialHistogram, Histogram};
use super::instrument::Instrument;
use super::key::{self, Seed};
use super::labels::LabelSet;
use super::pools::{Handle, Pools};
use super::snapshot::{FamilySnapshot, SeriesSnapshot};
use super::table::Table;

/// The series of one instrument, told apart by labels of type `L`; `M` is [`Counter`], [`Gauge`] or
/// [`Histogram`](crate::Histogram). Clones are the same family.
///
/// [`with`](Self::with) resolves labels to a handle once. What is recorded with its labels each time
/// takes a lookup, without a lock or an allocation once the series exists; closed label sets are found
/// by arithmetic.
///
/// There are at most so many series as the [`Instrument`] says. Further label sets go to one series
/// of their own, marked `otel.metric.overflow`, so that totals stay right; what went there is counted. A
/// label set is always counted in the same series.
///
/// ```
/// use agent_telemetry::{Instrument, Metrics};
///
/// let metrics = Metrics::new();
/// let seen = metrics.counter(Instrument::<(String,)>::new("seen", "{name}", ["name"]).series_limit(1))?;
/// seen.add(("first",), 1);
/// seen.add(("second",), 1);
/// seen.add(("third",), 1);
/// assert_eq!((seen.total(), seen.overflowed()), (3, 2));
/// assert_eq!(seen.with(("first",)).value(), 1);
/// # Ok::<(), agent_telemetry::MetricsError>(())
/// ```
pub struct Family<L, M> {
    series: Arc<Series<M>>,
    labels: PhantomData<fn(L)>,
}

impl<L, M> Clone for Family<L, M> {
    fn clone(&self) -> Self {
        Self {
            series: Arc::clone(&self.series),
            labels: PhantomData,
        }
    }
}

impl<L, M> fmt::Debug for Family<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family")
            .field(&self.series.about.name)
            .finish()
    }
}

impl<L, M> Family<L, M> {
    pub(super) fn of(series: &Arc<Series<M>>) -> Self {
        Self {
            series: Arc::clone(series),
            labels: PhantomData,
        }
    }
}

impl<L: LabelSet, M: Handle> Family<L, M> {
    /// The handle of the series with these labels, which is made if there is none yet. Beyond the
    /// limit it is the handle of the overflow series.
    pub fn with<Q: LabelSet<Kind = L::Kind>>(&self, labels: Q) -> M {
        self.series.of(&labels).clone()
    }

    /// How many series there are, without that of the overflow.
    pub fn series(&self) -> usize {
        self.series.known().len()
    }

    /// How often labels beyond the limit were recorded with or resolved.
    pub fn overflowed(&self) -> u64 {
        self.series.overflowed.value()
    }
}

impl<L: LabelSet> Family<L, Counter> {
    /// Adds `more` to the series with these labels.
    #[inline]
    pub fn add<Q: LabelSet<Kind = L::Kind>>(&self, labels: Q, more: u64) {
        self.series.of(&labels).add(more);
    }

    /// The sum over all series, that of the overflow included.
    pub fn total(&self) -> u64 {
        let all = self.series.handles();
        all.iter().map(Counter::value).fold(0, u64::wrapping_add)
    }
}

impl<L: LabelSet> Family<L, Gauge> {
    /// Sets the series with these labels to `value`. What overflows shares one value, the last.
    #[inline]
    pub fn set<Q: LabelSet<Kind = L::Kind>>(&self, labels: Q, value: f64) {
        self.series.of(&labels).set(value);
    }
}

impl<L: LabelSet> Family<L, Histogram> {
    /// Records `value` in the series with these labels.
    #[inline]
    pub fn record<Q: LabelSet<Kind = L::Kind>>(&self, labels: Q, value: f64) {
        self.series.of(&labels).record(value);
    }

    /// Records a time, in seconds, in the series with these labels.
    #[inline]
    pub fn record_duration<Q: LabelSet<Kind = L::Kind>>(&self, labels: Q, elapsed: Duration) {
        self.series.of(&labels).record_duration(elapsed);
    }

    /// All series in one, that of the overflow included.
    pub fn merged(&self) -> ExponentialHistogram {
        let mut all = ExponentialHistogram::new();
        for handle in self.series.handles() {
            all.merge(&handle.snapshot());
        }
        all
    }
}

/// What an instrument says, without the type of its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) name: &'static str,
    unit: &'static str,
    description: &'static str,
    labels: Box<[&'static str]>,
    /// Of the labels.
    kind: TypeId,
}

impl About {
    pub(super) fn of<L: LabelSet>(instrument: &Instrument<L>) -> Self {
        Self {
            name: instrument.name,
            unit: instrument.unit,
            description: instrument.description,
            labels: instrument.labels.as_ref().into(),
            kind: TypeId::of::<L::Kind>(),
        }
    }
}

type Known<M> = BTreeMap<Arc<[Box<str>]>, M>;

pub(super) struct Series<M> {
    pub(super) about: About,
    limit: usize,
    seed: Seed,
    pools: Arc<Pools>,
    /// By position, for label sets that are closed.
    closed: Box<[OnceLock<M>]>,
    /// By hash, for all others.
    open: Table<M>,
    /// No series will be added.
    full: AtomicBool,
    overflow: OnceLock<M>,
    overflowed: Counter,
    known: Mutex<Known<M>>,
}

impl<M: Handle> Series<M> {
    /// Without series. `values` is how many label sets there can be, 0 if that is not known.
    pub(super) fn new(
        about: About,
        values: usize,
        limit: usize,
        seed: Seed,
        pools: &Arc<Pools>,
    ) -> Self {
        let closed = if values <= limit { values } else { 0 };
        Self {
            about,
            limit,
            seed,
            closed: (0..closed).map(|_| OnceLock::new()).collect(),
            open: Table::new(),
            full: AtomicBool::new(limit == 0),
            overflow: OnceLock::new(),
            overflowed: pools.counter(),
            known: Mutex::new(BTreeMap::new()),
            pools: Arc::clone(pools),
        }
    }

    #[inline]
    fn of(&self, labels: &impl LabelSet) -> &M {
        if !self.closed.is_empty()
            && let Some(place) = self.closed.get(labels.position())
        {
            return match place.get() {
                Some(handle) => handle,
                None => self.first_closed(place, labels),
            };
        }
        let hash = self.seed.hash(labels);
        // Read before the table: once nothing is added, what is not in it never will be.
        let full = self.full.load(Ordering::Acquire);
        match self.open.find(hash, labels) {
            Some(handle) => handle,
            None if full => self.beyond(),
            None => self.first_open(hash, labels),
        }
    }

    #[cold]
    #[inline(never)]
    fn first_closed<'a>(&self, place: &'a OnceLock<M>, labels: &impl LabelSet) -> &'a M {
        place.get_or_init(|| {
            let values = key::values(labels);
            let mut known = self.known();
            known
                .entry(values.into())
                .or_insert_with(|| self.pools.make())
                .clone()
        })
    }

    #[cold]
    #[inline(never)]
    fn first_open(&self, hash: u64, labels: &impl LabelSet) -> &M {
        let values = key::values(labels);
        let mut known = self.known();
        // Somebody else may have been first.
        if let Some(handle) = self.open.find(hash, labels) {
            return handle;
        }
        if known.len() >= self.limit {
            drop(known);
            return self.beyond();
        }
        let handle = known
            .entry(values.into())
            .or_insert_with(|| self.pools.make());
        self.open.insert(hash, labels, handle.clone());
        if known.len() >= self.limit {
            self.full.store(true, Ordering::Release);
        }
        self.open
            .find(hash, labels)
            .unwrap_or_else(|| self.beyond())
    }

    #[cold]
    fn beyond(&self) -> &M {
        self.overflowed.add(1);
        self.overflow.get_or_init(|| self.pools.make())
    }

    fn known(&self) -> MutexGuard<'_, Known<M>> {
        // Nothing panics while it is held, and a map that was being added to is still a map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handles(&self) -> Vec<M> {
        let known = self.known();
        known.values().chain(self.overflow.get()).cloned().collect()
    }

    /// The values of all series, sorted by their labels, the overflow last.
    pub(super) fn snapshot(&self) -> FamilySnapshot {
        let known: Vec<_> = {
            let known = self.known();
            known
                .iter()
                .map(|(labels, handle)| (Arc::clone(labels), handle.clone()))
                .collect()
        };
        let of = |(labels, handle): (Arc<[Box<str>]>, M)| SeriesSnapshot {
            labels,
            overflow: false,
            value: handle.read(),
        };
        let overflow = self.overflow.get().map(|handle| SeriesSnapshot {
            labels: Arc::default(),
            overflow: true,
            value: handle.read(),
        });
        FamilySnapshot {
            name: self.about.name.into(),
            unit: self.about.unit.into(),
            description: self.about.description.into(),
            kind: M::KIND,
            labels: self.about.labels.iter().map(|&name| name.into()).collect(),
            series: known.into_iter().map(of).chain(overflow).collect(),
            overflowed: self.overflowed.value(),
        }
    }
}
