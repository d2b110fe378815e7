//! Records in an SQLite database: one writer, and readers that may be any SQL tool.

mod decode;
mod encode;
mod error;
mod file;
mod names;
mod pages;
mod read;
mod rolled;
mod schema;
mod tables;
mod write;

pub use error::StoreError;
pub use read::{Records, SqliteStore, StoredRollups};
pub use write::SqliteSink;
