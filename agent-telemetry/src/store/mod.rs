//! Records in an SQLite database: one writer, and readers that may be any SQL tool.

mod database;
mod decode;
mod encode;
mod error;
mod file;
mod names;
mod pages;
mod prune;
mod read;
mod reports;
mod retention;
mod rolled;
mod rows;
mod schema;
mod tables;
mod unused;
mod write;

pub use error::StoreError;
pub use read::{Records, SqliteStore, StoredRollups};
pub use retention::{Pruned, Retention};
pub use write::SqliteSink;
