//! Work that passes to another agent: what it needs to know, in one package.
//!
//! A [`Package`] is plain data. [`Package::of`] reads it from a session; the host adds what only it knows.

mod acts;
mod begin;
mod bounds;
mod brief;
mod clip;
mod collect;
mod failed;
mod fit;
mod inherited;
mod package;
mod paths;
mod piece;
mod scenario;
mod tail;
mod terms;

pub use bounds::Bounds;
pub use inherited::Inherited;
pub use package::{Link, Package, Tried};
pub use piece::Piece;
pub use scenario::Scenario;
pub use terms::Terms;

pub(crate) use collect::Source;
