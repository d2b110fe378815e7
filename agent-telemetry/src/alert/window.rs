//! A sliding window: sixty parts in a ring, and their sum.

use std::borrow::Cow;
use std::num::ParseIntError;
use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

/// Parts of a window.
const PARTS: usize = 60;
const SPAN: i64 = 60;

/// What the parts of a window hold. Both operations wrap, so that what was added can be taken out again.
pub(super) trait Amount: Copy + Default + PartialEq {
    fn add(&mut self, other: Self);
    fn remove(&mut self, other: Self);
}

/// Calls, and those of them that are beyond two limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) all: u64,
    /// Beyond the limit that fires.
    pub(super) bad: u64,
    /// Beyond the limit that ends it.
    pub(super) near: u64,
}

impl Amount for Tally {
    fn add(&mut self, other: Self) {
        self.all = self.all.wrapping_add(other.all);
        self.bad = self.bad.wrapping_add(other.bad);
        self.near = self.near.wrapping_add(other.near);
    }

    fn remove(&mut self, other: Self) {
        self.all = self.all.wrapping_sub(other.all);
        self.bad = self.bad.wrapping_sub(other.bad);
        self.near = self.near.wrapping_sub(other.near);
    }
}

/// A sum that is a text in JSON, since few readers take numbers that long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub(super) struct Sum(pub(super) i128);

impl TryFrom<Cow<'_, str>> for Sum {
    type Error = ParseIntError;
    fn try_from(text: Cow<'_, str>) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl From<Sum> for String {
    fn from(sum: Sum) -> Self {
        sum.0.to_string()
    }
}

impl Amount for Sum {
    fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    fn remove(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

/// The sum over the last sixty parts, the current one included: it reaches back between 59 parts and the whole window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: Amount + Serialize",
    deserialize = "T: Amount + Deserialize<'de>"
))]
#[serde(from = "Sparse<T>", into = "Sparse<T>")]
pub(super) struct Ring<T: Amount> {
    /// Nanoseconds of a part; at least 1.
    width: i64,
    /// The number of the current part, counted from 1970.
    newest: i64,
    sum: T,
    parts: Box<[T; PARTS]>,
}

/// A ring without its empty parts.
#[derive(Serialize, Deserialize)]
struct Sparse<T> {
    width: i64,
    newest: i64,
    parts: Vec<(u8, T)>,
}

impl<T: Amount> From<Sparse<T>> for Ring<T> {
    fn from(sparse: Sparse<T>) -> Self {
        let mut ring = Self {
            width: sparse.width.max(1),
            newest: sparse.newest,
            sum: T::default(),
            parts: Box::new([T::default(); PARTS]),
        };
        for (number, amount) in sparse.parts {
            if let Some(part) = ring.parts.get_mut(usize::from(number)) {
                ring.sum.remove(*part);
                ring.sum.add(amount);
                *part = amount;
            }
        }
        ring
    }
}

impl<T: Amount> From<Ring<T>> for Sparse<T> {
    fn from(ring: Ring<T>) -> Self {
        let numbered = (0_u8..).zip(*ring.parts);
        Self {
            width: ring.width,
            newest: ring.newest,
            parts: numbered.filter(|(_, it)| *it != T::default()).collect(),
        }
    }
}

/// Nanoseconds of a part of a window of this length.
fn width(window: Duration) -> i64 {
    let nanos = i64::try_from(window.as_nanos()).unwrap_or(i64::MAX);
    (nanos / SPAN).max(1)
}

impl<T: Amount> Ring<T> {
    pub(super) fn new(window: Duration, now: Timestamp) -> Self {
        let width = width(window);
        Self {
            width,
            newest: now.unix_nanos().div_euclid(width),
            sum: T::default(),
            parts: Box::new([T::default(); PARTS]),
        }
    }

    /// Whether it is of a window of this length.
    pub(super) fn is_over(&self, window: Duration) -> bool {
        self.width == width(window)
    }

    /// Goes on to `now`, and gives the sum.
    pub(super) fn sum(&mut self, now: Timestamp) -> T {
        self.advance(now.unix_nanos().div_euclid(self.width));
        self.sum
    }

