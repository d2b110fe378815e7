//! The series that are known: what each means, and what it added since it was told last.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hasher};

use agent_primitives::{SessionId, Timestamp};

use super::super::delta::{self, SeriesKey};
use super::super::names::Meaning;
use super::super::wire::{Prints, Shape, Temporality};
use super::pending::Pending;

/// Ways to write the attributes of one series that are known, in the mean.
const ALIASES_EACH: usize = 4;

/// A series that is known.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) key: SeriesKey,
    /// The identity of its resource.
    pub(super) resource: u128,
    pub(super) shape: Shape,
    /// Apart, so that what each point needs is together.
    pub(super) meaning: Box<Meaning>,
    /// Whether its name is in the table of names.
    pub(super) is_known: bool,
    /// What it counts from.
    pub(super) baseline: delta::Place,
    pub(super) pending: Pending,
    /// When its baseline was stored last.
    pub(super) marked: Timestamp,
    /// The hash of its session.
    group: u64,
    /// How it was written when it came.
    written: u128,
    /// Whether it waits to be told.
    waits: Waits,
    /// The window in which a point of it came last.
    used: u64,
}

impl Series {
    /// A cumulative sum that may fall says how much there is, and not what was added.
    pub(super) fn is_level(&self) -> bool {
        let level = Shape::Sum {
            temporality: Temporality::Cumulative,
            monotonic: false,
        };
        self.shape == level
    }

    pub(super) fn session(&self) -> Option<&SessionId> {
        self.meaning.who().session.as_ref()
    }
}

/// Whether a series waits to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    No,
    /// With the next window.
    Dirty,
    /// With the window that ended.
    Due,
}

/// Where a series is, for as long as none is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub(super) u32);

/// How a series is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The fingerprint of its attributes.
    pub(super) labels: u128,
    /// What stands for its metric, scope and resource.
    pub(super) head: u128,
}

impl Written {
    #[inline]
    const fn alias(self) -> u128 {
        self.labels.rotate_left(1).wrapping_add(self.head)
    }
}

/// Series by their identity, and by how they are written.
#[derive(Debug)]
pub(super) struct Table {
    series: Vec<Series>,
    by_key: HashMap<SeriesKey, Place, Ready>,
    /// By the fingerprint of their attributes, where these are of one metric alone, and of attributes and metric else.
    aliases: HashMap<u128, Place, Ready>,
    /// Those that wait, each with the hash of its session.
    dirty: Vec<(u64, Place)>,
    due: Vec<(u64, Place)>,
    prints: Prints,
    limit: usize,
    window: u64,
    forgotten: u64,
}

type Ready = BuildHasherDefault<Hashed>;

/// Keys are hashes with a secret already.
#[derive(Debug, Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

