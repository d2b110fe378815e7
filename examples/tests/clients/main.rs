//! Real client libraries under a policy, against the scripted provider over real HTTP: `reqwest`,
//! `async-openai`, and `hyper-util` as a tower service.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where something unexpected happens"
)]

mod calls;
mod limits;
mod replies;
mod stand;
