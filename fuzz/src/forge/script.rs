//! A log written from a script: a line for each frame, with lengths, sums, digests and hashes that are right.
//!
//! A line is three letters and the payload: what it is, how it is written, and how far its number is from the one
//! before. In the payload `#n` stands for the first number of the n-th frame (0-9, then a-z), `$n` for its last one, `%n`
//! for its id as a checkpoint, and `@n` for a reference to it as a long text.

use super::{Frame, Opening, Place, SESSION, STORE, checkpoint_id, commit_hash, varint};
use crate::Input;

const FLAG_BLOBS: u16 = 4;
const FLAG_MUST: u16 = 8;
const FLAG_COMMIT: u16 = 16;

/// What a line is, from `a` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// The payload as it stands, under this kind, codec and flags.
    Plain(u8, u8, u16),
    Component(u8),
    Patch,
    /// With the frames that it covers, or none, in its hash.
    Commit(bool),
    Skip,
    /// The frames that follow are packed into one, up to the end of the pack or the segment.
    Pack,
    PackEnd,
    Index,
    /// The segment's form, and whether it says that half of the segment before is void.
    Segment(u32, bool),
}

const LINES: [Line; 24] = [
    Line::Plain(1, 1, 0),
    Line::Plain(1, 1, FLAG_COMMIT),
    Line::Plain(1, 1, FLAG_BLOBS),
    Line::Plain(2, 1, 0),
    Line::Component(1),
    Line::Component(2),
    Line::Component(3),
    Line::Patch,
    Line::Commit(true),
    Line::Commit(false),
    Line::Plain(5, 1, 0),
    Line::Plain(6, 1, 0),
    Line::Plain(11, 1, FLAG_MUST),
    Line::Plain(9, 1, FLAG_MUST),
    Line::Skip,
    Line::Plain(99, 1, 0),
    Line::Plain(99, 1, FLAG_MUST),
    Line::Pack,
    Line::PackEnd,
    Line::Index,
    Line::Segment(0, false),
    Line::Segment(1, false),
    Line::Segment(0, true),
    Line::Plain(1, 1, FLAG_BLOBS | FLAG_COMMIT),
];

/// How a frame is written, from `a` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Raw,
    Zstd,
    /// A greater length than it inflates to.
    Lie,
    /// A later layout.
    Later,
    /// As if packed with the dictionary.
    Dictionary,
    /// By another session; of a line that begins a segment.
    Other,
}

const STYLES: [Style; 6] = [
    Style::Raw,
    Style::Zstd,
    Style::Lie,
    Style::Later,
    Style::Dictionary,
    Style::Other,
];

/// How far a frame's number is from the one that is due, from `a` on.
const JUMPS: [i64; 5] = [0, 1, -1, 1_000, i64::MAX];

/// The session that forks come from.
const OTHER: &str = "o";

/// A frame as it was written.
struct Written {
    first: u64,
    last: u64,
    digest: [u8; 32],
    /// Whether hashes of commits cover it.
    is_covered: bool,
    id: Option<String>,
    len: usize,
}

/// The segments of session [`SESSION`] in store [`STORE`].
#[must_use]
pub fn segments(script: &[u8]) -> Vec<Vec<u8>> {
    let mut log = Log::new();
    let mut input = Input::new(script);
    while !input.is_empty() {
        log.line(Input::new(input.line()));
    }
    log.end_pack();
    log.done.push(log.bytes);
    log.done
}

struct Log {
    done: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    seed: u32,
    form: u32,
    next: u64,
    written: Vec<Written>,
    parent: [u8; 32],
    /// Heads and payloads of the frames in the pack, how many, and the first number and the last.
    pack: Option<(Vec<u8>, Vec<u8>, u64, u64, u64)>,
    /// Where each piece begins, its first number, and how many frames it holds.
    pieces: Vec<(usize, u64, u64)>,
}

impl Log {
    fn new() -> Self {
        let mut log = Self {
            done: Vec::new(),
            bytes: Vec::new(),
            seed: 0,
            form: 0,
            next: 0,
            written: Vec::new(),
            parent: [0; 32],
            pack: None,
            pieces: Vec::new(),
        };
        log.begin(SESSION, Opening::default());
        log
    }

    fn begin(&mut self, session: &str, opening: Opening) {
        let place = Place {
            store: STORE,
            session,
            segment: u32::try_from(self.done.len()).unwrap_or(0) + 1,
        };
        self.bytes = place.header(opening);
        self.seed = place.seed();
        self.form = opening.form;
        self.pieces.clear();
    }

