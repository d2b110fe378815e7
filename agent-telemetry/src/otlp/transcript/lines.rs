//! Whole lines of a file that grows, from where it was read last.

use std::io::{self, Read};

use memchr::memrchr;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// How far a file was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes, up to the end of a line or into one that is too long.
    pub(super) offset: u64,
    /// Within a line that is too long.
    pub(super) skipping: bool,
    /// Lines that were too long.
    pub(super) too_long: u64,
}

/// Gives blocks of whole lines, with the newline of each. A line without its end is left for the next time.
pub(super) fn read(
    file: &mut impl Read,
    progress: &mut Progress,
    longest: usize,
    give: &mut dyn FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled >= longest {
                progress.too_long += u64::from(!progress.skipping);
                progress.skipping = true;
                progress.offset += filled as u64;
                filled = 0;
            } else {
                buffer.resize((2 * filled).min(longest.max(CHUNK)), 0);
            }
        }
        let read = match file.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let before = filled;
        filled += read;
        let new = buffer.get(before..filled).unwrap_or_default();
        let Some(last) = memrchr(b'\n', new) else {
            if progress.skipping {
                progress.offset += filled as u64;
                filled = 0;
            }
            continue;
        };
        let end = before + last + 1;
        let mut block = buffer.get(..end).unwrap_or_default();
        if progress.skipping {
            let first = memchr::memchr(b'\n', block).unwrap_or(last);
            block = block.get(first + 1..).unwrap_or_default();
            progress.skipping = false;
        }
        give(block);
        progress.offset += end as u64;
        buffer.copy_within(end..filled, 0);
        filled -= end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let part = self.1.min(self.0.len()).min(buffer.len());
            let (part, rest) = self.0.split_at(part);
            buffer[..part.len()].copy_from_slice(part);
            self.0 = rest;
            Ok(part.len())
        }
    }

    fn all(text: &[u8], at_once: usize, progress: &mut Progress, longest: usize) -> Vec<u8> {
        let mut given = Vec::new();
        let mut file = Slow(&text[usize::try_from(progress.offset).unwrap()..], at_once);
        read(&mut file, progress, longest, &mut |block| {
            assert_eq!(block.last().copied().unwrap_or(b'\n'), b'\n');
            given.extend_from_slice(block);
        })
        .unwrap();
        given
    }

    #[test]
    fn half_a_line_is_left_for_the_next_time() {
        let text = b"one\ntwo\n\nthree\nfo";
        for at_once in [1, 2, 3, 5, 100] {
            for cut in 0..=text.len() {
                let mut progress = Progress::default();
                let mut given = all(&text[..cut], at_once, &mut progress, 1 << 25);
                given.extend(all(text, at_once, &mut progress, 1 << 25));
                assert_eq!(given, b"one\ntwo\n\nthree\n", "{at_once} {cut}");
                assert_eq!(progress.offset, 15);
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_counted() {
        for long in [CHUNK, CHUNK + 1, 3 * CHUNK - 1, 3 * CHUNK] {
            let mut text = b"one\n".to_vec();
            text.resize(4 + long, b'x');
            text.extend(b"\ntwo\n");
            for cut in [0, 2, CHUNK + 7, text.len() - 5, text.len()] {
                let mut progress = Progress::default();
                let mut given = all(&text[..cut], 70_000, &mut progress, CHUNK);
                given.extend(all(&text, CHUNK, &mut progress, CHUNK));
                // What fits the buffer together with its newline is a line like any other.
                given.retain(|byte| *byte != b'x');
                let whole: &[u8] = if progress.too_long == 0 {
                    b"one\n\ntwo\n"
                } else {
                    b"one\ntwo\n"
                };
                assert_eq!(given, whole, "{long} {cut}");
                assert_eq!(progress.too_long, 1, "{long} {cut}");
                assert_eq!(progress.offset, text.len() as u64);
            }
        }
    }
}
