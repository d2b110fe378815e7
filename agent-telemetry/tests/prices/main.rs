//! Prices against the public map: every entry, every key, and the arithmetic that LiteLLM publishes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and prints what it compared"
)]

mod calls;
mod loading;
mod map;
mod names;
mod published;
mod units;
