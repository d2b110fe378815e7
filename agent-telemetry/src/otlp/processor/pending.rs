//! What the points of one series added since it was told last.

use agent_primitives::Timestamp;

use super::super::delta::{Added, Change, Running};
use super::super::names::Meaning;
use super::super::seen::Seen;
use super::super::wire::Number;

/// Doubles are added up in parts of this size, so that no rounding adds up: one is a pico-dollar.
const PER_ONE: f64 = 1e12;

/// How much older the value of a gauge may be than the last one, in nanoseconds, to have been sent before it.
const OVERTAKEN: u64 = 600_000_000_000;

/// Added up over a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    sum: Sum,
    /// Nanoseconds since 1970.
    since: u64,
    until: u64,
    /// Points since the last record that said how many there were.
    pub(super) points: u32,
    /// Time that no interval told of.
    pub(super) gap_ns: u64,
    /// When a gauge was as it was told last.
    shown: u64,
}

#[derive(Debug, Clone, Copy, Default)]
enum Sum {
    #[default]
    Nothing,
    Int(i128),
    /// In parts of one.
    Double(i128),
    Histogram {
        count: u64,
        /// In parts of one; `None` once a point told none.
        sum: Option<i128>,
    },
    Gauge(Number),
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.sum, Sum::Nothing)
    }

    #[inline]
    pub(super) fn add(&mut self, added: &Added) {
        // Nearly all points.
        if let (Change::Int(more), Sum::Int(sum)) = (&added.change, &mut self.sum) {
            *sum = sum.saturating_add(*more);
        } else {
            self.add_other(added);
        }
        self.cover(added.from, added.to);
    }

    fn add_other(&mut self, added: &Added) {
        self.sum = match (&added.change, self.sum) {
            (Change::Nothing, sum) => sum,
            (Change::Int(more), Sum::Double(sum)) => {
                Sum::Double(sum.saturating_add(more.saturating_mul(1_000_000_000_000)))
            }
            (Change::Int(more), _) => Sum::Int(*more),
            (Change::Double(more), Sum::Double(sum)) => {
                Sum::Double(sum.saturating_add(parts(*more)))
            }
            (Change::Double(more), Sum::Int(sum)) => Sum::Double(
                sum.saturating_mul(1_000_000_000_000)
                    .saturating_add(parts(*more)),
            ),
            (Change::Double(more), _) => Sum::Double(parts(*more)),
            (Change::Histogram(it), sum) => measured(sum, it.data.count, told(it.sum, it.data.sum)),
            (Change::Exponential(it), sum) => {
                measured(sum, it.data.count, told(it.sum, it.data.sum))
            }
        };
    }

    /// What a gauge shows: the newest counts. Whether it is to be told: what is a little older than what was told is sent
    /// again, or overtaken; what is much older is of a clock that was wrong.
    pub(super) fn show(&mut self, value: Number, at: u64) -> bool {
        let since = self.shown.checked_sub(at);
        if at > 0 && since.is_some_and(|it| it < OVERTAKEN) {
            return false;
        }
        if self.is_empty() || at >= self.until {
            self.sum = Sum::Gauge(value);
            self.cover(at, at);
        }
        true
    }

    fn cover(&mut self, from: u64, to: u64) {
        self.since = if self.since == 0 {
            from
        } else {
            self.since.min(from)
        };
        self.until = self.until.max(to);
    }

    /// When the last point was.
    pub(super) fn last(&self) -> Timestamp {
        timestamp(self.until)
    }

    /// Tells what it is, and begins anew.
    pub(super) fn tell(&mut self, meaning: &Meaning, out: &mut Vec<Seen>) {
        let (since, at) = (timestamp(self.since), timestamp(self.until));
        match std::mem::take(&mut self.sum) {
            Sum::Nothing => {}
            Sum::Int(it) => meaning.of_number(integer(it), since, at, out),
            Sum::Double(it) => meaning.of_number(Number::Double(ones(it)), since, at, out),
            Sum::Histogram { count, sum } => {
                meaning.of_histogram(count, sum.map(ones), since, at, out);
            }
            Sum::Gauge(value) => {
                self.shown = self.until;
                meaning.of_gauge(value, at, out);
            }
        }
        (self.since, self.until) = (0, 0);
    }
}

fn measured(sum: Sum, count: u64, told: Option<i128>) -> Sum {
    match sum {
        Sum::Histogram { count: before, sum } => Sum::Histogram {
            count: before.saturating_add(count),
            sum: sum.zip(told).map(|(sum, more)| sum.saturating_add(more)),
        },
        _ => Sum::Histogram { count, sum: told },
    }
}

fn told(running: Option<Running>, sum: Option<f64>) -> Option<i128> {
    let running = running.or_else(|| sum.map(|after| Running { before: 0.0, after }));
    running.map(parts)
}

fn parts(running: Running) -> i128 {
    running.units(PER_ONE).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "a double is wanted")]
fn ones(parts: i128) -> f64 {
    parts as f64 / PER_ONE
}

fn integer(sum: i128) -> Number {
    #[expect(clippy::cast_precision_loss, reason = "beyond what integers hold")]
    match i64::try_from(sum) {
        Ok(it) => Number::Int(it),
        Err(_) => Number::Double(sum as f64),
    }
}

fn timestamp(nanos: u64) -> Timestamp {
    Timestamp::from_unix_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::super::names::{Source, of_series};
    use super::super::super::value::Attributes;
    use super::super::super::wire::{MetricHead, Scope, Shape};
    use super::*;

    #[test]
    fn gauge_that_is_sent_again_is_told_once_and_one_whose_clock_was_wrong_goes_on() {
        const MINUTE: u64 = 60_000_000_000;
        let (nothing, scope) = (Attributes::default(), Scope::default());
        let head = MetricHead {
            name: "queue.length".into(),
            unit: "".into(),
            shape: Shape::Gauge,
        };
        let meaning = of_series(&Source::new(&nothing, &scope), &head, &nothing);
        let mut pending = Pending::default();
        let mut show = |minutes: &[u64]| {
            let mut out = Vec::new();
            for minute in minutes {
                pending.show(Number::Int(1), minute * MINUTE);
            }
            pending.tell(&meaning, &mut out);
            out.len()
        };
        assert_eq!(show(&[99, 100]), 1);
        assert_eq!(show(&[99, 100]), 0, "the request came again");
        assert_eq!(show(&[101]), 1);
        assert_eq!(show(&[80]), 1, "its clock was put right");
        assert_eq!(show(&[81]), 1);
    }
}
