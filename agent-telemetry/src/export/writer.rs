//! Takes records one by one, and writes them in the form that was asked for.

use std::fmt;
use std::io::Write;

use super::column::Column;
use super::csv::{CsvRows, Guard};
use super::json::JsonItems;
#[cfg(feature = "parquet")]
use super::parquet::ParquetRows;
use super::{ExportConfig, ExportError, ExportFormat, RecordKind};
use crate::Record;

/// Writes records one by one; without [`finish`](Self::finish) what is written is not whole. `out` gets
/// blocks of 64 KiB or more, so that it needs no buffer of its own.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{ExportConfig, ExportFormat, ExportWriter, Metric, Record};
///
/// let mut lines = Vec::new();
/// let mut writer = ExportWriter::new(&mut lines, &ExportConfig::new(ExportFormat::Jsonl))?;
/// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("files", 3));
/// writer.push(&record)?;
/// assert_eq!(writer.finish()?.records, 1);
/// assert_eq!(serde_json::from_slice::<Record>(&lines)?, record);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct ExportWriter<W: Write + Send> {
    rows: Rows<W>,
    kinds: Vec<RecordKind>,
    exported: Exported,
}

/// What was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Records written.
    pub records: u64,
    /// Records of kinds that were not asked for.
    pub left_out: u64,
}

enum Rows<W: Write + Send> {
    Csv(CsvRows<W>),
    Json(JsonItems<W>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows<W>>),
}

impl<W: Write + Send> ExportWriter<W> {
    /// Begins to write.
    ///
    /// # Errors
    /// [`ExportError`] when `out` does not take it, or this build has not the form.
    pub fn new(out: W, config: &ExportConfig) -> Result<Self, ExportError> {
        let columns = Column::of(&config.kinds);
        let rows = match config.format {
            ExportFormat::Csv => Rows::Csv(
                CsvRows::new(out, columns, Guard::of(config)).map_err(ExportError::unwritten)?,
            ),
            ExportFormat::Jsonl => Rows::Json(JsonItems::lines(out)),
            ExportFormat::Json => Rows::Json(JsonItems::array(out)),
            #[cfg(feature = "parquet")]
            ExportFormat::Parquet => Rows::Parquet(Box::new(
                ParquetRows::new(out, columns).map_err(ExportError::unwritten)?,
            )),
            #[cfg(not(feature = "parquet"))]
            ExportFormat::Parquet => return Err(ExportError::missing(config.format)),
        };
        Ok(Self {
            rows,
            kinds: config.kinds.clone(),
            exported: Exported::default(),
        })
    }

    /// One more; left out and counted where its kind was not asked for.
    ///
    /// # Errors
    /// [`ExportError`] when `out` does not take it.
    pub fn push(&mut self, record: &Record) -> Result<(), ExportError> {
        if !self.kinds.is_empty() && !self.kinds.contains(&record.kind()) {
            self.exported.left_out += 1;
            return Ok(());
        }
        match &mut self.rows {
            Rows::Csv(rows) => rows.push(record),
            Rows::Json(items) => items.push(record),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.push(record),
        }
        .map_err(ExportError::unwritten)?;
        self.exported.records += 1;
        Ok(())
    }

    /// Writes what is left, and flushes `out`.
    ///
    /// # Errors
    /// [`ExportError`] when `out` does not take it.
    pub fn finish(self) -> Result<Exported, ExportError> {
        match self.rows {
            Rows::Csv(rows) => rows.finish(),
            Rows::Json(items) => items.finish(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.finish(),
        }
        .map_err(ExportError::unwritten)?;
        Ok(self.exported)
    }
}

impl<W: Write + Send> fmt::Debug for ExportWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportWriter")
            .field("kinds", &self.kinds)
            .field("exported", &self.exported)
            .finish_non_exhaustive()
    }
}
