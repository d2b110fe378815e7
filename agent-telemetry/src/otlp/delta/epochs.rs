//! A cumulative series: the last value of each start.

use super::last::{Last, Step, whole};
use super::{Added, Rejected, Taken};
use crate::otlp::wire::Point;

/// Most starts of a series of which the last value is known.
pub(super) const EPOCHS_MAX: usize = 8;
/// Most starts of a series of which only is known when they were told of last.
pub(super) const RETIRED_MAX: usize = 16;

/// The streams of one series, told apart by their starts: a program that began anew, or several at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Epochs {
    /// The one told of last.
    pub(super) current: Option<Epoch>,
    pub(super) others: Vec<Epoch>,
    /// Those that made room.
    pub(super) retired: Vec<Retired>,
    /// What started by this time may be one that is not remembered any more, and was last told of by then.
    pub(super) floor: u64,
    /// Two of the streams overlap.
    pub(super) overlaps: bool,
}

/// One start and the last value of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Epoch {
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) last: Last,
}

/// A start whose value is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retired {
    pub(super) start: u64,
    pub(super) time: u64,
}

impl Epochs {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            floor,
            ..Self::default()
        }
    }

    /// Counts in `retired` the starts that make room.
    pub(super) fn add(
        &mut self,
        point: &Point,
        monotonic: bool,
        out: &mut Added,
        retired: &mut u64,
    ) -> Taken {
        let is_current = matches!(&self.current, Some(epoch) if epoch.start == point.start);
        if !is_current && !self.fetch(point.start) {
            return self.begin(point, out, retired);
        }
        let taken = match &mut self.current {
            Some(epoch) => epoch.advance(point, monotonic, out),
            None => Taken::Rejected(Rejected::EmptyPoint),
        };
        self.note_overlap(taken, out);
        taken
    }

    /// Makes the stream with this start the current one.
    fn fetch(&mut self, start: u64) -> bool {
        match self.others.iter_mut().find(|epoch| epoch.start == start) {
            Some(found) => {
                if let Some(current) = &mut self.current {
                    std::mem::swap(current, found);
                }
                true
            }
            None => false,
        }
    }

    /// The first point of a start, as far as is known.
    fn begin(&mut self, point: &Point, out: &mut Added, retired: &mut u64) -> Taken {
        let start = point.start;
        let revived = self.retired.iter().position(|it| it.start == start);
        let told_until = match revived.and_then(|at| self.retired.get(at)) {
            Some(it) => it.time,
            None if start <= self.floor => self.floor,
            None => 0,
        };
        if point.time <= told_until {
            return Taken::Forgotten;
        }
        let Some(last) = Last::new(&point.data) else {
            return Taken::Rejected(Rejected::EmptyPoint);
        };
        if let Some(at) = revived {
            self.retired.swap_remove(at);
        }
        let is_start_known = start > 0 && start < point.time && told_until == 0;
        out.to = point.time;
        let taken = if is_start_known {
            out.from = start;
            out.new_epoch = true;
            step(whole(&point.data, &mut out.change))
        } else {
            out.from = point.time;
            out.new_epoch = told_until == 0;
            Taken::Baseline
        };
        let epoch = Epoch {
            start,
            time: point.time,
            last,
        };
        self.others.extend(self.current.replace(epoch));
        *retired += self.make_room();
        self.note_overlap(taken, out);
        taken
    }

    /// Retires the stream that was told of longest ago, if there are too many.
    fn make_room(&mut self) -> u64 {
        if self.others.len() < EPOCHS_MAX {
            return 0;
        }
        let oldest = (0..).zip(&self.others).min_by_key(|(_, it)| it.time);
        let Some(at) = oldest.map(|(at, _)| at) else {
            return 0;
        };
        let epoch = self.others.swap_remove(at);
        self.retired.push(Retired {
            start: epoch.start,
            time: epoch.time,
        });
        if self.retired.len() > RETIRED_MAX {
            let oldest = (0..).zip(&self.retired).min_by_key(|(_, it)| it.time);
            if let Some((at, it)) = oldest {
                self.floor = self.floor.max(it.time);
                self.retired.swap_remove(at);
            }
        }
        1
    }

    /// Two starts at a time are two writers.
    fn note_overlap(&mut self, taken: Taken, out: &mut Added) {
        if !matches!(taken, Taken::Added | Taken::Nothing | Taken::Baseline) {
            return;
        }
        if let (false, Some(current)) = (self.overlaps, &self.current) {
            self.overlaps = self.others.iter().any(|it| it.overlaps(current));
        }
        out.second_writer = self.overlaps;
    }

    /// When it was told of last.
    pub(super) fn newest(&self) -> u64 {
        let epochs = self.current.iter().chain(&self.others);
        epochs.map(|it| it.time).fold(self.floor, u64::max)
    }

    /// Up to `time` there was more than is known here.
    pub(super) fn outdate(&mut self, time: u64) {
        if time > self.newest() {
            *self = Self {
                floor: time,
                overlaps: self.overlaps,
                ..Self::default()
            };
        }
    }
}

impl Epoch {
    fn advance(&mut self, point: &Point, monotonic: bool, out: &mut Added) -> Taken {
        if point.time <= self.time {
            if point.time == self.time && self.last.is(&point.data) {
                return Taken::Duplicate;
            }
            // What was told later is lower: in between it fell, which the later one overtook.
            out.reset_without_start = monotonic && self.last.is_below(&point.data);
            return Taken::Late;
        }
        let moved = self.last.advance(&point.data, monotonic, &mut out.change);
        if moved == Step::Mismatch {
            return Taken::Rejected(Rejected::WrongKind);
        }
        out.from = self.time;
        out.to = point.time;
        out.reset_without_start = moved == Step::Reset;
        self.time = point.time;
        step(moved)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let is_known = self.start > 0 && other.start > 0;
        is_known && self.start < other.time && other.start < self.time
    }
}

fn step(step: Step) -> Taken {
    match step {
        Step::Grew | Step::Reset => Taken::Added,
        Step::Same => Taken::Nothing,
        Step::Mismatch => Taken::Rejected(Rejected::WrongKind),
    }
}
