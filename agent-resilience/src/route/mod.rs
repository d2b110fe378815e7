//! Who is asked: what candidates are able to do, what a request needs, and the choice between them.

mod binary;
mod candidate;
mod capabilities;
mod config;
mod decide;
mod decision;
mod learned;
mod needs;
mod permille;
mod profile;
mod score;
mod skip;
mod table;

pub use candidate::{Availability, Candidate};
pub use capabilities::Capabilities;
pub use config::{InvalidRoute, RouteConfig, RouteStrategy, RouteWeights};
pub use decide::decide;
pub use decision::{Considered, Decision, Score};
pub use learned::{Belief, Estimate, Feedback, LearnedConfig, LearnedStats};
pub use needs::Needs;
pub use permille::{InvalidPermille, Permille};
pub use profile::Profile;
pub use skip::Skip;
pub use table::DecisionTable;
