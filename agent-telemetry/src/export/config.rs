//! What is written, and how.

use std::borrow::Borrow;
use std::error::Error;
use std::io::Write;

use serde::{Deserialize, Serialize};

use super::{ExportError, ExportWriter, Exported, RecordKind};
use crate::Record;
use crate::words::words;

words! {
    /// The form of an export.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::ExportFormat::from_word("csv"), Some(agent_telemetry::ExportFormat::Csv));
    /// ```
    ExportFormat {
        /// One table of all kinds of records, with a line of names above: see [`ExportConfig`].
        Csv = "csv",
        /// One object a line, each of which reads back as a [`Record`].
        Jsonl = "jsonl",
        /// One array of the same objects.
        Json = "json",
        /// The table of [`Csv`](Self::Csv) with typed columns, compressed with Zstandard. Needs the feature
        /// `parquet`.
        Parquet = "parquet",
    }
}

/// What is exported, and in which form.
///
/// CSV and Parquet have one row for each record, whatever its kind, and the columns of all kinds; `record`
/// says which kind a row is, and cells that its kind has not are empty. So one file answers
/// `SELECT model, sum(cost_usd) FROM 'records.parquet' WHERE record = 'model_call' GROUP BY model`. With
/// [`kinds`](Self::kinds) there are only their rows and columns.
///
/// - `at_utc` is a time in UTC; columns that end in `_s` are seconds, `cost_usd` is dollars, exact to 10⁻¹²;
///   an empty cost means that no price is known.
/// - CSV is that of RFC 4180: UTF-8, lines end in CR LF, texts with commas, quotes or line breaks are
///   quoted.
/// - Parquet has `TIMESTAMP(NANOS, UTC)`, `DOUBLE` for seconds, `DECIMAL(38, 12)` for dollars, `INT64` for
///   counts (2⁶³ − 1 at most), and row groups of at most 131 072 rows or 64 MiB of text.
/// - The table has the same figures and names as the page `schema`.
///
/// ```
/// use agent_primitives::{Timestamp, ToolName};
/// use agent_telemetry::{ExportConfig, ExportFormat, Record, RecordKind, ToolCall, ToolOutcome};
///
/// let call = ToolCall::new(ToolName::new("grep")?, ToolOutcome::Ok, std::time::Duration::from_millis(1_500));
/// let record = Record::new(Timestamp::from_unix_seconds(1_795_219_200), call);
/// let export = ExportConfig::new(ExportFormat::Csv).kinds([RecordKind::ToolCall]);
/// let mut table = Vec::new();
/// export.write([record], &mut table)?;
/// assert_eq!(
///     String::from_utf8(table)?,
///     "record,at_utc,project,session,agent,tool,outcome,elapsed_s\r\n\
///      tool_call,2026-11-21T00:00:00Z,,,,grep,ok,1.5\r\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// The form; CSV unless set.
    pub format: ExportFormat,
    /// Which kinds of records; all of them while it is empty.
    pub kinds: Vec<RecordKind>,
    /// Whether a CSV is for spreadsheets, which take a text that begins with `=`, `+`, `-`, `@`, the wide form of one
    /// of them, a tab or a line break for a formula: such a text gets an apostrophe before it. `true` unless set; without it every text
    /// is as it was recorded.
    pub for_spreadsheets: bool,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self::new(ExportFormat::Csv)
    }
}

impl ExportConfig {
    /// Everything, in this form.
    pub const fn new(format: ExportFormat) -> Self {
        Self {
            format,
            kinds: Vec::new(),
            for_spreadsheets: true,
        }
    }

    /// Only records of these kinds, and in a table only their columns.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = RecordKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Every text of a CSV as it was recorded, for programs that take none for a formula.
    #[must_use]
    pub const fn for_programs(mut self) -> Self {
        self.for_spreadsheets = false;
        self
    }

    /// Writes all of them; what is held in memory does not grow with their number.
    ///
    /// # Errors
    /// [`ExportError`] when `out` does not take them, or this build has not the form.
    pub fn write(
        &self,
        records: impl IntoIterator<Item = impl Borrow<Record>>,
        out: impl Write + Send,
    ) -> Result<Exported, ExportError> {
        let mut writer = ExportWriter::new(out, self)?;
        for record in records {
            writer.push(record.borrow())?;
        }
        writer.finish()
    }

    /// Writes all of them, which have to be read first, such as those of a store.
    ///
    /// # Errors
    /// As [`write`](Self::write), and the first error of the reading.
    pub fn try_write<E: Error + Send + Sync + 'static>(
        &self,
        records: impl IntoIterator<Item = Result<Record, E>>,
        out: impl Write + Send,
    ) -> Result<Exported, ExportError> {
        let mut writer = ExportWriter::new(out, self)?;
        for record in records {
            writer.push(&record.map_err(ExportError::unread)?)?;
        }
        writer.finish()
    }
}
