//! The crate from outside, as a host uses it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]
#![allow(clippy::print_stdout, reason = "the figures are the point of the run")]
#![allow(
    clippy::result_large_err,
    reason = "verdicts are errors here as they are"
)]

mod breaker;
mod breaker_model;
mod breaker_permits;
#[cfg(feature = "tokio")]
mod breaker_under_attack;
mod breaker_windows;
mod classify;
mod corpus;
mod evidence;
mod fallback;
mod headers;
mod hints;
mod limits;
#[cfg(feature = "tokio")]
mod limits_under_attack;
#[cfg(feature = "tokio")]
mod policy;
#[cfg(feature = "tokio")]
mod policy_spends;
#[cfg(feature = "tokio")]
mod policy_tells_its_stages;
#[cfg(feature = "tokio")]
mod policy_under_attack;
mod recovery;
mod retry;
#[cfg(feature = "tokio")]
mod retry_under_attack;
mod route;
mod settings;
mod spend;
mod spend_conserved;
#[cfg(feature = "tokio")]
mod stream;
#[cfg(all(feature = "tower", feature = "tokio"))]
mod tower;
