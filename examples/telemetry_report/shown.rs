//! One report in the form that was asked for: text, JSON, a part of a page, or tables in files.

use std::error::Error;
use std::fmt::Display;
use std::fs;

use agent_telemetry::{CsvTable, HtmlPage, HtmlPart};
use serde::Serialize;

use crate::options::Options;

/// Where reports go.
pub(super) struct Output<'o> {
    options: &'o Options,
    page: HtmlPage,
    printed: bool,
    tables: u64,
}

impl<'o> Output<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        let page = HtmlPage::new("What the agents did").made(options.now);
        Self {
            options,
            page,
            printed: false,
            tables: 0,
        }
    }

    /// Prints the report, or keeps it for the page, or writes its tables.
    #[allow(clippy::print_stdout, reason = "a command-line program")]
    pub(super) fn show<R>(&mut self, name: &str, report: &R) -> Result<(), Box<dyn Error>>
    where
        R: Display + Serialize,
        for<'r> &'r R: Into<HtmlPart>,
    {
        if let Some(folder) = &self.options.tables {
            fs::create_dir_all(folder)?;
            for table in CsvTable::of(report)? {
                fs::write(
                    folder.join(format!("{name}-{}.csv", table.name)),
                    table.text,
                )?;
                self.tables += 1;
            }
        }
        if self.options.html.is_some() {
            let page = std::mem::replace(&mut self.page, HtmlPage::new(""));
            self.page = page.report(report);
        }
        if self.options.json {
            println!("{}", serde_json::to_string(report)?);
        } else if self.options.tables.is_none() && self.options.html.is_none() {
            let gap = if self.printed { "\n" } else { "" };
            print!("{gap}{report}");
        }
        self.printed = true;
        Ok(())
    }

    /// Writes the page, and says what was written.
    #[allow(clippy::print_stderr, reason = "a command-line program")]
    pub(super) fn finish(self) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.options.html {
            fs::write(path, self.page.to_html())
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
        if let Some(folder) = &self.options.tables {
            eprintln!("wrote {} tables to {}", self.tables, folder.display());
        }
        Ok(())
    }
}
