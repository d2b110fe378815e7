//! Records in an SQLite database: one writer, and readers that may be any SQL tool. What is no SQL (how
//! rows are laid out, how long what is kept) holds for other databases as well.

#[cfg(feature = "sqlite")]
mod answers;
#[cfg(feature = "sqlite")]
mod database;
#[cfg(feature = "sqlite")]
mod decode;
#[cfg(feature = "sqlite")]
mod encode;
#[cfg(feature = "sqlite")]
mod error;
#[cfg(feature = "sqlite")]
mod file;
#[cfg(feature = "sqlite")]
mod forecast;
#[cfg(feature = "sqlite")]
mod handoffs;
#[cfg(feature = "sqlite")]
mod marks;
#[cfg(feature = "sqlite")]
mod names;
#[cfg(feature = "sqlite")]
mod operations;
#[cfg(feature = "sqlite")]
mod pages;
#[cfg(feature = "sqlite")]
mod prune;
#[cfg(feature = "sqlite")]
mod quality;
#[cfg(feature = "sqlite")]
mod read;
mod reads;
#[cfg(feature = "sqlite")]
mod reports;
mod retention;
#[cfg(feature = "sqlite")]
mod rolled;
#[cfg(feature = "sqlite")]
mod rows;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
mod sequences;
#[cfg(feature = "sqlite")]
mod suggestions;
mod tables;
#[cfg(feature = "sqlite")]
mod unused;
#[cfg(feature = "sqlite")]
mod write;

#[cfg(feature = "sqlite")]
pub use error::StoreError;
#[cfg(feature = "sqlite")]
pub use handoffs::StoredHandoffs;
#[cfg(feature = "sqlite")]
pub use read::{Records, SqliteStore};
#[cfg(feature = "postgres")]
pub(crate) use reads::{FIRST_OF_HANDOFFS, Reads};
#[cfg(feature = "postgres")]
pub(crate) use retention::Cutoffs;
pub use retention::{Pruned, Retention};
#[cfg(feature = "postgres")]
pub(crate) use tables::Table;
#[cfg(feature = "sqlite")]
pub use write::SqliteSink;