    fn line(&mut self, mut input: Input<'_>) {
        let line = input.pick(&LINES);
        let style = input.pick(&STYLES);
        let jump = input.pick(&JUMPS);
        let first = match jump {
            i64::MAX => u64::MAX - (1 << 33),
            jump => self.next.saturating_add_signed(jump),
        };
        let payload = self.filled(input.rest());
        match line {
            Line::Plain(kind, codec, flags) => {
                let records = match kind {
                    1 => items(&payload),
                    _ => 1,
                };
                let covered = [1, 2, 9].contains(&kind);
                self.frame((kind, codec, flags), style, first, records, &payload);
                self.note(first, records, &payload, covered);
            }
            Line::Component(codec) => {
                let mut parts = payload.splitn(2, |byte| *byte == b' ');
                let name = parts.next().unwrap_or_default();
                let len = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
                let raw = [&len, name, parts.next().unwrap_or_default()].concat();
                self.frame((10, codec, FLAG_MUST), style, first, 1, &raw);
                self.note(first, 1, &raw, true);
            }
            Line::Patch => {
                let raw = self.patch(&payload);
                self.frame((3, 1, FLAG_MUST), style, first, 1, &raw);
                self.note(first, 1, &raw, true);
            }
            Line::Commit(covers) => self.commit(covers, style, first, &payload),
            Line::Skip => {
                let (records, raw) = self.skip(first, &payload);
                self.frame((8, 1, FLAG_MUST), style, first, records, &raw);
                self.note(first, records, &raw, false);
            }
            Line::Pack => {
                self.end_pack();
                self.pack = Some((Vec::new(), Vec::new(), 0, first, first));
            }
            Line::PackEnd => self.end_pack(),
            Line::Index => self.index(style, &payload),
            Line::Segment(form, is_void) => {
                self.end_pack();
                let half = self.bytes.len() / 2;
                self.done.push(std::mem::take(&mut self.bytes));
                let opening = Opening {
                    void_from: if is_void {
                        u64::try_from(half).unwrap_or(0)
                    } else {
                        0
                    },
                    form,
                    ..Opening::default()
                };
                let session = if style == Style::Other {
                    OTHER
                } else {
                    SESSION
                };
                if style == Style::Other && self.done.len() == 1 && self.written.is_empty() {
                    // The first segment is the other session's too.
                    self.done.clear();
                }
                self.begin(session, opening);
            }
        }
    }

