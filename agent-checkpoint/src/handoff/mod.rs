//! Work that passes to another agent: what it needs to know, in one package.
//!
//! A [`Package`] is plain data. [`Package::of`] reads it from a session; the host adds what only it knows.

mod acts;
mod begin;
mod bounded;
mod bounds;
mod brief;
mod carried;
mod clip;
mod collect;
mod error;
mod failed;
mod file;
mod fit;
mod inherited;
mod masked;
mod package;
mod paths;
mod piece;
#[cfg(feature = "fs")]
mod place;
mod receiver;
mod scenario;
mod situation;
mod tail;
mod terms;
mod validate;
mod verdict;

pub use bounded::Limits;
pub use bounds::Bounds;
pub use error::PackageError;
pub use file::{EXTENSION, MEDIA_TYPE};
pub use inherited::Inherited;
pub use package::{Link, Package, Tried};
pub use piece::Piece;
pub use receiver::{Held, Receiver};
pub use scenario::Scenario;
pub use situation::{FULL_PERCENT, Situation, Taker};
pub use terms::Terms;
pub use verdict::{Missing, Verdict};

pub(crate) use collect::Source;
pub(crate) use inherited::NAME;
