//! Records in a Postgres database: any number of writers that take turns, and readers that may be any
//! SQL tool.

mod batch;
mod cell;
mod config;
mod connection;
mod decode;
mod encode;
mod error;
mod marks;
mod names;
mod pages;
mod prune;
mod read;
mod reports;
mod rolled;
mod schema;
mod sessions;
mod write;

pub use config::PostgresConfig;
pub use error::PostgresError;
pub use read::{PostgresRecords, PostgresStore};
pub use write::PostgresSink;
