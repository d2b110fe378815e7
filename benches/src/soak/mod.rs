//! A host that takes data points at a steady rate from a hundred sessions, and what that takes of it.

mod host;
mod report;
mod send;

pub use host::soak;
pub use report::Soak;
pub use send::{Sent, send};

/// Sessions, each with a connection of its own.
const SESSIONS: u32 = 100;
/// Rounds a second, in each of which each session sends its points.
const ROUNDS: u32 = 10;
