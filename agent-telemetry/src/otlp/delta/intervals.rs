//! A series of deltas: which intervals were told of.

use std::collections::VecDeque;

use super::last::{Step, whole};
use super::{Added, Rejected, Taken};
use crate::otlp::wire::{Number, Point, PointData};

/// Most intervals of a series that are known again.
pub(super) const INTERVALS_MAX: usize = 16;

/// The intervals of one series that were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Intervals {
    /// In the order of their ends.
    pub(super) recent: VecDeque<Interval>,
    /// What ended by this time may be one that was forgotten with all others.
    pub(super) floor: u64,
    /// Where the first one starts.
    pub(super) origin: u64,
    /// Where the last one ends; 0 without any.
    pub(super) reach: u64,
    /// Time between both that was told of.
    pub(super) covered: u64,
    /// Two of them overlap.
    pub(super) overlaps: bool,
}

/// Something was added after `start` and up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    /// Equal to the end where it is not known.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Of the value, to tell one sent again from that of another writer.
    pub(super) print: u64,
}

impl Intervals {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            floor,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, point: &Point, out: &mut Added) -> Taken {
        let end = point.time;
        let start = if point.start == 0 { end } else { point.start };
        let interval = Interval {
            start,
            end,
            print: print_of(&point.data),
        };
        // One that ends after all others was not there yet. Of those nothing is read here, as they are often not in the
        // processor's cache.
        if end <= self.newest() {
            if self.recent.contains(&interval) {
                return Taken::Duplicate;
            }
            if end <= self.forgotten_until() {
                return Taken::Forgotten;
            }
        }
        let taken = match whole(&point.data, &mut out.change) {
            Step::Grew | Step::Reset => Taken::Added,
            Step::Same => Taken::Nothing,
            Step::Mismatch => return Taken::Rejected(Rejected::WrongKind),
        };
        let before = self.uncovered();
        self.cover(interval);
        let after = self.uncovered();
        self.remember(interval);
        out.from = start;
        out.to = end;
        out.gap_ns = after.saturating_sub(before);
        out.filled_ns = before.saturating_sub(after);
        out.second_writer = self.overlaps;
        taken
    }

    fn cover(&mut self, Interval { start, end, .. }: Interval) {
        if self.reach == 0 {
            self.origin = start;
            self.covered = end - self.origin;
            self.reach = end;
            return;
        }
        // Of one without a start is supposed that it follows on the last.
        let fresh = if start == end {
            end.saturating_sub(self.reach)
        } else if start >= self.reach {
            end - start
        } else {
            // What is behind the floor is neither new nor told of twice, as far as is known.
            let ahead = self.origin.saturating_sub(start).min(end - start);
            let from = start.max(self.forgotten_until()).max(self.origin);
            let from = from.min(end);
            let fresh = self.fresh(from, end);
            self.overlaps |= fresh < end - from;
            ahead + fresh
        };
        self.origin = self.origin.min(start);
        self.reach = self.reach.max(end);
        let span = self.reach - self.origin;
        self.covered = self.covered.saturating_add(fresh).min(span);
    }

    /// How much of the time after `from` and up to `to` no known interval tells of.
    fn fresh(&self, from: u64, to: u64) -> u64 {
        let mut known = [(to, to); INTERVALS_MAX];
        for (slot, it) in known.iter_mut().zip(&self.recent) {
            *slot = (it.start.clamp(from, to), it.end.clamp(from, to));
        }
        known.sort_unstable();
        let (mut at, mut fresh) = (from, 0);
        for (start, end) in known {
            fresh += start.saturating_sub(at);
            at = at.max(end);
        }
        fresh + (to - at)
    }

    fn remember(&mut self, interval: Interval) {
        if self.recent.len() >= INTERVALS_MAX {
            self.recent.pop_front();
        }
        if interval.end >= self.reach {
            self.recent.push_back(interval);
        } else {
            let at = self.recent.partition_point(|it| it.end <= interval.end);
            self.recent.insert(at, interval);
        }
    }

    /// What ended by then may be one that is not remembered: once there were as many as can be, others may have ended
    /// when the first of them did.
    fn forgotten_until(&self) -> u64 {
        let first = self.recent.front().map_or(0, |it| it.end);
        let is_full = self.recent.len() >= INTERVALS_MAX;
        self.floor.max(if is_full { first } else { 0 })
    }

    /// Time between the first and the last interval that none tells of.
    fn uncovered(&self) -> u64 {
        (self.reach - self.origin).saturating_sub(self.covered)
    }

    /// When it was told of last.
    pub(super) fn newest(&self) -> u64 {
        self.reach.max(self.floor)
    }

    /// Up to `time` there was more than is known here.
    pub(super) fn outdate(&mut self, time: u64) {
        if time > self.newest() {
            self.floor = time;
            self.recent.clear();
        }
    }
}

/// The same for the same value.
fn print_of(data: &PointData) -> u64 {
    let bits = |sum: Option<f64>| sum.map_or(1, f64::to_bits);
    match data {
        PointData::Missing => 0,
        PointData::Number(Number::Int(it)) => it.cast_unsigned(),
        PointData::Number(Number::Double(it)) => mix(2, it.to_bits()),
        PointData::Summary { count, sum } => mix(*count, sum.to_bits()),
        PointData::Histogram(it) => {
            let start = mix(it.count, bits(it.sum));
            it.buckets.iter().copied().fold(start, mix)
        }
        PointData::Exponential(it) => {
            let start = mix(mix(it.count, bits(it.sum)), it.zero_count);
            let buckets = it.positive.iter().chain(&it.negative);
            buckets.copied().fold(start, mix)
        }
    }
}

fn mix(print: u64, word: u64) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    (print.rotate_left(23) ^ word).wrapping_mul(FACTOR)
}
