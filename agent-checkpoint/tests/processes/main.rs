//! What takes processes of its own: they are killed, stopped, overtaken, or run out of disk.
//!
//! Damage at every byte stands beside, as it is compiled optimised as well.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what is not there fails the test, and what is skipped is told"
)]

mod damage_anywhere;
#[cfg(all(feature = "fs", target_os = "linux"))]
mod full_disk;
#[cfg(feature = "fs")]
mod kill;
#[cfg(all(feature = "fs", target_os = "linux"))]
mod ownership;
#[cfg(all(feature = "fs", unix))]
mod rights;
#[cfg(all(feature = "fs", target_os = "linux"))]
mod strace;
#[cfg(feature = "fs")]
mod stray_files;

/// Whoever starts a child here, or opens a session in files, takes a turn: a child holds copies of all open files, and
/// with them locks, until it is executed.
#[cfg(feature = "fs")]
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
