//! From cumulative values, and from deltas that may come twice, to what was added.

mod added;
mod check;
mod epochs;
mod exponential;
mod figures;
mod intervals;
mod last;
mod mark;
mod table;
mod taken;
#[cfg(test)]
mod tests;

pub(crate) use added::{Added, Change, Distribution, Running};

#[cfg(test)]
use figures::Coverage;
use figures::DeltaFigures;
pub(crate) use mark::InvalidMark;
pub(crate) use taken::{Rejected, Taken};

use check::{Reading, check, reading};
use epochs::Epochs;
use intervals::Intervals;
pub(crate) use table::Place;
use table::{Memory, Table};

use super::wire::{Point, PointData, Shape};

/// Which series a point is of: a hash of resource, scope, name, unit, shape and attributes, made by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesKey(pub(crate) u128);

/// Bounds of what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeltasConfig {
    /// Most series; 100 000 unless set. Another one takes the place of one that was not told of for long.
    pub(crate) series: usize,
    /// Most series without a place of which is known when they were told of last; 16 384 unless set.
    pub(crate) gone: usize,
}

impl Default for DeltasConfig {
    fn default() -> Self {
        Self {
            series: 100_000,
            gone: 16_384,
        }
    }
}

/// What was added, of points that say what there is, or that may come twice, late or never.
///
/// Nothing is counted twice: what cannot be told from what was there already is not added, but counted by cause. There
/// are two exceptions. Two writers of one cumulative series that name the same start look like a value that falls again
/// and again: each fall is marked as a reset. And where a stream begins with a value of unknown age, its next point
/// looks like one of a known start if it is the first to arrive.
///
/// What is remembered survives the process in [`mark`](Self::mark)s, stored together with what was added: then what is
/// lost is lost with its baseline, and the next total, or the same request sent again, makes up for it.
#[derive(Debug)]
pub(crate) struct Deltas {
    table: Table,
    figures: DeltaFigures,
    latest: u64,
    /// As a caller keeps them, whatever becomes of the series.
    #[cfg(test)]
    kept: std::collections::HashMap<SeriesKey, Place>,
}

impl Deltas {
    pub(crate) fn new(config: DeltasConfig) -> Self {
        Self {
            table: Table::new(config.series, config.gone),
            figures: DeltaFigures::default(),
            latest: u64::MAX,
            #[cfg(test)]
            kept: std::collections::HashMap::new(),
        }
    }

    /// From now on points after this time, in nanoseconds since 1970, are refused: one far ahead would make all that
    /// follow look late. To be called before each batch, with the time by the receiver's clock and some allowance for
    /// others; without it no time is too late.
    pub(crate) fn expect_until(&mut self, time: u64) {
        self.latest = time;
    }

    /// Says in `out` what `point` adds. Points of one series come best in the order of their times, though any order is
    /// counted right as long as values do not fall without a new start, and starts are known.
    ///
    /// Where the caller keeps the place for the next point of the series, that one is found at once.
    pub(crate) fn add_at(
        &mut self,
        place: &mut Place,
        series: SeriesKey,
        shape: Shape,
        point: &Point,
        out: &mut Added,
    ) -> Taken {
        out.clear();
        let taken = self.take((place, series), shape, point, out);
        if !matches!(taken, Taken::Added | Taken::Nothing) {
            out.change = Change::Nothing;
        }
        self.figures.points.note(taken, out);
        taken
    }

    #[cfg(test)]
    pub(crate) fn add(
        &mut self,
        series: SeriesKey,
        shape: Shape,
        point: &Point,
        out: &mut Added,
    ) -> Taken {
        let mut place = self.kept.get(&series).copied().unwrap_or_default();
        let taken = self.add_at(&mut place, series, shape, point, out);
        self.kept.insert(series, place);
        taken
    }

