//! What is learned of candidates from what their calls earned, and forgotten again.

mod belief;
mod config;
mod mean;
mod stats;

pub use belief::Belief;
pub use config::LearnedConfig;
pub use stats::{Estimate, Feedback, LearnedStats};
