//! Looks for pieces of secrets in every byte of files, in each of the encodings that would still give them away.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use crate::redact::samples::Sample;

/// Longer pieces of a secret are told from chance.
pub(super) const PIECE: usize = 12;
const DICTIONARY: &[u8] = include_bytes!("../../../dictionary/1.zdict");
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Pieces of secrets, and a quick look whether there may be one.
pub(super) struct Needles {
    pieces: HashSet<[u8; PIECE]>,
    may_be: Vec<bool>,
    /// How many texts they are of.
    pub(super) texts: usize,
}

/// What was looked through.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sought {
    pub(crate) secrets: usize,
    pub(crate) files: usize,
    pub(crate) bytes: usize,
    /// Compressed frames among them.
    pub(crate) frames: usize,
}

impl std::ops::AddAssign for Sought {
    fn add_assign(&mut self, other: Self) {
        self.secrets = self.secrets.max(other.secrets);
        self.files += other.files;
        self.bytes += other.bytes;
        self.frames += other.frames;
    }
}

impl Sought {
    pub(super) fn report(&self, what: &str) {
        println!(
            "secrets: {what}: {} planted, {} files, {} bytes scanned, {} frames inflated, 0 found",
            self.secrets, self.files, self.bytes, self.frames
        );
    }
}

fn slot(piece: &[u8]) -> usize {
    let first: [u8; 4] = piece[..4].try_into().unwrap();
    usize::try_from(u32::from_le_bytes(first).wrapping_mul(0x9e37_79b1) >> 12).unwrap()
}

impl Needles {
    /// The secrets of the samples, and what else is known to be one.
    pub(super) fn of(samples: &[Sample], others: &[&str]) -> Self {
        let around: String = samples
            .iter()
            .map(|it| it.text.replace(&it.secret, "|"))
            .filter(|it| it.len() > 1)
            .collect();
        let secrets = samples.iter().map(|it| it.secret.as_str());
        Self::but_for(secrets.chain(others.iter().copied()), &around)
    }

    /// Texts of which no piece may be there, but for those that stand in `around`.
    pub(super) fn but_for<'t>(texts: impl Iterator<Item = &'t str>, around: &str) -> Self {
        let mut needles = Self {
            pieces: HashSet::new(),
            may_be: vec![false; 1 << 20],
            texts: 0,
        };
        for text in texts {
            needles.texts += 1;
            // Some passwords are no longer than a piece; beginnings such as `access_token$` stand in names too.
            for piece in text.as_bytes().windows(PIECE) {
                if memchr::memmem::find(around.as_bytes(), piece).is_none() {
                    needles.add(piece);
                }
            }
            for alphabet in [STANDARD, FOR_URLS] {
                for from in 0..3.min(text.len()) {
                    let encoded = base64(&text.as_bytes()[from..], alphabet);
                    encoded.windows(PIECE).for_each(|it| needles.add(it));
                }
            }
        }
        needles
    }

    fn add(&mut self, piece: &[u8]) {
        self.pieces.insert(piece.try_into().unwrap());
        self.may_be[slot(piece)] = true;
    }

    fn piece_in(&self, bytes: &[u8]) -> Option<String> {
        let found = bytes
            .windows(PIECE)
            .find(|piece| self.may_be[slot(piece)] && self.pieces.contains(*piece));
        found.map(|piece| String::from_utf8_lossy(piece).into_owned())
    }

    /// A piece that is there in any encoding.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<String> {
        let every_other =
            |from: usize| -> Vec<u8> { bytes.iter().skip(from).step_by(2).copied().collect() };
        self.piece_in(bytes)
            // UTF-16, in either order of bytes.
            .or_else(|| self.piece_in(&every_other(0)))
            .or_else(|| self.piece_in(&every_other(1)))
            .or_else(|| self.piece_in(&unescaped(bytes)?))
    }

    /// Fails where a piece is there, also in what is compressed; how many frames that is.
    pub(super) fn seek(&self, bytes: &[u8], what: &str) -> Sought {
        let found = self.find(bytes);
        assert!(found.is_none(), "{what} holds {found:?}");
        let mut sought = Sought {
            secrets: self.texts,
            files: 1,
            bytes: bytes.len(),
            frames: 0,
        };
        for raw in inflated(bytes) {
            let found = self.find(&raw);
            assert!(found.is_none(), "{what}, inflated, holds {found:?}");
            sought.bytes += raw.len();
            sought.frames += 1;
        }
        sought
    }

    /// Every byte of every file below, its name, and every zstd frame in it.
    pub(super) fn seek_below(&self, folder: &Path) -> Sought {
        let mut sought = Sought::default();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let what = path.display().to_string();
            let found = self.find(what.as_bytes());
            assert!(found.is_none(), "a file's name holds {found:?}");
            sought += if path.is_dir() {
                self.seek_below(&path)
            } else {
                self.seek(&std::fs::read(&path).unwrap(), &what)
            };
        }
        sought
    }
}

/// What frames say, as far as they are whole.
fn inflated(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    memchr::memmem::find_iter(bytes, &MAGIC).filter_map(|at| {
        [&b""[..], DICTIONARY].into_iter().find_map(|dictionary| {
            let decoder = zstd::Decoder::with_dictionary(&bytes[at..], dictionary).ok()?;
            let mut raw = Vec::new();
            let whole = decoder.single_frame().read_to_end(&mut raw);
            (whole.is_ok() || !raw.is_empty()).then_some(raw)
        })
    })
}

pub(super) fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for three in bytes.chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for shift in [18, 12, 6, 0] {
            encoded.push(alphabet[usize::try_from(bits >> shift & 63).unwrap()]);
        }
    }
    encoded
}

/// What escapes such as `\u0073` mean; nothing where there are none.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let escape = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u00")?;
        u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    memchr::memmem::find(bytes, b"\\u00")?;
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let meant = escape(at);
        plain.push(meant.unwrap_or(bytes[at]));
        at += if meant.is_some() { 6 } else { 1 };
    }
    Some(plain)
}

#[test]
fn a_secret_is_found_in_each_encoding() {
    let secret = "sk-live-0123456789abcdefghij";
    let needles = Needles::but_for([secret].into_iter(), "");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(bytes).collect();
    let escaped = secret.bytes().map(|it| format!("\\u00{it:02x}"));
    let mut ways: Vec<Vec<u8>> = vec![
        secret.into(),
        secret[3..16].into(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
        escaped.collect::<String>().into(),
        secret.replace('s', "\\u0073").into(),
    ];
    for before in ["", "a", "ab"] {
        let text = format!("{before}{secret}??");
        ways.push(base64(text.as_bytes(), STANDARD));
        ways.push(base64(text.as_bytes(), FOR_URLS));
    }
    let packed = |dictionary| {
        let mut packer = zstd::bulk::Compressor::with_dictionary(3, dictionary).unwrap();
        packer.compress(secret.as_bytes()).unwrap()
    };
    for way in &ways {
        for before in 0..3 {
            let bytes = [&vec![b'.'; before][..], way, b".."].concat();
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!(needles.find(&bytes).is_some(), "{shown}");
        }
    }
    for packed in [packed(b""), packed(DICTIONARY)] {
        let raw: Vec<_> = inflated(&packed).collect();
        assert!(needles.find(&raw[0]).is_some());
        // Half of one says what it says.
        assert!(inflated(&packed[..packed.len() / 2]).all(|raw| raw.len() < secret.len()));
    }
    assert_eq!(needles.find(b"nothing of that kind is written here"), None);
}
