//! The scripted provider seen from outside: by a plain HTTP client, by a bare socket, and by
//! `HttpProvider`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]

mod answers;
mod asking;
mod errors;
mod lifecycle;
mod refused;
mod spoiled;
mod verdicts;
mod wire;
