//! The fallback chain on a clock that the test moves.

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
