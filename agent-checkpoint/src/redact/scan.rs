//! Looks through a text once for what may be a secret, fast where nothing is.

use memchr::memchr2_iter;

use super::bytes::{Set, at, before, is_random, window_before};
use super::family::{INDEX, RunEnds};
use super::rules::Rules;
use super::{block, mask, named, shape, url};

/// Every key that is known by its form has a run of so many letters, digits, `_` and `-`, so that only
/// every so many bytes one is looked at.
pub(super) const RUN: usize = 16;

/// `pwd=` and four bytes; nothing shorter is found by form or name.
const SHORTEST: usize = 8;

/// How far back from a run the beginning of a key may lie that has a dot in it.
const LEAD: usize = 48;

/// A secret in a text: both ends between characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'r> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) family: &'r str,
}

/// A text on its way through the rules.
pub(super) struct Scan<'t, 'r> {
    pub(super) bytes: &'t [u8],
    pub(super) rules: &'r Rules,
    pub(super) found: Vec<Found<'r>>,
    /// Where what was found by its form ends: nothing begins before it.
    floor: usize,
    /// Ends of runs that were counted.
    ends: RunEnds,
}

/// All secrets in `bytes`, in the order in which they begin, none of which overlap.
pub(super) fn find<'r>(bytes: &[u8], rules: &'r Rules) -> Vec<Found<'r>> {
    // Ids and names: shorter than any secret but those that the host names.
    if bytes.len() < SHORTEST && !rules.has_literals() {
        return Vec::new();
    }
    let mut scan = Scan::new(bytes, rules);
    scan.runs();
    scan.separators();
    scan.rest()
}

/// In order, and one where several overlap: what begins first names it.
fn merged<'r>(mut found: Vec<Found<'r>>, bytes: &[u8], rules: &'r Rules) -> Vec<Found<'r>> {
    if found.is_empty() {
        return found;
    }
    found.retain(|it| !rules.is_allowed(bytes.get(it.start..it.end).unwrap_or_default()));
    found.sort_by_key(|it| (it.start, std::cmp::Reverse(it.end)));
    found.dedup_by(|next, last| {
        let overlaps = next.start < last.end;
        if overlaps {
            last.end = last.end.max(next.end);
        }
        overlaps
    });
    found
}

impl<'t, 'r> Scan<'t, 'r> {
    pub(super) fn new(bytes: &'t [u8], rules: &'r Rules) -> Self {
        Self {
            bytes,
            rules,
            found: Vec::new(),
            floor: 0,
            ends: RunEnds::default(),
        }
    }

