//! The crate from outside, as a host uses it.

#![expect(
    clippy::unwrap_used,
    reason = "functions that tests share are tests as well"
)]
#![expect(
    clippy::mem_forget,
    reason = "the handle of a process that died is never dropped"
)]

mod alerts;
mod answers;
mod arbitrary;
#[cfg(feature = "sqlite")]
mod canary;
mod contract;
#[cfg(feature = "sqlite")]
mod database;
#[cfg(all(feature = "sqlite", target_os = "linux"))]
mod disk;
mod export;
#[cfg(feature = "parquet")]
mod export_parquet;
#[cfg(feature = "sqlite")]
mod faults;
mod forecast;
mod full_scan;
mod jsonl;
#[cfg(all(feature = "sqlite", unix))]
mod kill;
mod live;
mod marks;
mod observer;
mod order;
#[cfg(feature = "postgres")]
mod postgres;
mod prices;
mod recorder;
mod report;
mod reports;
#[cfg(feature = "sqlite")]
mod retention;
#[cfg(feature = "sqlite")]
mod rollups;
#[cfg(feature = "sqlite")]
mod schema_page;
mod stats_scan;
mod story;
#[cfg(all(feature = "sqlite", target_os = "linux"))]
mod strace;
mod tracing_names;
mod unexplained;
#[cfg(feature = "sqlite")]
mod views;
