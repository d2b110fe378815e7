//! Choosing between candidates: what is skipped, what wins, and how it is learned.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod adapts;
mod chooses;
mod configured;
mod holds;
mod kept;
mod learns;
mod repeats;
mod skips;