    /// Looks for what is neither known by its form nor by a name, and ends.
    pub(super) fn rest(mut self) -> Vec<Found<'r>> {
        block::find(&mut self);
        self.rules.literals(self.bytes, &mut self.found);
        merged(self.found, self.bytes, self.rules)
    }

    pub(super) fn push(&mut self, start: usize, end: usize, family: &'r str) {
        if start < end {
            self.found.push(Found { start, end, family });
        }
    }

    /// Every run that is long enough covers the last byte of some stride that begins at its start or before.
    fn runs(&mut self) {
        let bytes = self.bytes;
        let mut from = 0;
        while let Some(stride) = bytes.get(from..).and_then(<[u8]>::first_chunk::<RUN>) {
            if let Some(gap) = stride.iter().rposition(|byte| !Set::WORD.has(*byte)) {
                from += gap + 1;
                continue;
            }
            let end = from + RUN + Set::WORD.count(bytes, from + RUN, usize::MAX);
            let next = self.run(from, end);
            // What was found may end within a run.
            from = next.max(end);
        }
    }

    /// Looks for a key in the run from `start` to `end`; where it ends, or the run.
    pub(super) fn run(&mut self, start: usize, end: usize) -> usize {
        let bytes = self.bytes;
        let lead = before(bytes, start);
        let opening = match lead {
            b'.' | b'~' | b'$' => self.led(start),
            b' ' => self.bearer(start),
            b':' => shape::telegram(bytes, start, end).and_then(|it| self.shaped(it)),
            _ => None,
        };
        let mut from = behind_escape(bytes, start, end);
        if at(bytes, from) == b'P'
            && bytes
                .get(from..)
                .is_some_and(|it| it.starts_with(block::PUTTY))
        {
            let file = block::putty(bytes, from).map(|end| (from, end, block::PRIVATE_KEY));
            if let Some(end) = file.and_then(|file| self.shaped(file)) {
                return end;
            }
        }
        let whole = opening.or_else(|| {
            let whole = shape::whole(bytes, from, end)?;
            self.shaped(whole)
        });
        if let Some(end) = whole {
            return end;
        }
        if from > start
            && let Some(stop) = self.key(start)
        {
            return stop;
        }
        while end.saturating_sub(from) >= RUN {
            if let Some(stop) = self.key(from) {
                return stop;
            }
            let rest = bytes.get(from..end).unwrap_or_default();
            let Some(gap) = rest.iter().position(|it| !Set::ALNUM.has(*it)) else {
                break;
            };
            from += gap + 1;
        }
        end
    }

    /// A key that begins at `start`; its end.
    fn key(&mut self, start: usize) -> Option<usize> {
        if start < self.floor {
            return None;
        }
        let rules = self.rules;
        if let Some((number, end)) =
            INDEX.at(self.bytes, start, &mut self.ends, |it| rules.is_off(it))
        {
            self.push(start, end, rules.family(number));
            self.floor = end;
            return Some(end);
        }
        if !rules.has_patterns() {
            return None;
        }
        let (name, end) = rules.pattern(self.bytes, start)?;
        self.push(start, end, name);
        self.floor = end;
        Some(end)
    }

    /// Keys with a dot in their beginning: `start` is where the run behind it begins.
    fn led(&mut self, start: usize) -> Option<usize> {
        let bytes = self.bytes;
        let lead = window_before(bytes, start, LEAD);
        let is_lead = |it: &u8| Set::WORD.has(*it) || matches!(it, b'.' | b'~' | b'$');
        let len = lead.iter().rev().take_while(|it| is_lead(it)).count();
        let first = (start - len).max(self.floor);
        if let Some(it) = shape::led(bytes, first, start) {
            return self.shaped(it);
        }
        let begins = behind_escape(bytes, first, start);
        (first..start)
            .filter(|from| *from == begins || !Set::ALNUM.has(before(bytes, *from)))
            .find_map(|from| self.key(from))
    }

    /// What stands behind `Bearer` and `Basic`.
    fn bearer(&mut self, start: usize) -> Option<usize> {
        let word = window_before(self.bytes, start - 1, 6);
        let is = |scheme: &[u8]| {
            word.get(word.len().saturating_sub(scheme.len())..)
                .is_some_and(|it| it.eq_ignore_ascii_case(scheme))
        };
        if !is(b"Bearer") && !is(b"Basic") {
            return None;
        }
        let end = start + Set::OPAQUE.count(self.bytes, start, usize::MAX);
        let value = self.bytes.get(start..end)?;
        (is_random(value, 3.0) && !mask::is_at(self.bytes, end))
            .then_some((start, end, shape::AUTHORIZATION))
            .and_then(|it| self.shaped(it))
    }

    /// Takes what has a family that is known by more than its beginning; its end.
    fn shaped(&mut self, (start, end, family): shape::Shaped) -> Option<usize> {
        if self.rules.is_named_off(family) || start < self.floor {
            return None;
        }
        self.push(start, end, family);
        self.floor = end;
        Some(end)
    }

    /// Looks at what stands around each `=` and `:`.
    fn separators(&mut self) {
        // They stand close together in code, where it counts what one search costs before it begins: this one is
        // there without a look at what the processor can.
        #[cfg(target_arch = "x86_64")]
        if let Some(both) = memchr::arch::x86_64::sse2::memchr::Two::new(b'=', b':') {
            return self.signs(both.iter(self.bytes));
        }
        self.signs(memchr2_iter(b'=', b':', self.bytes));
    }

    fn signs(&mut self, signs: impl Iterator<Item = usize>) {
        let bytes = self.bytes;
        let mut from = 0;
        for sign in signs {
            let (last, next) = (before(bytes, sign), at(bytes, sign + 1));
            let is_colon = at(bytes, sign) == b':';
            let is_url = is_colon && url::may_begin(bytes, sign);
            if !is_url && (!named::may_end(last) || is_colon && named::parts_names(last, next)) {
                continue;
            }
            // Within a value that was looked at already.
            if sign < from {
                continue;
            }
            let end = if is_url {
                url::find(self, sign)
            } else {
                named::find(self, sign)
            };
            from = end.unwrap_or(from);
        }
    }
}

/// Where the run begins that an escape stands before: the `n` of a `\n` in JSON is a letter too, and so are
/// the digits of `\u0022` and `%22` and the end of a terminal's colour.
fn behind_escape(bytes: &[u8], start: usize, end: usize) -> usize {
    let is_hex = |from: usize, count| Set::HEX.count(bytes, from, count) == count;
    let skip = match (before(bytes, start), at(bytes, start)) {
        (b'\\', b'n' | b'r' | b't' | b'b' | b'f') => 1,
        (b'\\', b'u') if is_hex(start + 1, 4) => 5,
        (b'\\', b'x') if is_hex(start + 1, 2) => 3,
        (b'%', _) if is_hex(start, 2) => 2,
        (b'[', _) if before(bytes, start - 1) == 0x1b => {
            let digits = Set::DIGIT.count(bytes, start, 4);
            if at(bytes, start + digits) == b'm' {
                digits + 1
            } else {
                0
            }
        }
        (b';', b'0'..=b'9') => {
            let digits = Set::DIGIT.count(bytes, start, 3);
            if at(bytes, start + digits) == b'm' {
                digits + 1
            } else {
                0
            }
        }
        _ => 0,
    };
    (start + skip).min(end)
}
