//! What must be found again after a crash, beside a record.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Record;

/// Longest state, in bytes.
const STATE_BYTES: usize = 64 << 10;
/// What all marks of one record may have together, in bytes.
pub(crate) const RECORD_BYTES: usize = 1 << 20;
/// What a mark counts beside its state: about what it has as JSON.
const BESIDE_STATE: usize = 64;

/// What whoever makes records must find again after a crash: how far it had come when it made the record
/// that the mark comes with. It is stored in one transaction with that record, so neither is there without
/// the other; of several with one key the newest counts.
///
/// A sink gives back the newest of each key ([`Sink::marks`](crate::Sink::marks)), up to 262 144 of them. The
/// state means nothing to the crate: it is not masked, not shown to those who watch, and in no report or
/// export.
///
/// As JSON it is `{"key": …, "state": …}`, both in lower-case hexadecimal digits.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Mark, MemorySink, Metric, Record, Sink};
///
/// let counted = |requests: u64| Mark::new(7, requests.to_be_bytes());
/// let mut sink = MemorySink::new();
/// for requests in 1..=3 {
///     let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("requests", 1));
///     sink.write(&[record.with_marks([counted(requests)?])?])?;
/// }
/// assert_eq!(sink.marks()?, [counted(3)?]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mark {
    key: u128,
    state: Box<[u8]>,
}

impl Mark {
    /// A state of at most 64 KiB under a key.
    ///
    /// # Errors
    /// [`InvalidMark`] when the state is longer.
    ///
    /// ```
    /// use agent_telemetry::Mark;
    ///
    /// let mark = Mark::new(7, *b"so far")?;
    /// assert_eq!((mark.key(), mark.state()), (7, &b"so far"[..]));
    /// assert!(Mark::new(7, vec![0; 65_537]).is_err());
    /// # Ok::<(), agent_telemetry::InvalidMark>(())
    /// ```
    pub fn new(key: u128, state: impl Into<Box<[u8]>>) -> Result<Self, InvalidMark> {
        let state = state.into();
        if state.len() > STATE_BYTES {
            return Err(InvalidMark(Kind::State(state.len())));
        }
        Ok(Self { key, state })
    }

    /// What it is about.
    pub const fn key(&self) -> u128 {
        self.key
    }

    /// As it was given.
    pub const fn state(&self) -> &[u8] {
        &self.state
    }
}

/// The state may say whose work it was.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark")
            .field("key", &format_args!("{:032x}", self.key))
            .field("state_bytes", &self.state.len())
            .finish()
    }
}

/// Why something is no [`Mark`], or why a record cannot have so many of them.
///
/// ```
/// use agent_telemetry::Mark;
///
/// let error = Mark::new(7, vec![0; 70_000]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the state of a mark has 70000 bytes, at most 65536 are allowed; say less, or say it in several marks"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMark(Kind);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error(
        "the state of a mark has {0} bytes, at most {STATE_BYTES} are allowed; say less, or say it in several marks"
    )]
    State(usize),
    #[error(
        "the marks of a record have {0} bytes, at most {RECORD_BYTES} are allowed; spread them over several records"
    )]
    Record(usize),
}

impl Record {
    /// Sets what must be found again together with the record; nothing unless set. At most 1 MiB, for which
    /// each mark counts with its state and 64 bytes more.
    ///
    /// # Errors
    /// [`InvalidMark`] when they have more.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::{Mark, Metric, Record};
    ///
    /// let record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("requests", 1));
    /// let record = record.with_marks(vec![Mark::new(7, *b"so far")?])?;
    /// assert_eq!(record.marks().len(), 1);
    /// # Ok::<(), agent_telemetry::InvalidMark>(())
    /// ```
    pub fn with_marks(mut self, marks: impl Into<Box<[Mark]>>) -> Result<Self, InvalidMark> {
        let marks = marks.into();
        let bytes = marks
            .iter()
            .map(|mark| mark.state.len().saturating_add(BESIDE_STATE))
            .fold(0, usize::saturating_add);
        if bytes > RECORD_BYTES {
            return Err(InvalidMark(Kind::Record(bytes)));
        }
        self.marks = (!marks.is_empty()).then_some(marks);
        Ok(self)
    }

