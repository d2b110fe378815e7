//! What forecasts say of simulated histories, beside what came.

mod calls;
mod contexts;
mod shapes;
mod spending;

pub use calls::calls;
pub use contexts::{Context, contexts};
pub use spending::{Kind, report_ms, spending};

use fastrand::Rng;
use serde::Serialize;

/// How often intervals held what came, and how far off what was told was beside the linear projection.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Score {
    cases: u32,
    held: u32,
    below: u32,
    above: u32,
    /// Of those where there is a linear projection.
    told: u32,
    missed: f64,
    linear: f64,
}

impl Score {
    fn interval(&mut self, low: f64, came: f64, high: f64) {
        self.cases += 1;
        self.below += u32::from(came < low);
        self.above += u32::from(came > high);
        self.held += u32::from(low <= came && came <= high);
    }

    fn point(&mut self, told: f64, linear: f64, came: f64) {
        self.told += 1;
        self.missed += (told - came).abs();
        self.linear += (linear - came).abs();
    }

    /// Adds another.
    pub fn absorb(&mut self, other: &Self) {
        self.cases += other.cases;
        self.held += other.held;
        self.below += other.below;
        self.above += other.above;
        self.told += other.told;
        self.missed += other.missed;
        self.linear += other.linear;
    }

    /// How many intervals.
    pub const fn cases(&self) -> u32 {
        self.cases
    }

    /// How many of a hundred held what came.
    pub fn coverage(&self) -> f64 {
        100.0 * f64::from(self.held) / f64::from(self.cases.max(1))
    }

    /// How many of a hundred were above what came, and below.
    pub fn beyond(&self) -> (f64, f64) {
        let of = |number: u32| 100.0 * f64::from(number) / f64::from(self.cases.max(1));
        (of(self.below), of(self.above))
    }

    /// By how many percent the error is less than that of the linear projection.
    pub fn gain(&self) -> Option<f64> {
        (self.told > 0 && self.linear > 0.0).then(|| 100.0 * (1.0 - self.missed / self.linear))
    }
}

/// By Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// With a median of one.
fn lognormal(rng: &mut Rng, spread: f64) -> f64 {
    (spread * normal(rng)).exp()
}
