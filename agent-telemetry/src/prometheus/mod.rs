//! What a Prometheus server reads, and how to give it.
//!
#![doc = include_str!("../../docs/prometheus.md")]

mod buckets;
mod exporter;
mod exposition;
mod format;
#[cfg(feature = "http")]
mod handler;
mod health;
mod lines;
mod metrics;
mod name;
mod totals;

pub use exporter::Exporter;
pub use exposition::{Exposition, ExpositionConfig, Shown};
pub use format::Format;
pub use totals::{Totals, TotalsConfig, TotalsSink};