    /// What must be found again together with the record. Of a record that was read from a store there are
    /// none: the store keeps them apart.
    pub fn marks(&self) -> &[Mark] {
        self.marks.as_deref().unwrap_or_default()
    }

    /// Takes the marks off, of which those who read records see nothing.
    pub(crate) fn drop_marks(&mut self) {
        self.marks = None;
    }

    /// A copy for those who read records.
    pub(crate) fn clone_without_marks(&self) -> Self {
        Self {
            at: self.at,
            project: self.project.clone(),
            session: self.session.clone(),
            agent: self.agent.clone(),
            marks: None,
            body: self.body.clone(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    state: String,
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            key: format!("{:032x}", self.key),
            state: hex(&self.state),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let key = unhex(&written.key).and_then(|key| key.try_into().ok());
        let (Some(key), Some(state)) = (key, unhex(&written.state)) else {
            let what = "a mark is 32 lower-case hexadecimal digits and an even number of them";
            return Err(D::Error::custom(what));
        };
        Self::new(u128::from_be_bytes(key), state).map_err(D::Error::custom)
    }
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

/// `None` for other characters, and for half a byte.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let half = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    pairs
        .iter()
        .map(|[high, low]| Some(half(*high)? << 4 | half(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;
    use crate::Metric;

    fn record() -> Record {
        Record::new(Timestamp::UNIX_EPOCH, Metric::count("number", 1))
    }

    #[test]
    fn marks_are_in_the_json_of_a_record_in_digits_and_read_back() {
        let every: Vec<u8> = (0..=255).collect();
        let marks = [(u128::MAX, every), (1, Vec::new())];
        let marks = marks.map(|(key, state)| Mark::new(key, state).unwrap());
        let record = record().with_marks(marks).unwrap();
        let json = serde_json::to_value(&record).unwrap();
        let key = "00000000000000000000000000000001";
        assert_eq!(
            json["marks"][1],
            serde_json::json!({"key": key, "state": ""})
        );
        assert!(
            json["marks"][0]["state"]
                .as_str()
                .unwrap()
                .ends_with("feff")
        );
        assert_eq!(serde_json::from_value::<Record>(json).unwrap(), record);
    }

    #[test]
    fn record_without_marks_says_nothing_of_them() {
        let json = serde_json::to_string(&record()).unwrap();
        assert!(!json.contains("marks"), "{json}");
        let without = record().with_marks([]).unwrap();
        assert_eq!(without, record());
    }

    #[test]
    fn what_is_no_mark_is_refused() {
        let mark = |key: &str, state: &str| {
            let json = serde_json::json!({"key": key, "state": state});
            serde_json::from_value::<Mark>(json)
        };
        let key = "0123456789abcdef0123456789abcdef";
        assert_eq!(mark(key, "00ff").unwrap().state(), [0, 255]);
        for (key, state) in [(key, "0"), (key, "0F"), (key, "é"), ("12", ""), ("", "")] {
            assert!(mark(key, state).is_err(), "{key} {state}");
        }
        assert!(mark(key, &"00".repeat(STATE_BYTES)).is_ok());
        assert!(mark(key, &"00".repeat(STATE_BYTES + 1)).is_err());
    }

    #[test]
    fn marks_of_a_record_have_a_mebibyte_at_most() {
        let longest = Mark::new(1, vec![0; STATE_BYTES]).unwrap();
        assert!(record().with_marks(vec![longest.clone(); 15]).is_ok());
        assert!(record().with_marks(vec![longest; 16]).is_err());
        let shortest = Mark::new(1, []).unwrap();
        let most = RECORD_BYTES / BESIDE_STATE;
        assert!(record().with_marks(vec![shortest.clone(); most]).is_ok());
        let error = record().with_marks(vec![shortest; most + 1]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("spread them over several records")
        );
    }

    #[test]
    fn state_is_not_shown() {
        let shown = format!("{:?}", Mark::new(7, *b"ada").unwrap());
        assert!(shown.ends_with("0007, state_bytes: 3 }"), "{shown}");
    }
}
