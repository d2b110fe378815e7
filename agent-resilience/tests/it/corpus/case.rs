//! One line of the corpus: a failure as it was documented or seen, and what it means.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use agent_primitives::{FailureKind, Scope};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer};

/// Where in an exchange the bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// A reply whose status says that it failed.
    Http,
    /// The data of one event, line or chunk of a reply that began with 200.
    Stream,
    /// A whole body under 200 that holds an error.
    SuccessBody,
    /// A whole body or last chunk under 200, with the reason for which the answer ended.
    StopReason,
    /// No reply: the text of the client's error.
    Transport,
}

/// When the provider wants to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hint {
    /// Milliseconds from the arrival of the reply.
    InMs(f64),
    /// A date in milliseconds since 1970.
    UnixMs(i64),
}

/// What a source says of one fact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Claim<T> {
    /// Nothing: the field is left out.
    #[default]
    Open,
    /// That there is none: the field is `null`.
    Absent,
    /// This.
    Is(T),
}

impl<T: Copy + PartialEq> Claim<T> {
    /// Whether what was found agrees.
    pub(crate) fn holds(self, found: Option<T>) -> bool {
        match self {
            Self::Open => true,
            Self::Absent => found.is_none(),
            Self::Is(wanted) => found == Some(wanted),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Claim<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            None => Self::Absent,
            Some(value) => Self::Is(value),
        })
    }
}

/// The numbers of a context that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbers {
    /// Tokens of the input.
    #[serde(default)]
    pub(crate) used: Claim<u64>,
    /// Tokens that fit.
    #[serde(default)]
    pub(crate) limit: Claim<u64>,
    /// Tokens left for the answer.
    #[serde(default)]
    pub(crate) output_fits: Claim<u64>,
}

/// A body too long to be written out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    head: String,
    unit: String,
    times: usize,
    tail: String,
}

/// A failure, or an answer that is none, with what its source says of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What is special about it.
    pub(crate) name: String,
    /// Who says it, as `Vendor` spells it.
    pub(crate) vendor: String,
    /// The HTTP status; 0 where there was no reply.
    pub(crate) status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
    body_repeat: Option<Repeat>,
    /// Where in the exchange it arrives.
    pub(crate) phase: Phase,
    /// The kind; `null` for no failure. Left out where the source allows several readings.
    #[serde(default, deserialize_with = "kind")]
    pub(crate) kind: Claim<FailureKind>,
    /// How far it reaches, where the source tells.
    pub(crate) scope: Option<Scope>,
    /// The hint; `null` for none. Left out where it is not checked.
    #[serde(default)]
    pub(crate) retry_after: Claim<Hint>,
    /// The numbers that must be read.
    pub(crate) context: Option<Numbers>,
    /// Whether the same request can never succeed by being sent again soon.
    #[serde(default)]
    pub(crate) never_retry: bool,
    /// Where this shape is documented or was seen.
    pub(crate) source: String,
}

impl Case {
    /// Reads every `*.jsonl` in `folder`, in the order of the file names.
    pub(crate) fn load(folder: &Path) -> Vec<Self> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a readable entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
            .collect();
        files.sort();
        let mut cases = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).expect("a readable file");
            for (number, line) in text.lines().enumerate() {
                let case: Self = serde_json::from_str(line).unwrap_or_else(|error| {
                    panic!("{}:{}: {error}: {line}", file.display(), number + 1)
                });
                let stem = file.file_stem().and_then(|stem| stem.to_str());
                assert_eq!(stem, Some(case.vendor.as_str()), "{}", case.name);
                cases.push(case);
            }
        }
        cases
    }

    /// The bytes of the body.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64, &self.body_repeat) {
            (Some(text), None, None) => text.clone().into_bytes(),
            (None, Some(text), None) => base64(text),
            (None, None, Some(repeat)) => {
                let Repeat {
                    head,
                    unit,
                    times,
                    tail,
                } = repeat;
                [head, unit.repeat(*times).as_str(), tail].concat().into()
            }
            _ => panic!("{} / {}: one body, no more", self.vendor, self.name),
        }
    }

    /// The header fields.
    pub(crate) fn header_map(&self) -> HeaderMap {
        self.headers
            .iter()
            .map(|(name, value)| {
                let name: HeaderName = name.parse().expect("a header name");
                (name, HeaderValue::from_str(value).expect("a header value"))
            })
            .collect()
    }
}

/// A kind by its own word: a slip of the pen must not read as `unknown`.
fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Claim<FailureKind>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else {
        return Ok(Claim::Absent);
    };
    match FailureKind::from_word(&word) {
        Some(kind) => Ok(Claim::Is(kind)),
        None => Err(serde::de::Error::custom(format!("no such kind: {word}"))),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET.iter().position(|letter| *letter == byte);
        held = (held << 6) | u32::try_from(value.expect("a base64 letter")).expect("below 64");
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).expect("one byte"));
        }
    }
    bytes
}
