//! The page for Prometheus, read back by a parser of our own, by `promtool`, and by a real server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions that tests share are tests as well"
)]

mod full;
#[cfg(feature = "http")]
mod handler;
mod hostile;
mod page;
mod parser;
mod promql;
mod promtool;
mod round_trip;
#[cfg(feature = "http")]
mod server;
mod shipped;
mod totals;
