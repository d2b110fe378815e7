//! A distribution in few bytes, for storing it.

use super::exponential::{ExponentialHistogram, are_measured};
use super::index::BUCKETS;

/// The layout below, with its scale.
const VERSION: u8 = 1;
const WITHOUT_RANGE: u8 = 0;
const WITH_RANGE: u8 = 1;

/// What is no distribution.
///
/// ```
/// use agent_telemetry::ExponentialHistogram;
///
/// let error = ExponentialHistogram::from_bytes(&[9]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "histogram is of another version or scale; read it with the version of the crate that wrote it"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("histogram {reason}")]
pub struct InvalidHistogram {
    reason: Reason,
}

impl InvalidHistogram {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Reason {
    #[error("is of another version or scale; read it with the version of the crate that wrote it")]
    Scale,
    #[error("ends too early or too late; pass exactly the bytes that were written")]
    Length,
    #[error(
        "has buckets out of range or out of order; it is damaged, take it from its source again"
    )]
    Buckets,
    #[error("has counts that are beyond 64 bits; it is damaged, take it from its source again")]
    Counts,
    #[error(
        "has a sum, least or greatest value that cannot be; it is damaged, take it from its source \
         again"
    )]
    Values,
}

impl ExponentialHistogram {
    /// The distribution in few bytes: two or three for each bucket that has values, some thirty beside.
    ///
    /// A version, then counts as LEB128 and floating-point numbers in eight bytes, least first: whether
    /// the range is known (0, 1), values that are zero, clamped, refused; sum; least and greatest, if
    /// known; number of buckets with values; for each, in order, how many buckets lie between it and the
    /// one before (for the first: its number), and its count.
    ///
    /// ```
    /// use agent_telemetry::ExponentialHistogram;
    ///
    /// let mut latency = ExponentialHistogram::new();
    /// latency.record_many(1.5, 1_000);
    /// let bytes = latency.to_bytes();
    /// assert_eq!(bytes.len(), 34);
    /// assert_eq!(ExponentialHistogram::from_bytes(&bytes)?, latency);
    /// # Ok::<(), agent_telemetry::InvalidHistogram>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let range = self.range.map_or(WITHOUT_RANGE, |_| WITH_RANGE);
        bytes.push(range);
        for count in [self.zero, self.clamped, self.refused] {
            varint(&mut bytes, count);
        }
        bytes.extend(self.sum.to_le_bytes());
        if let Some((min, max)) = self.range {
            bytes.extend(min.to_le_bytes());
            bytes.extend(max.to_le_bytes());
        }
        let used = || {
            (self.first..)
                .zip(&self.counts)
                .filter(|(_, count)| **count > 0)
        };
        varint(&mut bytes, used().count() as u64);
        let mut next = 0;
        for (bucket, &count) in used() {
            varint(&mut bytes, (bucket - next) as u64);
            varint(&mut bytes, count);
            next = bucket + 1;
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Any bytes may come: what they make has at most 48 KiB.
    ///
    /// # Errors
    /// [`InvalidHistogram`] when the bytes were not written there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidHistogram> {
        read(bytes).map_err(InvalidHistogram::new)
    }

    /// Adds what [`to_bytes`](Self::to_bytes) wrote, as [`merge`](Self::merge) does, with nothing in
    /// between. After an error a part of it may have been added.
    #[cfg(feature = "sqlite")]
    pub(crate) fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), InvalidHistogram> {
        add(bytes, self).map_err(InvalidHistogram::new)
    }
}

fn read(bytes: &[u8]) -> Result<ExponentialHistogram, Reason> {
    let mut all = ExponentialHistogram::new();
    add(bytes, &mut all)?;
    Ok(all)
}

fn add(bytes: &[u8], all: &mut ExponentialHistogram) -> Result<(), Reason> {
    let mut bytes = Bytes(bytes);
    if bytes.array()? != [VERSION] {
        return Err(Reason::Scale);
    }
    let range = match bytes.array()? {
        [WITHOUT_RANGE] => false,
        [WITH_RANGE] => true,
        _ => return Err(Reason::Values),
    };
    let (zero, clamped, refused) = (bytes.varint()?, bytes.varint()?, bytes.varint()?);
    let sum = f64::from_le_bytes(bytes.array()?);
    let range = if range {
        let min = f64::from_le_bytes(bytes.array()?);
        Some((min, f64::from_le_bytes(bytes.array()?)))
    } else {
        None
    };
    let before = all.count();
    let (mut next, mut count, mut in_last) = (0_usize, zero, 0);
    let mut left = bytes.varint()?;
    // Each turn takes a higher bucket, so there are no more than buckets.
    loop {
        let short = add_short(&mut bytes, all, &mut next, &mut left);
        count = count.checked_add(short).ok_or(Reason::Counts)?;
        if left == 0 {
            break;
        }
        left -= 1;
        let gap = usize::try_from(bytes.varint()?).map_err(|_| Reason::Buckets)?;
        let bucket = next.checked_add(gap).filter(|bucket| *bucket < BUCKETS);
        let bucket = bucket.ok_or(Reason::Buckets)?;
        let values = bytes.varint()?;
        if values == 0 {
            return Err(Reason::Buckets);
        }
        count = count.checked_add(values).ok_or(Reason::Counts)?;
        if bucket == BUCKETS - 1 {
            in_last = values;
        }
        all.add(bucket, values);
        next = bucket + 1;
    }
    if !bytes.0.is_empty() {
        return Err(Reason::Length);
    }
    if clamped > in_last {
        return Err(Reason::Buckets);
    }
    if !are_measured(count, sum, range) {
        return Err(Reason::Values);
    }
    all.add_unplaced(zero, clamped, refused);
    all.add_measured(before, count, sum, range);
    Ok(())
}

