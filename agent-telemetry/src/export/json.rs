//! Records as JSON: one a line, or all in an array.

use std::io::{self, Write};

use super::csv::BLOCK;
use crate::Record;

/// Objects that read back as records.
pub(super) struct JsonItems<W> {
    out: W,
    buffer: Vec<u8>,
    before: &'static [u8],
    between: &'static [u8],
    end: &'static [u8],
    is_empty: bool,
}

impl<W: Write> JsonItems<W> {
    pub(super) const fn lines(out: W) -> Self {
        Self::new(out, [b"", b"\n", b"\n"])
    }

    pub(super) const fn array(out: W) -> Self {
        Self::new(out, [b"[\n", b",\n", b"\n]\n"])
    }

    const fn new(out: W, [before, between, end]: [&'static [u8]; 3]) -> Self {
        Self {
            out,
            buffer: Vec::new(),
            before,
            between,
            end,
            is_empty: true,
        }
    }

    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        let gap = if self.is_empty {
            self.before
        } else {
            self.between
        };
        self.is_empty = false;
        self.buffer.extend_from_slice(gap);
        if record.marks().is_empty() {
            serde_json::to_writer(&mut self.buffer, record)?;
        } else {
            serde_json::to_writer(&mut self.buffer, &record.clone_without_marks())?;
        }
        if self.buffer.len() >= BLOCK {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.is_empty && !self.before.is_empty() {
            self.buffer.extend_from_slice(b"[]\n");
        } else if !self.is_empty {
            self.buffer.extend_from_slice(self.end);
        }
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }
}
