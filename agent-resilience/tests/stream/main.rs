//! Streams under watch: how they end, what is told of what was delivered, and the three clocks, on
//! tokio's paused time.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should show where"
)]

mod clocks;
mod ends;
mod scripted;