/// Adds buckets that have a place already, as long as each takes two bytes: nearly all that a store adds up.
/// Says how many values they have.
fn add_short(
    bytes: &mut Bytes<'_>,
    all: &mut ExponentialHistogram,
    next: &mut usize,
    left: &mut u64,
) -> u64 {
    let (first, places) = all.places();
    let mut added = 0;
    while *left > 0
        && let [gap @ ..0x80, values @ 1..0x80, rest @ ..] = bytes.0
    {
        let bucket = *next + usize::from(*gap);
        // The last bucket has values to be compared with.
        let Some(place) = places
            .get_mut(bucket.wrapping_sub(first))
            .filter(|_| bucket < BUCKETS - 1)
        else {
            break;
        };
        *place = place.saturating_add((*values).into());
        added += u64::from(*values);
        bytes.0 = rest;
        *next = bucket + 1;
        *left -= 1;
    }
    all.add_placed(added);
    added
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while let rest @ 1.. = number >> 7 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number = rest;
    }
    bytes.push((number & 0x7f) as u8);
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Reason::Length)?;
        self.0 = rest;
        Ok(*array)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Reason> {
        // Most counts and all but few gaps.
        if let Some((&byte @ ..0x80, rest)) = self.0.split_first() {
            self.0 = rest;
            return Ok(byte.into());
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Reason> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits << shift;
            // The tenth byte has room for one bit.
            if shifted >> shift != bits {
                return Err(Reason::Counts);
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Reason::Counts)
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    fn sample() -> ExponentialHistogram {
        let mut all = ExponentialHistogram::new();
        for (value, times) in [(0.0, 3), (0.25, 1), (0.26, 400), (90.0, 1 << 40), (1e30, 2)] {
            all.record_many(value, times);
        }
        all.record(-1.0);
        all
    }

    #[test]
    fn bytes_are_these() {
        let mut all = ExponentialHistogram::new();
        all.record(0.0);
        all.record_many(1.0, 200);
        let golden = [
            [1, 1, 1, 0, 0].as_slice(),
            &[0, 0, 0, 0, 0, 0, 0x69, 0x40],
            &[0; 8],
            &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
            &[1, 0xff, 0x0f, 0xc8, 1],
        ]
        .concat();
        assert_eq!(all.to_bytes(), golden);
    }

    #[test]
    fn every_cut_and_every_longer_text_is_refused() {
        let bytes = sample().to_bytes();
        assert_eq!(ExponentialHistogram::from_bytes(&bytes), Ok(sample()));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(Reason::Length), "{end}");
        }
        let longer = [bytes, vec![0]].concat();
        assert_eq!(read(&longer), Err(Reason::Length));
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn bytes_merge_as_what_they_stand_for() {
        let of = |values: &[f64]| {
            let mut all = ExponentialHistogram::new();
            for value in values {
                all.record(*value);
            }
            all
        };
        let parts = [
            of(&[]),
            of(&[0.0, 1e30, -1.0]),
            of(&[5.0, 5.0, 7.0]),
            of(&[0.5, 90.0]),
            sample(),
        ];
        for one in &parts {
            for other in &parts {
                let (mut expected, mut merged) = (one.clone(), one.clone());
                expected.merge(other);
                merged.merge_bytes(&other.to_bytes()).unwrap();
                assert_eq!(merged, expected);
            }
        }
    }

    #[test]
    fn every_changed_byte_is_refused_or_read_as_what_it_says() {
        let bytes = sample().to_bytes();
        for at in 0..bytes.len() {
            for value in (0..=u8::MAX).step_by(5) {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(all) = ExponentialHistogram::from_bytes(&changed) {
                    assert_eq!(ExponentialHistogram::from_bytes(&all.to_bytes()), Ok(all));
                }
            }
        }
    }

    #[test]
    fn damage_is_told_by_its_kind() {
        let start = |zero: &[u8]| [&[1, 0], zero, &[0, 0], &[0; 8]].concat();
        let with = |tail: &[u8]| [&start(&[0]), tail].concat();
        let most = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(read(&[2]), Err(Reason::Scale));
        assert_eq!(
            read(&with(&[1, 0x80, 0x30, 1])),
            Err(Reason::Buckets),
            "6144"
        );
        assert_eq!(
            read(&with(&[1, 5, 0])),
            Err(Reason::Buckets),
            "empty bucket"
        );
        let full = [&start(&most), [1, 5, 1].as_slice()].concat();
        assert_eq!(read(&full), Err(Reason::Counts));
        let too_wide = [[0xff; 9].as_slice(), &[2]].concat();
        assert_eq!(read(&start(&too_wide)), Err(Reason::Counts));
        let mut sum = with(&[0]);
        sum[12] = 0xff;
        assert_eq!(read(&sum), Err(Reason::Values), "negative sum");
        let clamped = [&[1, 0, 0, 1, 0], [0; 8].as_slice(), &[0]].concat();
        assert_eq!(read(&clamped), Err(Reason::Buckets));
    }
}
