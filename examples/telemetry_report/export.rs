//! The records of a period in a file.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use agent_telemetry::{ExportConfig, ExportFormat, Exported, Period, RecordKind, SqliteStore};

/// What is written, and where.
#[derive(Default)]
pub(super) struct Export {
    pub(super) config: ExportConfig,
    /// On standard output unless given.
    pub(super) out: Option<PathBuf>,
    /// Whether an argument said anything about it.
    pub(super) is_told: bool,
}

impl Export {
    /// As the end of the name says.
    pub(super) fn to(&mut self, path: PathBuf) {
        let ending = path.extension().and_then(|it| it.to_str());
        if let Some(format) = ending.and_then(ExportFormat::from_word) {
            self.config.format = format;
        }
        self.out = Some(path);
        self.is_told = true;
    }

    pub(super) fn format(&mut self, word: &str) -> Result<(), String> {
        self.config.format = ExportFormat::from_word(word)
            .ok_or_else(|| format!("\"{word}\" is no format; write csv, jsonl, json or parquet"))?;
        self.is_told = true;
        Ok(())
    }

    /// Kinds with commas between them.
    pub(super) fn kinds(&mut self, words: &str) -> Result<(), String> {
        for word in words.split(',') {
            let kind = RecordKind::from_word(word).ok_or_else(|| {
                let known: Vec<&str> = RecordKind::ALL.iter().map(|it| it.as_str()).collect();
                format!(
                    "\"{word}\" is no kind of record; write some of {}",
                    known.join(",")
                )
            })?;
            self.config.kinds.push(kind);
        }
        self.is_told = true;
        Ok(())
    }

    /// Row by row, so that it does not matter how many there are.
    #[allow(clippy::print_stderr, reason = "a command-line program")]
    pub(super) fn run(
        &self,
        store: &SqliteStore,
        period: Period,
    ) -> Result<Exported, Box<dyn Error>> {
        let records = store.records_in(period.from()..period.to());
        let exported = match &self.out {
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
                self.config.try_write(records, file)?
            }
            None => self.config.try_write(records, io::stdout())?,
        };
        eprintln!("wrote {} records", exported.records);
        Ok(exported)
    }
}
