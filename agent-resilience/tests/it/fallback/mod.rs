//! The fallback chain on a clock that the test moves.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test expects is known"
)]

mod between;
mod built;
mod checked;
mod crowds;
mod hedged;
mod invariants;
mod never;
mod paid;
mod pins;
mod predicted;
mod probes;
mod rests;
mod returning;
mod routed;
mod scopes;
mod stage;
mod time_limits;
mod told;
mod under_way;
