//! Reads a file line by line, inflated where it is an archive, and never more than the limits allow.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};

use super::{ImportError, Limits};

/// What a zstd frame begins with (RFC 8878, section 3.1.1); Codex compresses archived rollouts so.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What an SQLite database begins with (<https://www.sqlite.org/fileformat.html>, section 1.3).
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// The first is 1.
    pub(super) number: u64,
    /// Without its end. Empty for one that is too long.
    pub(super) bytes: Vec<u8>,
    /// Whether its end was there.
    pub(super) is_ended: bool,
    pub(super) is_too_long: bool,
}

/// Lines of a reader that are not blank.
pub(super) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    is_archive: bool,
    /// Read ahead to find out whose they are.
    ahead: VecDeque<Line>,
    /// Bytes of all lines that were.
    ahead_bytes: u64,
    number: u64,
    left: u64,
    limits: &'a Limits,
}

impl<'a> Lines<'a> {
    pub(super) fn new(reader: impl Read + 'a, limits: &'a Limits) -> Result<Self, ImportError> {
        let mut reader = BufReader::new(reader);
        let mut head = Vec::new();
        let wanted = SQLITE.len() as u64;
        reader
            .by_ref()
            .take(wanted)
            .read_to_end(&mut head)
            .map_err(ImportError::Read)?;
        if head == SQLITE {
            return Err(ImportError::IsDatabase);
        }
        let is_archive = head.starts_with(&ZSTD);
        let whole = Cursor::new(head).chain(reader);
        let reader: Box<dyn BufRead + 'a> = if is_archive {
            let inflated = zstd::stream::read::Decoder::with_buffer(whole);
            Box::new(BufReader::new(inflated.map_err(ImportError::Read)?))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            reader,
            is_archive,
            ahead: VecDeque::new(),
            ahead_bytes: 0,
            number: 0,
            left: limits.bytes,
            limits,
        })
    }

    /// How many lines were read, blank ones included.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    /// The next line, without taking it, `ahead` of the next one.
    pub(super) fn peek(&mut self, ahead: usize) -> Result<Option<&Line>, ImportError> {
        while self.ahead.len() <= ahead {
            match self.read()? {
                Some(line) => {
                    self.ahead_bytes += line.bytes.len() as u64;
                    if self.ahead_bytes > self.limits.kept_bytes {
                        return Err(ImportError::TooLarge {
                            what: "bytes before it is known whose file it is",
                            max: self.limits.kept_bytes,
                        });
                    }
                    self.ahead.push_back(line);
                }
                None => break,
            }
        }
        Ok(self.ahead.get(ahead))
    }

    pub(super) fn next(&mut self) -> Result<Option<Line>, ImportError> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    /// All that is left, as one document.
    pub(super) fn rest(mut self) -> Result<Vec<u8>, ImportError> {
        let mut document = Vec::new();
        while let Some(line) = self.next()? {
            let len = document.len() + line.bytes.len() + 1;
            if line.is_too_long || len as u64 > self.limits.kept_bytes {
                return Err(ImportError::TooLarge {
                    what: "bytes in one document",
                    max: self.limits.kept_bytes,
                });
            }
            document.extend_from_slice(&line.bytes);
            // No string of JSON goes over the end of a line, so that this one cannot part any.
            document.push(b'\n');
        }
        Ok(document)
    }

    fn read(&mut self) -> Result<Option<Line>, ImportError> {
        loop {
            let Some(line) = self.read_any()? else {
                return Ok(None);
            };
            if line.is_too_long || !line.bytes.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn read_any(&mut self) -> Result<Option<Line>, ImportError> {
        let mut line = Line {
            number: self.number + 1,
            bytes: Vec::new(),
            is_ended: false,
            is_too_long: false,
        };
        let mut is_there = false;
        while !line.is_ended {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // An archive whose writer was interrupted ends as any file does that was.
                Err(error) if self.is_archive && error.kind() == ErrorKind::UnexpectedEof => &[],
                Err(error) => return Err(ImportError::Read(error)),
            };
            if available.is_empty() {
                break;
            }
            is_there = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len()));
            let part = part.unwrap_or_default();
            if line.bytes.len() + part.len() > self.limits.line_bytes {
                line.is_too_long = true;
                line.bytes = Vec::new();
            }
            if !line.is_too_long {
                line.bytes.extend_from_slice(part);
            }
            line.is_ended = end.is_some();
            let taken = part.len() + usize::from(line.is_ended);
            self.reader.consume(taken);
            self.left = self
                .left
                .checked_sub(taken as u64)
                .ok_or(ImportError::TooLarge {
                    what: "bytes",
                    max: self.limits.bytes,
                })?;
        }
        if !is_there {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(line))
    }
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
