//! The long texts of a session: which are in the log, and their way back into messages.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::numbering::wide;
use super::salvage::Salvage;
use crate::Message;
use crate::format::blob::{REFERRED_MAX, Reference, put_back};
use crate::format::payload::Digest;

/// What a writer knows of the blobs in the log. A clone shares it, and learns by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    numbers: Arc<BTreeMap<Digest, u64>>,
    fresh: BTreeMap<Digest, u64>,
    /// Bytes that references in the log put back.
    referred: u64,
}

impl Known {
    /// Of a log that was not read whole: nothing more is referred to, since nobody knows how much is.
    pub(crate) fn spent() -> Self {
        Self {
            referred: REFERRED_MAX,
            ..Self::default()
        }
    }

    /// The number of the frame with this text.
    pub(crate) fn number(&self, hash: &Digest) -> Option<u64> {
        self.fresh
            .get(hash)
            .or_else(|| self.numbers.get(hash))
            .copied()
    }

    pub(crate) fn learn(&mut self, hash: Digest, number: u64) {
        self.fresh.insert(hash, number);
    }

    /// Takes over what a clone has learned.
    pub(crate) fn adopt(&mut self, clone: Self) {
        let Self {
            numbers,
            fresh,
            referred,
        } = clone;
        self.referred = referred;
        if !fresh.is_empty() {
            // Nobody else holds the numbers then, and they need not be copied.
            drop(numbers);
            Arc::make_mut(&mut self.numbers).extend(fresh);
        }
    }

    /// Whether a reference to `len` bytes may be written; counts it then.
    pub(crate) fn refer(&mut self, len: usize) -> bool {
        let referred = self.referred.saturating_add(wide(len));
        let may = referred <= REFERRED_MAX;
        if may {
            self.referred = referred;
        }
        may
    }
}

/// Blobs as read.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    texts: BTreeMap<u64, (Digest, String)>,
    referred: u64,
    /// Which frames refer to which: the number of an Items frame, and that of a Blob frame.
    uses: Vec<(u64, u64)>,
    /// Numbers that messages referred to where nothing was.
    sought: BTreeSet<u64>,
}

impl Blobs {
    pub(crate) fn insert(&mut self, number: u64, hash: Digest, text: String) {
        self.texts.insert(number, (hash, text));
        self.sought.remove(&number);
    }

    /// Numbers that messages referred to and that are not there, ascending.
    pub(crate) fn sought(&self) -> impl Iterator<Item = u64> {
        self.sought.iter().copied()
    }

    /// Numbers of Items frames, ascending, and for each the numbers of the Blob frames that it refers to.
    pub(crate) fn uses(&self) -> &[(u64, u64)] {
        &self.uses
    }

    /// How many blobs have a number in the range.
    pub(crate) fn numbers_in(&self, range: &Range<u64>) -> usize {
        self.texts.range(range.clone()).count()
    }

    /// Puts the texts back that `messages` of the frame with the number `user` (any, where nobody asks for the [`uses`](Self::uses)) refer to; which of the messages, by position, lack one.
    pub(crate) fn put_back(
        &mut self,
        user: u64,
        messages: &mut [Message],
        limit: u64,
        mut salvage: Option<&mut Salvage>,
    ) -> Result<Vec<usize>, ()> {
        let Self {
            texts,
            uses,
            referred,
            sought,
        } = self;
        let mut lacking = Vec::new();
        let mut is_over = false;
        for (at, message) in messages.iter_mut().enumerate() {
            let mut find = |reference: &Reference| {
                let Some((hash, text)) = texts.get(&reference.number) else {
                    sought.insert(reference.number);
                    return salvage
                        .as_mut()
                        .map(|salvage| Cow::Owned(salvage.stub(reference)));
                };
                let is_it = *hash == reference.hash && wide(text.len()) == reference.len;
                *referred = referred.saturating_add(if is_it { reference.len } else { 0 });
                is_over |= *referred > limit;
                let use_of = (user, reference.number);
                if is_it && uses.last() != Some(&use_of) {
                    uses.push(use_of);
                }
                (is_it && !is_over).then_some(Cow::Borrowed(text.as_str()))
            };
            if put_back(message, &mut find).is_none() {
                lacking.push(at);
            }
            if is_over {
                return Err(());
            }
        }
        Ok(lacking)
    }

    /// What a writer that goes on with the log knows.
    pub(crate) fn known(&self) -> Known {
        let numbers = self
            .texts
            .iter()
            .map(|(number, (hash, _))| (*hash, *number));
        Known {
            numbers: Arc::new(numbers.collect()),
            fresh: BTreeMap::new(),
            referred: self.referred,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referring(text: &str, number: u64) -> Message {
        let hash = *blake3::hash(text.as_bytes()).as_bytes();
        let len = wide(text.len());
        Message::user(Reference { number, len, hash }.to_string())
    }

    #[test]
    fn a_text_comes_back_only_where_number_length_and_hash_are_right() {
        let mut blobs = Blobs::default();
        blobs.insert(4, *blake3::hash(b"text").as_bytes(), "text".into());
        let mut messages = [
            referring("text", 4),
            referring("text", 5),
            referring("tent", 4),
            referring("texts", 4),
        ];
        assert_eq!(
            blobs.put_back(9, &mut messages, 100, None),
            Ok(vec![1, 2, 3])
        );
        assert_eq!(messages[0], Message::user("text"));
        assert_eq!(blobs.sought().collect::<Vec<_>>(), [5]);
        assert_eq!(blobs.uses(), [(9, 4)]);
        let known = blobs.known();
        assert_eq!(known.number(blake3::hash(b"text").as_bytes()), Some(4));
        assert_eq!(known.referred, 4);
    }

    #[test]
    fn a_few_bytes_do_not_fill_the_memory() {
        let mut blobs = Blobs::default();
        blobs.insert(0, *blake3::hash(b"text").as_bytes(), "text".into());
        let many = vec![referring("text", 0); 6];
        assert_eq!(blobs.put_back(9, &mut many.clone(), 24, None), Ok(vec![]));
        assert_eq!(blobs.put_back(9, &mut many.clone(), 24, None), Err(()));
    }

    #[test]
    fn what_a_clone_learns_is_its_own_until_it_is_adopted() {
        let mut known = Known::default();
        let mut clone = known.clone();
        clone.learn([1; 32], 7);
        assert!(clone.refer(40));
        assert_eq!(
            (known.number(&[1; 32]), clone.number(&[1; 32])),
            (None, Some(7))
        );
        known.adopt(clone);
        assert_eq!((known.number(&[1; 32]), known.referred), (Some(7), 40));
        assert!(known.fresh.is_empty());
    }

    #[test]
    fn a_writer_stops_referring_long_before_a_reader_refuses() {
        let mut known = Known::default();
        let half = usize::try_from(REFERRED_MAX / 2).unwrap();
        assert!(known.refer(half) && known.refer(half) && !known.refer(1));
        assert!(!Known::spent().refer(1));
    }
}
