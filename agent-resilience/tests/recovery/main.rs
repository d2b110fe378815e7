//! Requests that cannot be answered as they stand, and what is done about them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]

mod answers;
mod around_a_chain;
mod bounds;
mod corpus;
mod ladder;
mod limits;
mod parts;
mod support;
