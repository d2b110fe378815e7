//! Streams under watch: how they end, what is told of what was delivered, and the three clocks, on
//! tokio's paused time.
#![cfg(feature = "tokio")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that fails should show where; one that counts, with --nocapture, what it counted"
)]

mod chain;
mod chain_cuts;
mod clocks;
mod cuts;
mod ends;
mod reader;
mod scripted;
mod settled;
mod vendors;
