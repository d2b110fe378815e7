//! The figures of today.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::callgrind::instructions;
use super::record::Gate;
use crate::harness::{Broken, Counted, counted_by};

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

    /// Counts what each of `gates` asks for.
    ///
    /// # Errors
    /// When a path is gone, or a counter cannot be run.
    pub fn measure(&self, gates: &[Gate]) -> Result<Vec<Measured>, Broken> {
        let mut counted: Vec<Counted> = Vec::new();
        let mut measured = Vec::new();
        for gate in gates {
            if !counted.iter().any(|one| one.group() == gate.group) {
                let arguments = ["--bench", "--filter", &gate.group].map(OsString::from);
                counted.extend(counted_by(&self.allocations, &arguments)?);
            }
            measured.push(Measured {
                instructions: instructions(&self.instructions, gate)?,
                allocations: allocations(&counted, gate)?,
            });
        }
        Ok(measured)
    }
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
