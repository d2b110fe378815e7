//! Records as rows of comma-separated values, RFC 4180.

use std::io::{self, Write};
use std::time::Duration;

use agent_primitives::{Timestamp, Usd};

use super::ExportConfig;
use super::cells::{Cell, cells};
use super::column::Column;
use crate::Record;

/// What is written at once.
pub(super) const BLOCK: usize = 64 * 1024;

/// With what a text begins that a spreadsheet takes for a formula; the wide forms as well, in some languages.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// Rows below a line of names.
pub(super) struct CsvRows<W> {
    out: W,
    columns: Vec<Column>,
    guard: Guard,
    buffer: Vec<u8>,
}

/// Whether texts that a spreadsheet would take for formulas are kept from being that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    On,
    Off,
}

impl Guard {
    pub(super) const fn of(config: &ExportConfig) -> Self {
        if config.for_spreadsheets {
            Self::On
        } else {
            Self::Off
        }
    }
}

impl<W: Write> CsvRows<W> {
    pub(super) fn new(out: W, columns: Vec<Column>, guard: Guard) -> io::Result<Self> {
        let mut rows = Self {
            out,
            columns,
            guard,
            buffer: Vec::with_capacity(BLOCK + 4096),
        };
        for (at, column) in rows.columns.iter().enumerate() {
            if at > 0 {
                rows.buffer.push(b',');
            }
            rows.buffer.extend_from_slice(column.name().as_bytes());
        }
        rows.end_row()?;
        Ok(rows)
    }

    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        let mut left = self.columns.iter();
        let (buffer, guard) = (&mut self.buffer, self.guard);
        let mut is_first = true;
        let mut comma = |buffer: &mut Vec<u8>| {
            if !is_first {
                buffer.push(b',');
            }
            is_first = false;
        };
        cells(record, &mut |column, cell| {
            // Cells come in the order of the columns, so that those passed over are empty.
            for next in left.by_ref() {
                comma(buffer);
                if *next == column {
                    put(buffer, cell, guard);
                    break;
                }
            }
        });
        for _ in left {
            comma(buffer);
        }
        self.end_row()
    }

    fn end_row(&mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(b"\r\n");
        if self.buffer.len() >= BLOCK {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }
}

fn put(out: &mut Vec<u8>, cell: Cell<'_>, guard: Guard) {
    // A `Vec` takes everything.
    let _ = match cell {
        Cell::Text(it) => {
            text(out, it, guard);
            Ok(())
        }
        Cell::Time(it) => moment(out, it),
        Cell::Count(it) => write!(out, "{it}"),
        Cell::Real(it) if it.is_finite() => write!(out, "{it:?}"),
        Cell::Real(_) => Ok(()),
        Cell::Flag(it) => write!(out, "{it}"),
        Cell::Seconds(it) => seconds(out, it),
        Cell::Usd(it) => dollars(out, it),
    };
}

/// Quoted where it has to be.
pub(super) fn text(out: &mut Vec<u8>, text: &str, guard: Guard) {
    let is_formula = guard == Guard::On && text.starts_with(FORMULA);
    if !is_formula && !text.contains(['"', ',', '\r', '\n']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Exact, without zeros at the end.
pub(super) fn seconds(out: &mut Vec<u8>, time: Duration) -> io::Result<()> {
    decimal(out, time.as_secs().into(), time.subsec_nanos().into(), 9)
}

/// To the nanosecond, without zeros at the end: `2026-11-20T08:30:00.25Z`.
fn moment(out: &mut Vec<u8>, at: Timestamp) -> io::Result<()> {
    let text = at.to_string();
    let second = text
        .split_once(['.', 'Z'])
        .map_or(text.as_str(), |(it, _)| it);
    out.extend_from_slice(second.as_bytes());
    let nanos = at.unix_nanos().rem_euclid(1_000_000_000);
    if nanos > 0 {
        write!(out, ".{nanos:09}")?;
        trim_zeros(out);
    }
    out.push(b'Z');
    Ok(())
}

/// Exact, without zeros at the end.
fn dollars(out: &mut Vec<u8>, amount: Usd) -> io::Result<()> {
    const PICOS: u128 = 1_000_000_000_000;
    let size = amount.picos().unsigned_abs();
    if amount.picos() < 0 {
        out.push(b'-');
    }
    decimal(out, size / PICOS, size % PICOS, 12)
}

fn decimal(out: &mut Vec<u8>, whole: u128, rest: u128, digits: usize) -> io::Result<()> {
    write!(out, "{whole}")?;
    if rest > 0 {
        write!(out, ".{rest:0digits$}")?;
        trim_zeros(out);
    }
    Ok(())
}

fn trim_zeros(out: &mut Vec<u8>) {
    while out.last() == Some(&b'0') {
        out.pop();
    }
}
