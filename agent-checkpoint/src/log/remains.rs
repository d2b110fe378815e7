//! What is known of frames that are lost: headers that are intact in the middle of damage, and what others say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::numbering::{narrow, wide};
use crate::format::frame::OVERHEAD;
use crate::format::header::{Header, MAGIC};
use crate::format::keys::Seed;
use crate::format::tags::{Flags, Kind};

/// The headers that damaged bytes still hold, by ascending number. A header tells what its frame was, whatever
/// became of the payload.
pub(crate) fn headers(bytes: &[u8], seed: Seed) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let [first, ..] = MAGIC;
        let Some(next) = rest.iter().position(|byte| *byte == first) else {
            break;
        };
        at += next;
        let read = Header::decode(bytes.get(at..).unwrap_or_default(), seed.sum);
        let Ok((header, _)) = read else {
            at += 1;
            continue;
        };
        at += OVERHEAD + narrow(u64::from(header.stored_len));
        if headers.last().is_none_or(|last| last.seq < header.seq) {
            headers.push(header);
        }
    }
    headers
}

/// Records that are lost, as far as something is known of them.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    kinds: BTreeMap<u64, (Kind, Flags)>,
    /// Numbers of what others refer to as something that is no message.
    others: BTreeSet<u64>,
}

impl Remains {
    /// A frame of which only the header is left.
    pub(crate) fn tell(&mut self, header: &Header) {
        self.kinds.insert(header.seq, (header.kind, header.flags));
        // How many records a pack held is in its payload.
        if ![Kind::ITEMS, Kind::PACK, Kind::SKIP].contains(&header.kind) {
            self.others.insert(header.seq);
        }
    }

    /// The number behind the last record of which there is a header; 0 where there is none.
    pub(crate) fn end(&self) -> u64 {
        let last = self.kinds.last_key_value();
        last.map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// Something refers to the record as to one that is no message.
    pub(crate) fn is_no_message(&mut self, number: u64) {
        self.others.insert(number);
    }

    /// How many of the lost records in the range may be messages.
    pub(crate) fn open(&self, lost: &Range<u64>) -> u64 {
        let others = wide(self.others.range(lost.clone()).count());
        lost.end.saturating_sub(lost.start).saturating_sub(others)
    }

    /// The range without what is known to be no message at its ends; nothing where that is all of it.
    pub(crate) fn trimmed(&self, lost: Range<u64>) -> Option<Range<u64>> {
        let Range { mut start, mut end } = lost;
        while start < end && self.others.contains(&start) {
            start += 1;
        }
        while start < end && self.others.contains(&(end - 1)) {
            end -= 1;
        }
        (start < end).then_some(start..end)
    }

    /// Whether a Commit frame is known to be among the lost records.
    pub(crate) fn has_commit(&self, lost: &Range<u64>) -> bool {
        let mut known = self.kinds.range(lost.clone());
        known.any(|(_, (kind, _))| *kind == Kind::COMMIT)
    }

    /// Whether all lost records are messages that were each a commit of its own.
    pub(crate) fn are_flags(&self, lost: &Range<u64>) -> bool {
        let known = self.kinds.range(lost.clone());
        let flags =
            known.filter(|(_, (kind, flags))| *kind == Kind::ITEMS && flags.has(Flags::COMMIT));
        wide(flags.count()) == lost.end.saturating_sub(lost.start)
    }

    /// How many of the lost records may hold state beside the messages.
    pub(crate) fn values(&self, lost: &Range<u64>) -> u64 {
        let known = self.kinds.range(lost.clone());
        let others = known.filter(|(_, (kind, _))| {
            ![Kind::SNAPSHOT, Kind::COMPONENT, Kind::PATCH, Kind::PACK].contains(kind)
        });
        lost.end
            .saturating_sub(lost.start)
            .saturating_sub(wide(others.count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::Draft;
    use crate::format::keys::Keys;
    use crate::format::tags::{Codec, Compression};

    fn frame(kind: Kind, flags: Flags, seq: u64) -> Vec<u8> {
        let draft = Draft {
            kind,
            codec: Codec::JSON,
            flags,
            schema: 1,
            seq,
            compression: Compression::RAW,
            stored: b"[0,{}]".to_vec(),
            raw_len: 6,
        };
        let mut out = Vec::new();
        draft.write(&Keys::default(), 5.into(), &mut out).unwrap();
        out
    }

    #[test]
    fn a_header_outlives_its_payload_and_the_frame_before_it() {
        let mut bytes = frame(Kind::ITEMS, Flags::COMMIT, 3);
        bytes[33] ^= 1;
        let mut second = frame(Kind::SNAPSHOT, Flags::NONE, 4);
        second[9] ^= 1;
        bytes.append(&mut second);
        bytes.append(&mut frame(Kind::COMMIT, Flags::NONE, 5));
        let found = headers(&bytes, 5.into());
        let found: Vec<(u64, Kind)> = found.iter().map(|h| (h.seq, h.kind)).collect();
        assert_eq!(found, [(3, Kind::ITEMS), (5, Kind::COMMIT)]);
        // Of another segment.
        assert!(headers(&bytes, 6.into()).is_empty());
    }

    #[test]
    fn what_is_known_of_lost_records_is_counted() {
        let mut remains = Remains::default();
        for header in headers(&frame(Kind::COMMIT, Flags::NONE, 7), 5.into()) {
            remains.tell(&header);
        }
        for header in headers(&frame(Kind::ITEMS, Flags::COMMIT, 5), 5.into()) {
            remains.tell(&header);
        }
        remains.is_no_message(4);
        assert_eq!((remains.open(&(4..8)), remains.open(&(5..7))), (2, 2));
        assert_eq!(remains.trimmed(4..8), Some(5..7));
        assert_eq!(remains.trimmed(7..8), None);
        assert!(remains.has_commit(&(4..8)) && !remains.has_commit(&(4..7)));
        assert!(remains.are_flags(&(5..6)) && !remains.are_flags(&(5..7)));
        assert_eq!(remains.values(&(4..8)), 2);
    }
}
