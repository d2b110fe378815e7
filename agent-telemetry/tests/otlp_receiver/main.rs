//! The receiver over real sockets, as senders and attackers meet it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "functions that tests share are tests as well"
)]

mod conformance;
mod crowd;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod later;
mod noise;
mod peer;
mod scripted;
mod slow;
mod start;
mod stop;
