//! Requests that cannot be answered as they stand, and what is done about them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]
#![allow(
    clippy::result_large_err,
    reason = "a verdict is the error, as a host may have it"
)]

mod answers;
#[cfg(feature = "tokio")]
mod around_a_chain;
mod bounds;
mod corpus;
mod ladder;
mod limits;
mod parts;
mod support;
