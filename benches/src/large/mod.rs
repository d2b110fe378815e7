//! One long session: what it takes to write, to restore and to look at, in time, memory and bytes on disk.
//!
//! Each figure is taken in a process of its own that does one thing and ends, so that its peak of resident memory is
//! that of this one thing.

mod measure;
mod memory;
mod report;
mod stores;
mod tasks;
mod words;

pub use measure::{Asked, measure};
pub use memory::resident;
pub use report::{LargeSession, Read, Written};
pub use tasks::{Outcome, Task, perform};
