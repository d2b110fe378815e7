//! Private keys in blocks of lines: PEM, OpenSSH, PGP and `PuTTY`.

use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::{self, Finder};

use super::bytes::{Set, at, window};
use super::scan::Scan;

pub(super) const PRIVATE_KEY: &str = "private-key";

const BEGIN: &[u8] = b"-----BEGIN ";
/// Where its `G` stands.
const BEGIN_LETTER: usize = 7;
const END: &[u8] = b"-----END ";
pub(super) const PUTTY: &[u8] = b"PuTTY-User-Key-File-";
const PUTTY_END: &[u8] = b"Private-MAC: ";
/// Longest label, as `OPENSSH PRIVATE KEY` is one.
const LABEL_MAX: usize = 64;
/// Less stands in no key, in bytes: the line that ends it counts.
const BODY_MIN: usize = 80;

/// Longest block that is taken for a key: one of RSA with 16 384 bits has 13 KB.
const BLOCK_MAX: usize = 32 << 10;
/// Fewer letters are no line of a key but its last.
const LINE_MIN: usize = 16;
const SHORT_MAX: usize = 1;
/// What lines begin with that stand before a key's (RFC 1421, RFC 4880).
const HEADERS: &[&[u8]] = &[
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Hash:",
    b"Charset:",
];

/// Made once: it costs more than a look through a short text.
static ENDS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

/// Finds them. Each byte is looked at a few times at most: where no end follows, none is sought again.
pub(super) fn find(scan: &mut Scan<'_, '_>) {
    let bytes = scan.bytes;
    if bytes.len() > BODY_MIN && !scan.rules.is_named_off(PRIVATE_KEY) {
        pem(scan, bytes);
    }
}

/// Where the `PuTTY` file ends that begins at `start`, if it is one.
pub(super) fn putty(bytes: &[u8], start: usize) -> Option<usize> {
    let file = window(bytes, start, BLOCK_MAX);
    let head = file.get(PUTTY.len()..)?;
    let is_versioned = at(head, 0).is_ascii_digit() && head.get(1..3) == Some(b": ");
    if !is_versioned {
        return None;
    }
    let key = memmem::find(file, b"Private-Lines: ")? + b"Private-Lines: ".len();
    let rest = file.get(key..)?;
    let len = match memmem::find(rest, PUTTY_END) {
        Some(mac) => {
            let mac = mac + PUTTY_END.len();
            mac + Set::HEX.count(rest, mac, 128)
        }
        None => key_len(rest),
    };
    Some(start + key + len)
}

fn pem(scan: &mut Scan<'_, '_>, bytes: &[u8]) {
    let mut from = 0;
    // Where the next end stands; at the end of all where there is none.
    let mut next_end = 0;
    while let Some(start) = begin(bytes, from) {
        let label = window(bytes, start + BEGIN.len(), LABEL_MAX);
        from = start + BEGIN.len();
        let Some(len) = memmem::find(label, b"-----") else {
            continue;
        };
        let label = label.get(..len).unwrap_or_default();
        if memmem::find(label, b"PRIVATE KEY").is_none() {
            continue;
        }
        let body = from + len + 5;
        if next_end < body {
            let rest = bytes.get(body..).unwrap_or_default();
            next_end = ENDS.find(rest).map_or(bytes.len(), |at| body + at);
        }
        let close = [END, label, b"-----"].concat();
        let key = key_len(window(bytes, body, BLOCK_MAX.min(next_end - body)));
        from = body + key;
        if from == next_end
            && bytes
                .get(next_end..)
                .is_some_and(|it| it.starts_with(&close))
        {
            from += close.len();
        }
        // The two lines alone stand in code and in documentation.
        if from - body >= BODY_MIN {
            scan.push(start, from, PRIVATE_KEY);
        }
    }
}

/// Where the next block begins: by one letter of it, which is rare and so is found faster than all of them.
fn begin(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let letter = from + BEGIN_LETTER + memchr(b'G', bytes.get(from + BEGIN_LETTER..)?)?;
        let start = letter - BEGIN_LETTER;
        if at(bytes, letter - 1) == b'E' && bytes.get(start..)?.starts_with(BEGIN) {
            return Some(start);
        }
        from = start + 1;
    }
}

/// How much of it is a key's: lines of base64, what names them, and what parts lines where they are quoted, escaped
/// or numbered. It ends where something else is said.
fn key_len(bytes: &[u8]) -> usize {
    let (mut from, mut end) = (0, 0);
    // Words too short for a line: the last line of a key is one.
    let mut short = SHORT_MAX;
    while from < bytes.len() {
        let gap = gap(bytes, from);
        if gap > 0 {
            from += gap;
            continue;
        }
        let word = Set::BASE64.count(bytes, from, usize::MAX);
        let behind = from + word;
        if word >= LINE_MIN {
            short = 0;
        } else if let Some(line) = header_line(bytes, from) {
            from = line;
            end = from;
            continue;
        } else if word == 0 {
            break;
        } else if Set::DIGIT.count(bytes, from, word) == word && word <= 6 {
            // The number of a line, as programs show it, or a short last line.
        } else if at(bytes, from) == b'=' {
            // A sum (RFC 4880, section 6.1).
        } else if short < SHORT_MAX {
            short += 1;
        } else {
            break;
        }
        (from, end) = (behind, behind);
    }
    // What parts the last line from the one that ends the block.
    if from == bytes.len() { from } else { end }
}

/// Bytes between two words that part lines.
fn gap(bytes: &[u8], from: usize) -> usize {
    match at(bytes, from) {
        b'\\' => {
            let slashes = window(bytes, from, 8)
                .iter()
                .take_while(|it| **it == b'\\')
                .count();
            let is_letter = matches!(at(bytes, from + slashes), b'n' | b'r' | b't');
            slashes + usize::from(is_letter)
        }
        b'+' if !Set::BASE64.has(at(bytes, from + 1)) => 1,
        // An arrow, which some programs put behind the number of a line.
        0xe2 if window(bytes, from, 3) == "→".as_bytes() => 3,
        b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b',' | b';' | b':' | b'-' | b'>'
        | b'|' | b'#' | b'*' | b'.' => 1,
        _ => 0,
    }
}

/// The end of a line that tells of the key.
fn header_line(bytes: &[u8], from: usize) -> Option<usize> {
    let line = window(bytes, from, 128);
    HEADERS.iter().find(|name| line.starts_with(name))?;
    let ends = |it: &u8| matches!(it, b'\n' | b'\r' | b'\\' | b'"');
    Some(from + line.iter().position(ends).unwrap_or(line.len()))
}
