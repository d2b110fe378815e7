//! The figures of today.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::callgrind::instructions;
use super::judge::judge;
use super::record::{Gate, Gates};
use crate::harness::{Broken, Counted, counted_by};

/// How often a path is counted in all where the first count is above its gate. Maps take a random seed in each
/// process, and with one seed in a dozen a look-up that finds nothing takes a step more, which is no change of the code.
const COUNTS: usize = 7;

/// What one call takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Instructions on the calling thread.
    pub instructions: f64,
    /// Allocations of the calling thread.
    pub allocations: f64,
}

/// The two programs that count.
#[derive(Debug, Clone)]
pub struct Counters {
    instructions: PathBuf,
    allocations: PathBuf,
}

impl Counters {
    /// Those that were built into `folder`.
    pub fn of(folder: &Path) -> Self {
        let program = |name: &str| {
            folder
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION)
        };
        Self {
            instructions: program("count_instructions"),
            allocations: program("count_allocations"),
        }
    }

    /// Counts what each of `gates` asks for, instructions of as many at once as there are processors: a count does
    /// not depend on what else runs.
    ///
    /// # Errors
    /// When a path is gone, or a counter cannot be run.
    pub fn measure(&self, gates: &[Gate]) -> Result<Vec<Measured>, Broken> {
        let mut counted: Vec<Counted> = Vec::new();
        for gate in gates {
            if !counted.iter().any(|one| one.group() == gate.group) {
                let arguments = ["--bench", "--filter", &gate.group].map(OsString::from);
                counted.extend(counted_by(&self.allocations, &arguments)?);
            }
        }
        let mut measured = Vec::with_capacity(gates.len());
        for (gate, instructions) in gates.iter().zip(self.instructions(gates)) {
            measured.push(Measured {
                instructions: instructions?,
                allocations: allocations(&counted, gate)?,
            });
        }
        Ok(measured)
    }

    /// What [`measure`](Self::measure) says, where paths that do not pass are counted six more times: of these the
    /// median of seven counts.
    ///
    /// # Errors
    /// When a path is gone, or a counter cannot be run.
    pub fn measure_above_again(&self, gates: &Gates, rustc: &str) -> Result<Vec<Measured>, Broken> {
        let (same, gates) = (gates.rustc == rustc, &gates.gates);
        let mut measured = self.measure(gates)?;
        let above = |gate: &Gate, measured: &Measured| !judge(gate, *measured).passes(same);
        let again: Vec<Gate> = (gates.iter().zip(&measured))
            .filter(|(gate, measured)| above(gate, measured))
            .map(|(gate, _)| gate.clone())
            .collect();
        let those = gates.iter().zip(&mut measured);
        let those: Vec<&mut Measured> = those
            .filter(|(gate, measured)| above(gate, measured))
            .map(|(_, measured)| measured)
            .collect();
        let counts = self.measure_often(&again, COUNTS - 1)?;
        for (measured, mut counts) in those.into_iter().zip(counts) {
            counts.push(*measured);
            *measured = median(&counts).unwrap_or(*measured);
        }
        Ok(measured)
    }

    /// The median of three counts of each path.
    ///
    /// # Errors
    /// When a path is gone, or a counter cannot be run.
    pub fn measure_to_write(&self, gates: &[Gate]) -> Result<Vec<Measured>, Broken> {
        let counts = self.measure_often(gates, 3)?;
        Ok(counts.iter().filter_map(|it| median(it)).collect())
    }

    /// So many counts of each path.
    fn measure_often(&self, gates: &[Gate], times: usize) -> Result<Vec<Vec<Measured>>, Broken> {
        let mut counts = vec![Vec::with_capacity(times); gates.len()];
        for _ in 0..times {
            for (counts, one) in counts.iter_mut().zip(self.measure(gates)?) {
                counts.push(one);
            }
        }
        Ok(counts)
    }

    /// Of each of `gates`, in their order.
    fn instructions(&self, gates: &[Gate]) -> Vec<Result<f64, Broken>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                match gates.get(at) {
                    Some(gate) => done.push((at, instructions(&self.instructions, gate))),
                    None => return done,
                }
            }
        };
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let mut counts = thread::scope(|scope| {
            let others: Vec<_> = (1..processors).map(|_| scope.spawn(work)).collect();
            let mut counts = work();
            for other in others {
                match other.join() {
                    Ok(more) => counts.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            counts
        });
        counts.sort_by_key(|(at, _)| *at);
        counts.into_iter().map(|(_, count)| count).collect()
    }
}

/// Of both figures on their own; `None` of no counts.
fn median(counts: &[Measured]) -> Option<Measured> {
    let middle = |figure: fn(&Measured) -> f64| {
        let mut figures: Vec<f64> = counts.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    };
    Some(Measured {
        instructions: middle(|one| one.instructions)?,
        allocations: middle(|one| one.allocations)?,
    })
}

fn allocations(counted: &[Counted], gate: &Gate) -> Result<f64, Broken> {
    counted
        .iter()
        .find(|one| one.group() == gate.group && one.case() == gate.case && one.threads() == 1)
        .map(Counted::allocations)
        .ok_or_else(|| {
            let path = format!("count allocations of {:?} in {:?}", gate.case, gate.group);
            Broken::new(path, "there is no such row; change its gate as well")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unlucky_seed_does_not_move_the_median() {
        let seen = |instructions, allocations| Measured {
            instructions,
            allocations,
        };
        let counts = [seen(560.6, 0.0), seen(533.0, 0.1), seen(528.4, 0.0)];
        assert_eq!(median(&counts), Some(seen(533.0, 0.0)));
        assert_eq!(median(&[]), None);
    }
}