    fn take(
        &mut self,
        (place, series): (&mut Place, SeriesKey),
        shape: Shape,
        point: &Point,
        out: &mut Added,
    ) -> Taken {
        if point.no_recorded_value {
            return Taken::NoRecordedValue;
        }
        let reading = match reading(shape).and_then(|it| check(shape, point).map(|()| it)) {
            Ok(reading) => reading,
            Err(cause) => return Taken::Rejected(cause),
        };
        if let (Reading::Gauge, PointData::Number(number)) = (reading, &point.data) {
            return Taken::Gauge(*number);
        }
        if point.time > self.latest {
            return Taken::Rejected(Rejected::InFuture);
        }
        let retired = &mut self.figures.retired;
        if let Some(memory) = self.table.use_known(place, series) {
            return remember(memory, reading, point, out, retired);
        }
        let floor = self.table.gone_until(series);
        let mut memory = nothing_since(floor, reading);
        let taken = remember(&mut memory, reading, point, out, retired);
        if !matches!(taken, Taken::Forgotten | Taken::Rejected(_)) {
            self.table.put(series, memory);
            self.figures.evicted = self.table.evicted;
        }
        taken
    }

    /// Figures over all series since this was made.
    pub(crate) fn figures(&self) -> &DeltaFigures {
        &self.figures
    }

    /// How many series are remembered.
    #[cfg(test)]
    pub(crate) fn series(&self) -> usize {
        self.table.len()
    }

    /// Whether a series is remembered. Of one that is not, a stored mark is to be restored before points are added.
    #[cfg(test)]
    pub(crate) fn knows(&self, series: SeriesKey) -> bool {
        self.table.get(series).is_some()
    }

    /// What is remembered of a series, to be stored in one transaction with what was added. To be taken before so many
    /// other series are added that this one may have to go.
    pub(crate) fn mark(&self, series: SeriesKey) -> Option<Vec<u8>> {
        self.table.get(series).map(mark::write)
    }

    /// What is to be stored of a series that had to go since something of it was added: until when it was told of.
    pub(crate) fn mark_of_gone(&self, series: SeriesKey, shape: Shape) -> Option<Vec<u8>> {
        let until = self.table.gone_until(series);
        let reading = reading(shape).ok().filter(|it| *it != Reading::Gauge)?;
        (until > 0).then(|| mark::write(&nothing_since(until, reading)))
    }

    /// Remembers what a mark says, instead of what is known of the series.
    ///
    /// # Errors
    ///
    /// If these bytes are no mark of this version or an earlier one. Nothing is changed then.
    pub(crate) fn restore(&mut self, series: SeriesKey, mark: &[u8]) -> Result<(), InvalidMark> {
        let memory = mark::read(mark)?;
        self.table.put_back(series, memory);
        self.figures.evicted = self.table.evicted;
        Ok(())
    }

    /// What is known of series ends here: others may have been told of until `time`, in nanoseconds since 1970. Of one
    /// that is not known, what began before is not added, as some of it may have been.
    pub(crate) fn forgot_until(&mut self, time: u64) {
        self.table.forgot_until(time);
    }

    /// Forgets series that were not told of since `time`, in nanoseconds since 1970.
    pub(crate) fn evict_older(&mut self, time: u64) {
        self.table.evict_older(time);
        self.figures.evicted = self.table.evicted;
    }
}

fn nothing_since(floor: u64, reading: Reading) -> Memory {
    match reading {
        Reading::Delta => Memory::Delta(Intervals::new(floor)),
        _ => Memory::Cumulative(Epochs::new(floor)),
    }
}

fn remember(
    memory: &mut Memory,
    reading: Reading,
    point: &Point,
    out: &mut Added,
    retired: &mut u64,
) -> Taken {
    match (memory, reading) {
        (Memory::Cumulative(epochs), Reading::Cumulative { monotonic }) => {
            epochs.add(point, monotonic, out, retired)
        }
        (Memory::Delta(intervals), Reading::Delta) => intervals.add(point, out),
        _ => Taken::Rejected(Rejected::WrongKind),
    }
}