    /// The payload with what stands in for numbers, ids and references.
    fn filled(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            let frame = text.get(at + 1).and_then(|digit| self.frame_of(*digit));
            let filled = match (byte, frame) {
                (b'#', Some(frame)) => Some(frame.first.to_string()),
                (b'$', Some(frame)) => Some(frame.last.to_string()),
                (b'%', Some(frame)) => frame.id.clone(),
                (b'@', Some(frame)) => {
                    let hash = blake3::Hash::from_bytes(frame.digest).to_hex();
                    Some(format!("\\u0000{} {} {hash}", frame.first, frame.len))
                }
                _ => None,
            };
            match filled {
                Some(filled) => {
                    out.extend(filled.into_bytes());
                    at += 2;
                }
                None => {
                    out.push(*byte);
                    at += 1;
                }
            }
        }
        out
    }

    fn frame_of(&self, digit: u8) -> Option<&Written> {
        let digit = char::from(digit).to_digit(36)?;
        self.written.get(usize::try_from(digit).ok()?)
    }

    fn note(&mut self, first: u64, records: u64, raw: &[u8], is_covered: bool) {
        self.written.push(Written {
            first,
            last: first.saturating_add(records.saturating_sub(1)),
            digest: *blake3::hash(raw).as_bytes(),
            is_covered,
            id: None,
            len: raw.len(),
        });
    }

    fn frame(
        &mut self,
        (kind, codec, flags): (u8, u8, u16),
        style: Style,
        number: u64,
        records: u64,
        raw: &[u8],
    ) {
        self.next = number.saturating_add(records);
        let schema = if style == Style::Later { 2 } else { 1 };
        if let Some((heads, payloads, count, _, last)) = &mut self.pack {
            heads.extend([kind, codec]);
            heads.extend(flags.to_le_bytes());
            heads.extend(u16::to_le_bytes(schema));
            varint(heads, number.saturating_sub(*last));
            varint(heads, u64::try_from(raw.len()).unwrap_or(0));
            payloads.extend(raw);
            (*count, *last) = (*count + 1, number);
            return;
        }
        self.pieces.push((self.bytes.len(), number, 1));
        let packed;
        let (compression, stored) = match style {
            Style::Zstd | Style::Lie | Style::Dictionary => {
                packed = zstd::bulk::compress(raw, 1).unwrap_or_default();
                let compression = if style == Style::Dictionary { 2 } else { 1 };
                (compression, packed.as_slice())
            }
            _ => (0, raw),
        };
        let lie = usize::from(style == Style::Lie);
        let frame = Frame {
            tags: [kind, codec, compression],
            flags,
            schema,
            number,
            raw_len: u32::try_from(raw.len() + lie).unwrap_or(0),
            stored,
        };
        frame.write(self.seed, &mut self.bytes);
    }

    fn end_pack(&mut self) {
        let Some((heads, payloads, count, first, last)) = self.pack.take() else {
            return;
        };
        let next = self.next;
        let mut raw = Vec::new();
        varint(&mut raw, count);
        raw.extend(heads);
        raw.extend(payloads);
        self.frame((7, 1, FLAG_MUST), Style::Zstd, first, 0, &raw);
        if let Some(piece) = self.pieces.last_mut() {
            piece.2 = count;
        }
        self.next = next.max(last);
    }

    /// Pieces of the frame that the first byte names: how many bytes are passed over and copied, each a letter
    /// (`a` for none), and the new ones up to the next blank.
    fn patch(&self, text: &[u8]) -> Vec<u8> {
        let base = text.first().and_then(|digit| self.frame_of(*digit));
        let (number, digest) = base.map_or((0, [0; 32]), |base| (base.first, base.digest));
        let mut raw = number.to_le_bytes().to_vec();
        raw.extend(&digest[..8]);
        let mut pieces = Vec::new();
        let mut len = 0;
        for piece in text
            .get(1..)
            .unwrap_or_default()
            .split(|byte| *byte == b' ')
        {
            let letter = |at: usize| {
                piece
                    .get(at)
                    .map_or(0, |byte| u64::from(byte.wrapping_sub(b'a')))
            };
            let new = piece.get(2..).unwrap_or_default();
            let added = u64::try_from(new.len()).unwrap_or(0);
            for number in [letter(0), letter(1), added] {
                varint(&mut pieces, number);
            }
            pieces.extend(new);
            len += letter(1) + added;
        }
        varint(&mut raw, len);
        raw.extend(pieces);
        raw
    }

    fn commit(&mut self, covers: bool, style: Style, first: u64, body: &[u8]) {
        let said = serde_json::from_slice(body).ok();
        let from = said.and_then(|said: serde_json::Value| said.get("covers")?.as_u64());
        let covered: Vec<[u8; 32]> = self
            .written
            .iter()
            .filter(|frame| frame.is_covered && covers)
            .filter(|frame| from.is_some_and(|from| from <= frame.first) && frame.first < first)
            .map(|frame| frame.digest)
            .collect();
        let hash = commit_hash(&self.parent, first, &covered, body);
        let raw = [&hash, &self.parent, body].concat();
        self.frame((4, 1, 0), style, first, 1, &raw);
        self.parent = hash;
        self.note(first, 1, &raw, false);
        if let Some(written) = self.written.last_mut() {
            written.id = Some(checkpoint_id(first, &hash));
        }
    }

    /// How many records, a letter; and then pairs of a letter, which of them, and the frame that it was.
    fn skip(&self, first: u64, text: &[u8]) -> (u64, Vec<u8>) {
        let letter = |byte: u8| u64::from(byte.wrapping_sub(b'a'));
        let records = text.first().map_or(0, |byte| letter(*byte));
        let mut raw = records.to_le_bytes().to_vec();
        for pair in text.get(1..).unwrap_or_default().chunks_exact(2) {
            raw.extend(first.saturating_add(letter(pair[0])).to_le_bytes());
            raw.extend(self.frame_of(pair[1]).map_or([0; 32], |frame| frame.digest));
        }
        (records.max(1), raw)
    }

    /// With no text an index that is right, but for the listing and the marks, which are empty; with one the digest and
    /// the text.
    fn index(&mut self, style: Style, text: &[u8]) {
        self.end_pack();
        let mut raw = blake3::hash(&self.bytes).as_bytes().to_vec();
        if text.is_empty() {
            varint(&mut raw, u64::try_from(self.pieces.len()).unwrap_or(0));
            let (mut offset, mut number) = (0, 0);
            for (at, first, frames) in &self.pieces {
                varint(&mut raw, u64::try_from(at - offset).unwrap_or(0));
                varint(&mut raw, first.saturating_sub(number));
                varint(&mut raw, *frames);
                varint(&mut raw, *frames);
                (offset, number) = (*at, *first);
            }
            raw.extend([0; 3]);
        } else {
            raw.extend(text);
        }
        let (next, last) = (self.next, self.pieces.last().map_or(0, |piece| piece.1));
        self.frame((12, 1, FLAG_MUST), style, last, 0, &raw);
        self.next = next;
    }
}

/// How many items a payload holds.
fn items(payload: &[u8]) -> u64 {
    let list: Option<Vec<serde::de::IgnoredAny>> = serde_json::from_slice(payload).ok();
    let count = list.map_or(1, |list| list.len().saturating_sub(1));
    u64::try_from(count).unwrap_or(0)
}