    /// Whether `at` was within the window, and the amount counts.
    pub(super) fn add(&mut self, at: Timestamp, amount: T) -> bool {
        let number = at.unix_nanos().div_euclid(self.width);
        self.advance(number);
        if self.newest.saturating_sub(number) >= SPAN {
            return false;
        }
        let Some(part) = self.part(number) else {
            return false;
        };
        part.add(amount);
        self.sum.add(amount);
        true
    }

    /// When the current part ends, which is the next time that the sum may change by itself.
    pub(super) fn next(&self) -> Timestamp {
        let next = self.newest.saturating_add(1).saturating_mul(self.width);
        Timestamp::from_unix_nanos(next)
    }

    /// Begins anew at `now` where it is ahead of it: the clock was set back.
    pub(super) fn rewind(&mut self, now: Timestamp) {
        let number = now.unix_nanos().div_euclid(self.width);
        if self.newest > number {
            self.clear();
            self.newest = number;
        }
    }

    pub(super) fn clear(&mut self) {
        *self.parts = [T::default(); PARTS];
        self.sum = T::default();
    }

    fn advance(&mut self, number: i64) {
        if number <= self.newest {
            return;
        }
        if number.saturating_sub(self.newest) >= SPAN {
            self.clear();
            self.newest = number;
        }
        while self.newest < number {
            self.newest += 1;
            if let Some(part) = self.part(self.newest) {
                let old = std::mem::take(part);
                self.sum.remove(old);
            }
        }
    }

    fn part(&mut self, number: i64) -> Option<&mut T> {
        let index = usize::try_from(number.rem_euclid(SPAN)).ok()?;
        self.parts.get_mut(index)
    }
}

impl Ring<Tally> {
    /// Whether its share cannot go beyond a limit by time alone, or for one that is not quiet, cannot change.
    pub(super) const fn is_at_rest(&self, is_quiet: bool) -> bool {
        if is_quiet {
            self.sum.bad == 0
        } else {
            self.sum.all == 0
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn sum_reaches_back_from_59_parts_to_the_window() {
        let mut ring = Ring::<Sum>::new(Duration::from_secs(60), at(0));
        assert!(ring.add(at(0), Sum(7)));
        assert_eq!(ring.sum(at(59)), Sum(7));
        assert_eq!(ring.sum(at(60)), Sum(0));
        assert!(ring.add(at(1), Sum(3)), "late and still within");
        assert!(!ring.add(at(0), Sum(3)), "too late");
        assert_eq!(ring.sum(at(60)), Sum(3));
        assert_eq!(ring.next(), at(61));
    }

    #[test]
    fn clock_that_was_set_back_does_not_wedge_it() {
        let mut ring = Ring::<Sum>::new(Duration::from_secs(60), at(0));
        ring.add(at(1_000_000), Sum(1));
        ring.rewind(at(10));
        assert!(ring.add(at(10), Sum(5)));
        assert_eq!(ring.sum(at(10)), Sum(5));
    }

    proptest! {
        #[test]
        fn sum_is_that_of_the_amounts_within(
            amounts in prop::collection::vec((0_i64..300, 0_i128..100), 0..80),
            later in 0_i64..100,
        ) {
            let mut ring = Ring::<Sum>::new(Duration::from_secs(60), at(-5));
            let mut counted = Vec::new();
            let mut now = -5;
            for (seconds, amount) in amounts {
                now = now.max(seconds);
                prop_assert_eq!(ring.add(at(seconds), Sum(amount)), now - seconds < 60);
                counted.push((seconds, amount));
                let text = serde_json::to_string(&ring).unwrap();
                ring = serde_json::from_str(&text).unwrap();
            }
            now += later;
            let within = |(seconds, _): &&(i64, i128)| now - seconds < 60;
            let expected = counted.iter().filter(within).map(|(_, amount)| amount).sum::<i128>();
            prop_assert_eq!(ring.sum(at(now)), Sum(expected));
        }
    }
}
