//! Figures that a change may not make worse: instructions and allocations of one call, by path.
//!
//! Times differ from machine to machine and from minute to minute; these do not, as long as the
//! compiler is the same.

mod callgrind;
mod judge;
mod measure;
mod record;
mod report;

pub use callgrind::collected;
pub use judge::{Finding, Verdict, judge};
pub use measure::{Counters, Measured};
pub use record::{Gate, Gates};
pub use report::Report;
