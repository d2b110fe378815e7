//! A sheet as a text of at most 100 columns.

use std::fmt;

use super::{Part, Section, Sheet};
use crate::stats::layout::{count, fact, section, share, wrapped};

/// Columns of the bar that stands for a whole.
const BAR: u64 = 40;

/// Charts and tiles are for pages: the tables say the same.
impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.period {
            Some(period) => writeln!(f, "{}, {period}", self.title)?,
            None => writeln!(f, "{}", self.title)?,
        }
        self.top.write(f)?;
        self.sections.iter().try_for_each(|it| it.write(f))
    }
}

/// What stands above a part: lines of one kind follow each other without a gap.
#[derive(Clone, Copy, PartialEq)]
enum Above {
    Fact,
    Note,
    Other,
}

impl Section {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut title = self.title.as_deref();
        let mut above = Above::Other;
        for part in &self.parts {
            let kind = match part {
                Part::Fact { .. } | Part::Split { .. } => Above::Fact,
                Part::Note(_) => Above::Note,
                Part::Table(_) => Above::Other,
                Part::Chart(_) => continue,
            };
            if let Some(title) = title.take() {
                section(f, title)?;
            } else if above == Above::Other || above != kind {
                writeln!(f)?;
            }
            match part {
                Part::Fact { name, what } => fact(f, name, what)?,
                Part::Split { name, part, whole } => split(f, name, *part, *whole)?,
                Part::Note(text) => wrapped(f, "", text)?,
                Part::Table(table) => table.write(f)?,
                Part::Chart(_) => {}
            }
            above = kind;
        }
        Ok(())
    }
}

fn split(f: &mut fmt::Formatter<'_>, name: &str, part: u64, whole: u64) -> fmt::Result {
    let length = (u128::from(part) * u128::from(BAR)).div_ceil(u128::from(whole.max(1)));
    let length = length.min(u128::from(BAR));
    let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
    let line = format!("{:>8}  {:>7}  {bar}", count(part), share(part, whole));
    fact(f, name, line.trim_end())
}
