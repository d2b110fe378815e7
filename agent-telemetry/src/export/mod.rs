//! Records for other programs: streamed from an iterator into a file, a row at a time.

mod cells;
mod column;
mod config;
mod csv;
mod error;
mod json;
mod kind;
mod node;
#[cfg(feature = "parquet")]
mod parquet;
mod tables;
mod writer;

pub use config::{ExportConfig, ExportFormat};
pub use error::ExportError;
pub use kind::RecordKind;
pub use tables::CsvTable;
pub use writer::{ExportWriter, Exported};
