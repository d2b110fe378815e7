//! Failover scenarios: a provider that fails in sixteen ways, and what its caller sees.

mod catalogue;
mod host;
mod score;
mod stage;

pub use catalogue::{ATTEMPT_LIMIT, Calls, Check, OUTAGE, Scenario};
pub use host::Caller;
pub use score::{Score, Scored, Verdict};
pub use stage::{CallSeen, Ended, Observed, play};
