//! Takes figures: timings in turns, allocations in another process, bytes from the kernel.

mod case;
mod clockwork;
mod counts;
mod effort;
mod load;
mod options;
mod perform;
mod poll;
mod row;
mod run;
mod spread;
mod summary;
mod table;
mod together;
mod versions;
mod weight;

pub use case::{Broken, Case, Footprint, Group, Kind, Steps};
pub use counts::{Allocated, Counted, count, counted_by};
pub use effort::Effort;
pub use options::Options;
pub use perform::{COUNTED, perform};
pub use poll::ready;
pub use run::{Plan, Report};
pub use spread::Spread;
pub use summary::Skipped;
pub use versions::version_of;
