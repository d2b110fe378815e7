//! Streams under watch: how they end, what is told of what was delivered, and the three clocks, on
//! tokio's paused time.

mod chain;
mod chain_cuts;
mod clocks;
mod cuts;
mod ends;
mod reader;
mod scripted;
mod settled;
mod vendors;
