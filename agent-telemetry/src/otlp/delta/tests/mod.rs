//! Each case that a stream can come in, and random worlds of them.

mod cumulative;
mod distributions;
mod hostile;
mod intervals;
mod marks;
mod room;
mod world;

use super::*;
use crate::otlp::wire::{Number, Temporality};

const KEY: SeriesKey = SeriesKey(7);
const COUNTER: Shape = Shape::Sum {
    temporality: Temporality::Cumulative,
    monotonic: true,
};
const UP_DOWN: Shape = Shape::Sum {
    temporality: Temporality::Cumulative,
    monotonic: false,
};
const DELTAS: Shape = Shape::Sum {
    temporality: Temporality::Delta,
    monotonic: true,
};

fn point(start: u64, time: u64, data: PointData) -> Point {
    Point {
        start,
        time,
        no_recorded_value: false,
        data,
    }
}

fn int(start: u64, time: u64, value: i64) -> Point {
    point(start, time, PointData::Number(Number::Int(value)))
}

fn double(start: u64, time: u64, value: f64) -> Point {
    point(start, time, PointData::Number(Number::Double(value)))
}

/// One series, and what became of its last point.
struct One {
    deltas: Deltas,
    shape: Shape,
    out: Added,
}

impl One {
    fn new(shape: Shape) -> Self {
        Self {
            deltas: Deltas::new(DeltasConfig::default()),
            shape,
            out: Added::default(),
        }
    }

    fn add(&mut self, point: &Point) -> Taken {
        self.deltas.add(KEY, self.shape, point, &mut self.out)
    }

    /// What each point added, as whole numbers.
    fn ints(&mut self, points: impl IntoIterator<Item = Point>) -> Vec<i128> {
        let mut amounts = Vec::new();
        for point in points {
            self.add(&point);
            amounts.push(match self.out.change {
                Change::Nothing => 0,
                Change::Int(it) => it,
                ref other => panic!("{other:?}"),
            });
        }
        amounts
    }

    fn points(&self) -> &Coverage {
        &self.deltas.figures().points
    }
}
