//! Private keys in blocks of lines: PEM, OpenSSH, PGP and `PuTTY`.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::bytes::{Set, window};
use super::scan::Scan;

pub(super) const PRIVATE_KEY: &str = "private-key";

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
pub(super) const PUTTY: &[u8] = b"PuTTY-User-Key-File-";
const PUTTY_END: &[u8] = b"Private-MAC: ";
/// Longest label, as `OPENSSH PRIVATE KEY` is one.
const LABEL_MAX: usize = 64;
/// Less stands in no key, in bytes: the line that ends it counts.
const BODY_MIN: usize = 80;

/// Made once: they cost more than a look through a short text.
static BEGINS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEGIN));
static ENDS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(END));

/// Finds them. Each byte is looked at a few times at most: where no end follows, none is sought again.
pub(super) fn find(scan: &mut Scan<'_, '_>) {
    let bytes = scan.bytes;
    if bytes.len() > BODY_MIN && !scan.rules.is_named_off(PRIVATE_KEY) {
        pem(scan, bytes);
    }
}

/// Where the `PuTTY` file ends that begins at `start`.
pub(super) fn putty(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let mac = memmem::rfind(rest, PUTTY_END).map(|at| start + at + PUTTY_END.len());
    mac.map_or(bytes.len(), |at| at + Set::HEX.count(bytes, at, usize::MAX))
}

fn pem(scan: &mut Scan<'_, '_>, bytes: &[u8]) {
    let (mut from, mut has_end) = (0, true);
    while let Some(start) = bytes.get(from..).and_then(|rest| BEGINS.find(rest)) {
        let start = from + start;
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
        let rest = bytes.get(body..).unwrap_or_default();
        let close = if has_end { ENDS.find(rest) } else { None };
        has_end &= close.is_some();
        from = close.map_or_else(
            || body + torn(rest),
            |at| {
                let label = window(bytes, body + at + END.len(), LABEL_MAX + 5);
                let len = memmem::find(label, b"-----").map_or(0, |len| len + 5);
                body + at + END.len() + len
            },
        );
        // The two lines alone stand in code and in documentation.
        if from - body >= BODY_MIN {
            scan.push(start, from, PRIVATE_KEY);
        }
    }
}

/// How much of what follows is the key's, where its end is missing.
fn torn(rest: &[u8]) -> usize {
    let is_key = |it: &u8| Set::BASE64.has(*it) || b" \r\n\t\\:,.-".contains(it);
    rest.iter().take_while(|it| is_key(it)).count()
}
