//! The payload of a Skip frame: how many records were left out, and the digests of those that the hash of
//! a commit still covers.

use super::bytes_at;
use super::header::Fault;
use super::payload::Digest;

const COUNT_LEN: usize = 8;
const ENTRY_LEN: usize = 8 + 32;

/// Records that were left out on purpose, from the number of the frame on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// How many; at least one.
    pub(crate) records: u64,
    /// Digests of the payloads that a commit's hash covers, by number, ascending.
    pub(crate) digests: Vec<(u64, Digest)>,
}

impl Skip {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(COUNT_LEN + self.digests.len() * ENTRY_LEN);
        raw.extend(self.records.to_le_bytes());
        for (number, digest) in &self.digests {
            raw.extend(number.to_le_bytes());
            raw.extend_from_slice(digest);
        }
        raw
    }

    /// The Skip of a frame with the number `first`.
    pub(crate) fn decode(raw: &[u8], first: u64) -> Result<Self, Fault> {
        let records = u64::from_le_bytes(bytes_at(raw, 0).ok_or(Fault::Content)?);
        let end = first.checked_add(records).ok_or(Fault::Limit)?;
        if records == 0 || end >= u64::MAX - u64::from(u32::MAX) {
            return Err(Fault::Limit);
        }
        let (entries, rest) = raw
            .get(COUNT_LEN..)
            .unwrap_or_default()
            .as_chunks::<ENTRY_LEN>();
        if !rest.is_empty() {
            return Err(Fault::Content);
        }
        let entry = |entry: &[u8; ENTRY_LEN]| {
            let number = u64::from_le_bytes(bytes_at(entry, 0)?);
            Some((number, bytes_at(entry, 8)?))
        };
        let digests: Vec<(u64, Digest)> = entries.iter().filter_map(entry).collect();
        let ascends = digests.is_sorted_by(|(a, _), (b, _)| a < b);
        let is_inside = digests
            .iter()
            .all(|(number, _)| (first..end).contains(number));
        if ascends && is_inside {
            Ok(Self { records, digests })
        } else {
            Err(Fault::Content)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_is_told_and_nothing_beyond_it() {
        let skip = Skip {
            records: 5,
            digests: vec![(7, [1; 32]), (9, [2; 32])],
        };
        let raw = skip.encode();
        assert_eq!(Skip::decode(&raw, 7), Ok(skip.clone()));
        assert_eq!(
            Skip::decode(&raw, 8),
            Err(Fault::Content),
            "begins behind 7"
        );
        assert_eq!(Skip::decode(&raw, 3), Err(Fault::Content), "ends before 9");
        assert_eq!(Skip::decode(&raw[..60], 7), Err(Fault::Content));
        let none = Skip::default().encode();
        assert_eq!(Skip::decode(&none, 7), Err(Fault::Limit));
        let far = Skip {
            records: u64::MAX - 9,
            digests: Vec::new(),
        };
        assert_eq!(Skip::decode(&far.encode(), 7), Err(Fault::Limit));
        let twice = Skip {
            records: 5,
            digests: vec![(7, [1; 32]); 2],
        };
        assert_eq!(Skip::decode(&twice.encode(), 7), Err(Fault::Content));
    }

    proptest! {
        #[test]
        fn bytes_from_anywhere_are_read_or_refused(raw: Vec<u8>, first: u64) {
            if let Ok(skip) = Skip::decode(&raw, first) {
                prop_assert_eq!(skip.encode(), raw);
            }
        }
    }
}
