//! Answers that come in pieces: watched while they come, and never taken for whole when they are not.

mod chain;
mod decode;
mod delivered;
mod error;
mod events;
mod guard;
mod limits;
mod opening;
mod part;
mod watch;

pub use chain::{ChainStream, StreamOptions};
pub use decode::EventStream;
pub use delivered::Delivered;
pub use error::{Partial, StreamError};
pub use events::{EventReader, EventTooLarge};
pub use guard::GuardedStream;
pub use limits::{InvalidStreamLimits, StreamClock, StreamLimits};
pub use part::{Part, StreamItem};