impl Table {
    /// Its hashes live as long as the process.
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        Self {
            series: Vec::new(),
            by_key: HashMap::default(),
            aliases: HashMap::default(),
            prints: Prints::new(seed),
            dirty: Vec::new(),
            due: Vec::new(),
            limit: limit.clamp(1, u32::MAX as usize),
            window: 0,
            forgotten: 0,
        }
    }

    pub(super) const fn prints(&self) -> &Prints {
        &self.prints
    }

    /// One whose attributes have this fingerprint, of whichever metric.
    #[inline]
    pub(super) fn labelled(&self, fingerprint: u128) -> Option<Place> {
        self.aliases.get(&fingerprint).copied()
    }

    /// By how it is written. `place` is where it may be.
    #[inline]
    pub(super) fn written(&self, place: Option<Place>, written: Written) -> Option<Place> {
        let alias = written.alias();
        let is_it = |place: &Place| {
            let series = self.series.get(place.0 as usize);
            series.is_some_and(|it| it.written == alias)
        };
        place.filter(is_it).or_else(|| self.labelled(alias))
    }

    /// By what it is, now known to be written like this.
    pub(super) fn known(&mut self, key: SeriesKey, written: Written) -> Option<Place> {
        let place = self.by_key.get(&key).copied()?;
        self.alias(written.labels, place);
        self.alias(written.alias(), place);
        Some(place)
    }

    /// Another one; `None` where there is no room.
    pub(super) fn insert(
        &mut self,
        (key, resource): (SeriesKey, u128),
        shape: Shape,
        meaning: Meaning,
        written: Written,
    ) -> Option<Place> {
        if self.series.len() >= self.limit {
            self.forget();
        }
        if self.series.len() >= self.limit {
            return None;
        }
        let place = Place(u32::try_from(self.series.len()).ok()?);
        let session = meaning.who().session.as_ref();
        let group = session.map_or(0, |it| {
            BuildHasherDefault::<DefaultHasher>::default().hash_one(it)
        });
        self.series.push(Series {
            key,
            resource,
            shape,
            is_known: meaning.is_known(),
            meaning: Box::new(meaning),
            baseline: delta::Place::default(),
            pending: Pending::default(),
            marked: Timestamp::UNIX_EPOCH,
            group,
            waits: Waits::No,
            written: written.alias(),
            used: self.window,
        });
        self.by_key.insert(key, place);
        if self.alias(written.labels, place) != place {
            self.alias(written.alias(), place);
        }
        Some(place)
    }

    /// Where a series of that alias is: here, unless there is one.
    fn alias(&mut self, alias: u128, place: Place) -> Place {
        if self.aliases.len() >= self.limit.saturating_mul(ALIASES_EACH) {
            self.aliases.clear();
        }
        *self.aliases.entry(alias).or_insert(place)
    }

    pub(super) fn get(&mut self, place: Place) -> Option<&mut Series> {
        self.series.get_mut(place.0 as usize)
    }

    /// It is to be told with the next window.
    pub(super) fn touch(&mut self, place: Place) {
        if let Some(series) = self.series.get_mut(place.0 as usize) {
            series.used = self.window;
            if series.waits == Waits::No {
                series.waits = Waits::Dirty;
                self.dirty.push((series.group, place));
            }
        }
    }

    /// Whether any wait to be told.
    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.has_due()
    }

    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// A window ends: what waits is to be told now.
    pub(super) fn end_window(&mut self) {
        self.window += 1;
        self.due.append(&mut self.dirty);
        self.due.sort_unstable_by_key(|(group, _)| *group);
        for (_, place) in &self.due {
            if let Some(series) = self.series.get_mut(place.0 as usize) {
                series.waits = Waits::Due;
            }
        }
    }

    /// At most `many` of those that are to be told, those of one session together.
    pub(super) fn take_due(&mut self, many: usize) -> Vec<(u64, Place)> {
        let due = self.due.split_off(self.due.len().saturating_sub(many));
        for (_, place) in &due {
            if let Some(series) = self.series.get_mut(place.0 as usize) {
                series.waits = Waits::No;
            }
        }
        due
    }

    pub(super) fn at(&self, place: Place) -> Option<&Series> {
        self.series.get(place.0 as usize)
    }

    /// Forgets a quarter: those of which no point came for longest. What waits to be told is kept.
    fn forget(&mut self) {
        let mut windows: Vec<u64> = self.series.iter().map(|it| it.used).collect();
        if windows.is_empty() {
            return;
        }
        let quarter = windows.len() / 4;
        let (_, limit, _) = windows.select_nth_unstable(quarter);
        let limit = (*limit).min(self.window.saturating_sub(1));
        let before = self.series.len();
        let current = self.window;
        self.series
            .retain(|it| it.waits != Waits::No || it.used > limit || it.used == current);
        self.forgotten += (before - self.series.len()) as u64;
        self.aliases.clear();
        self.by_key.clear();
        self.dirty.clear();
        self.due.clear();
        for (place, series) in (0_u32..).zip(&self.series) {
            let place = Place(place);
            self.by_key.insert(series.key, place);
            match series.waits {
                Waits::No => {}
                Waits::Dirty => self.dirty.push((series.group, place)),
                Waits::Due => self.due.push((series.group, place)),
            }
        }
        self.due.sort_unstable_by_key(|(group, _)| *group);
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::names::{Source, of_series};
    use super::super::super::value::Attributes;
    use super::super::super::wire::{MetricHead, Scope};
    use super::*;

    fn insert(table: &mut Table, number: u64) -> Option<Place> {
        add(table, number.into(), written(number.into(), 0))
    }

    fn due(table: &mut Table, many: usize) -> Vec<u128> {
        let due = table.take_due(many);
        let keys = due
            .iter()
            .map(|(_, place)| table.get(*place).unwrap().key.0);
        keys.collect()
    }

    #[test]
    fn what_is_due_stays_so_while_others_are_forgotten_and_what_comes_later_waits() {
        let mut table = Table::new(8, 0);
        let places: Vec<Place> = (0..8).filter_map(|it| insert(&mut table, it)).collect();
        for place in &places[4..] {
            table.touch(*place);
        }
        table.end_window();
        assert_eq!(due(&mut table, 1).len(), 1);
        // A point of one that is due is told with it, one of what was told waits for the next window.
        let told: Vec<u128> = (4..8).filter(|it| !waits(&table, *it)).collect();
        table.touch(places[usize::try_from(told[0]).unwrap()]);
        for _ in 0..3 {
            table.end_window_of_none();
        }
        assert!(insert(&mut table, 100).is_some());
        assert!(table.forgotten() > 0);
        let mut rest = due(&mut table, 8);
        rest.sort_unstable();
        let expected: Vec<u128> = (4..8).filter(|it| *it != told[0]).collect();
        assert_eq!(rest, expected);
        assert!(!table.has_due() && table.is_dirty());
        table.end_window();
        assert_eq!(due(&mut table, 8), told);
        assert!(!table.is_dirty());
    }

    fn waits(table: &Table, key: u128) -> bool {
        let series = table.series.iter().find(|it| it.key.0 == key).unwrap();
        series.waits != Waits::No
    }

    impl Table {
        /// Time passes, and nothing is told.
        fn end_window_of_none(&mut self) {
            self.window += 1;
        }
    }

    fn tell_all(table: &mut Table) {
        table.end_window();
        let _ = table.take_due(usize::MAX);
    }

    fn add(table: &mut Table, key: u128, written: Written) -> Option<Place> {
        let (scope, attributes) = (Scope::default(), Attributes::default());
        let head = MetricHead {
            name: "tokens".into(),
            unit: "".into(),
            shape: Shape::Gauge,
        };
        let source = Source::new(&attributes, &scope);
        let meaning = of_series(&source, &head, &attributes);
        table.insert((SeriesKey(key), 0), head.shape, meaning, written)
    }

    /// As a request finds it.
    fn find(table: &Table, written: Written) -> Option<Place> {
        table.written(table.labelled(written.labels), written)
    }

    const fn written(labels: u128, head: u128) -> Written {
        Written { labels, head }
    }

    #[test]
    fn series_of_two_metrics_with_the_same_attributes_are_told_apart() {
        let mut table = Table::new(10, 7);
        let first = add(&mut table, 1, written(5, 100));
        let second = add(&mut table, 2, written(5, 200));
        assert!(first.is_some() && first != second);
        assert_eq!(find(&table, written(5, 100)), first);
        assert_eq!(find(&table, written(5, 200)), second);
        assert_eq!(find(&table, written(5, 300)), None);
    }

    #[test]
    fn a_series_that_is_written_in_two_ways_is_known_by_both() {
        let mut table = Table::new(10, 7);
        let place = add(&mut table, 1, written(5, 100));
        assert_eq!(find(&table, written(6, 100)), None);
        assert_eq!(table.known(SeriesKey(1), written(6, 100)), place);
        assert_eq!(find(&table, written(5, 100)), place);
        assert_eq!(find(&table, written(6, 100)), place);
    }

    #[test]
    fn ways_to_write_a_series_are_bounded_and_the_newest_is_known() {
        let mut table = Table::new(2, 7);
        let place = add(&mut table, 1, written(1, 100));
        for labels in 2..100 {
            assert_eq!(table.known(SeriesKey(1), written(labels, 100)), place);
            assert!(table.aliases.len() <= 2 * ALIASES_EACH);
            assert_eq!(find(&table, written(labels, 100)), place);
        }
    }

    #[test]
    fn a_place_from_before_others_were_forgotten_is_seen_through() {
        let mut table = Table::new(4, 7);
        let places = [1, 2, 3, 4].map(|it| add(&mut table, it, written(it, 100)));
        tell_all(&mut table);
        for place in places.into_iter().skip(2).flatten() {
            table.touch(place);
        }
        tell_all(&mut table);
        // It makes room, and those that stay move.
        let fifth = add(&mut table, 5, written(5, 100));
        assert!(fifth.is_some());
        for (place, it) in places.into_iter().zip(1_u128..) {
            if let Some(found) = table.written(place, written(it, 100)) {
                let key = table.get(found).map(|series| series.key);
                assert_eq!(key, Some(SeriesKey(it)));
            }
        }
        assert_eq!(table.written(fifth, written(5, 100)), fifth);
        assert_eq!(table.written(places[3], written(4, 100)), None);
        assert!(table.known(SeriesKey(4), written(4, 100)).is_some());
    }
}
