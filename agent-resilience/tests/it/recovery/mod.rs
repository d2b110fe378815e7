//! Requests that cannot be answered as they stand, and what is done about them.

mod answers;
#[cfg(feature = "tokio")]
mod around_a_chain;
mod bounds;
mod corpus;
mod ladder;
mod limits;
mod parts;
mod support;
