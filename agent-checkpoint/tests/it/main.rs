//! The crate from outside, as a host uses it, in one process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what is not there fails the test, and the counts are printed"
)]

#[cfg(feature = "fs")]
mod blobs;
mod conversations;
mod crossing;
mod cutting;
mod cycling;
mod cycling_handles;
mod damage;
#[cfg(all(feature = "fs", feature = "encryption"))]
mod encrypted;
mod failed_sync;
#[cfg(feature = "fs")]
mod files;
#[cfg(feature = "fs")]
mod fork;
mod fork_and_seal;
#[cfg(feature = "fs")]
mod golden;
#[cfg(feature = "fs")]
mod golden_1_1;
#[cfg(feature = "fs")]
mod golden_1_2;
#[cfg(feature = "goose-sqlite")]
mod goose_database;
mod guarded;
mod handoff;
mod handoff_file;
mod handoff_verdict;
mod history;
#[cfg(all(feature = "fs", unix))]
mod host_folder;
mod host_types;
mod importing;
mod importing_hostile;
#[cfg(all(feature = "fs", feature = "encryption"))]
mod keys;
mod large_components;
mod mirror;
mod model;
mod mutations;
mod naming;
mod on_the_way;
mod ownership;
mod partly_in_memory;
mod patience;
mod points;
mod reader;
#[cfg(all(feature = "fs", unix))]
mod real_files;
mod recorded_sessions;
#[cfg(feature = "fs")]
mod recover;
mod redaction;
mod refusal;
mod repair_context;
mod resume;
mod retention;
mod sealing;
mod session;
mod settings;
mod store_contract;
mod truncation;
mod truncation_sound;
mod versions;
