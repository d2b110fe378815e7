//! What goes out as OTLP, as a server sees it that reads it with the messages that others generated.

#![expect(
    clippy::indexing_slicing,
    clippy::mem_forget,
    clippy::unwrap_used,
    reason = "functions that tests share are tests as well"
)]

mod answers;
mod content;
#[path = "../it/story.rs"]
mod day;
mod env;
mod golden;
mod metrics;
mod queue;
mod render;
mod round_trip;
mod server;
mod spans;
mod story;

use std::time::Duration;

use agent_primitives::ManualClock;
use agent_telemetry::otlp::{OtlpSink, OtlpSinkBuilder};

use server::Server;

/// A sink for this server whose waits take no time, and its clock.
fn sink(server: &Server) -> (OtlpSinkBuilder, ManualClock) {
    let clock = ManualClock::starting_at(story::at(0));
    let theirs = clock.clone();
    let builder = OtlpSink::builder(&server.endpoint())
        .service_name("shop-agents")
        .service_instance("i-1")
        .timeout(Duration::from_secs(20))
        .waits(clock.clone(), move |time| theirs.advance(time));
    (builder, clock)
}
