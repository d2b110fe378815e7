//! What is known of a series, as bytes.
//!
//! Version 1: the version, the kind, then fields as variable-length integers (seven bits a byte, lowest first) and
//! doubles as eight bytes, lowest first. Times follow each other as differences from the one before.

use super::check;
use super::epochs::{EPOCHS_MAX, Epoch, Epochs, RETIRED_MAX, Retired};
use super::intervals::{INTERVALS_MAX, Interval, Intervals};
use super::last::Last;
use super::table::Memory;
use crate::otlp::wire::{ExponentialData, HistogramData, Number};

const VERSION: u8 = 1;
const CUMULATIVE: u8 = 0;
const DELTA: u8 = 1;
const INT: u8 = 0;
const DOUBLE: u8 = 1;
const HISTOGRAM: u8 = 2;
const EXPONENTIAL: u8 = 3;
const SUMMARY: u8 = 4;

/// These bytes are no mark, or one of a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the mark of a series cannot be read")]
pub(crate) struct InvalidMark;

pub(super) fn write(memory: &Memory) -> Vec<u8> {
    let mut to = Writer {
        bytes: vec![VERSION],
        time: 0,
    };
    match memory {
        Memory::Cumulative(epochs) => {
            to.bytes.push(CUMULATIVE);
            to.epochs(epochs);
        }
        Memory::Delta(intervals) => {
            to.bytes.push(DELTA);
            to.intervals(intervals);
        }
    }
    to.bytes
}

pub(super) fn read(mark: &[u8]) -> Result<Memory, InvalidMark> {
    let mut from = Reader {
        bytes: mark,
        time: 0,
    };
    let memory = match (from.byte()?, from.byte()?) {
        (VERSION, CUMULATIVE) => Memory::Cumulative(from.epochs()?),
        (VERSION, DELTA) => Memory::Delta(from.intervals()?),
        _ => return Err(InvalidMark),
    };
    if from.bytes.is_empty() {
        Ok(memory)
    } else {
        Err(InvalidMark)
    }
}

struct Writer {
    bytes: Vec<u8>,
    /// The last one written.
    time: u64,
}

impl Writer {
    fn epochs(&mut self, it: &Epochs) {
        self.number(u64::from(it.overlaps));
        self.time(it.floor);
        let epochs = || it.current.iter().chain(&it.others);
        self.count(epochs().count());
        for epoch in epochs() {
            self.time(epoch.start);
            self.time(epoch.time);
            self.last(&epoch.last);
        }
        self.count(it.retired.len());
        for retired in &it.retired {
            self.time(retired.start);
            self.time(retired.time);
        }
    }

    fn intervals(&mut self, it: &Intervals) {
        self.number(u64::from(it.overlaps));
        for time in [it.floor, it.origin, it.reach] {
            self.time(time);
        }
        self.number(it.covered);
        self.count(it.recent.len());
        for interval in &it.recent {
            self.time(interval.start);
            self.time(interval.end);
            self.bytes.extend(interval.print.to_le_bytes());
        }
    }

    fn last(&mut self, last: &Last) {
        match last {
            Last::Number(Number::Int(it)) => {
                self.bytes.push(INT);
                self.signed(*it);
            }
            Last::Number(Number::Double(it)) => {
                self.bytes.push(DOUBLE);
                self.double(*it);
            }
            Last::Histogram(it) => {
                self.bytes.push(HISTOGRAM);
                self.number(it.count);
                for number in [it.sum, it.min, it.max] {
                    self.optional(number);
                }
                self.count(it.bounds.len());
                it.bounds.iter().for_each(|bound| self.double(*bound));
                self.list(&it.buckets);
            }
            Last::Exponential(it) => {
                self.bytes.push(EXPONENTIAL);
                self.number(it.count);
                for number in [it.sum, it.min, it.max] {
                    self.optional(number);
                }
                self.signed(i64::from(it.scale));
                self.number(it.zero_count);
                self.double(it.zero_threshold);
                self.signed(i64::from(it.positive_offset));
                self.list(&it.positive);
                self.signed(i64::from(it.negative_offset));
                self.list(&it.negative);
            }
            Last::Summary { count, sum } => {
                self.bytes.push(SUMMARY);
                self.number(*count);
                self.double(*sum);
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn time(&mut self, time: u64) {
        self.signed(time.wrapping_sub(self.time).cast_signed());
        self.time = time;
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn list(&mut self, counts: &[u64]) {
        self.count(counts.len());
        for count in counts {
            self.number(*count);
        }
    }

    fn double(&mut self, number: f64) {
        self.bytes.extend(number.to_le_bytes());
    }

    fn optional(&mut self, number: Option<f64>) {
        self.bytes.push(u8::from(number.is_some()));
        if let Some(number) = number {
            self.double(number);
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    time: u64,
}

impl Reader<'_> {
    fn epochs(&mut self) -> Result<Epochs, InvalidMark> {
        let overlaps = self.flag()?;
        let floor = self.time()?;
        let mut epochs = self.many(EPOCHS_MAX, |from| {
            let (start, time) = (from.time()?, from.time()?);
            let last = from.last()?;
            Ok(Epoch { start, time, last })
        })?;
        let retired = self.many(RETIRED_MAX, |from| {
            let (start, time) = (from.time()?, from.time()?);
            Ok(Retired { start, time })
        })?;
        let current = (!epochs.is_empty()).then(|| epochs.remove(0));
        Ok(Epochs {
            current,
            others: epochs,
            retired,
            floor,
            overlaps,
        })
    }

    fn intervals(&mut self) -> Result<Intervals, InvalidMark> {
        let overlaps = self.flag()?;
        let (floor, origin, reach) = (self.time()?, self.time()?, self.time()?);
        let covered = self.number()?;
        let recent = self.many(INTERVALS_MAX, |from| {
            let (start, end) = (from.time()?, from.time()?);
            let print = u64::from_le_bytes(from.array()?);
            Ok(Interval { start, end, print })
        })?;
        let is_sound = origin <= reach
            && covered <= reach - origin
            && recent
                .iter()
                .all(|it| it.start <= it.end && it.end <= reach)
            && recent.is_sorted_by_key(|it| it.end);
        let intervals = Intervals {
            recent: recent.into(),
            floor,
            origin,
            reach,
            covered,
            overlaps,
        };
        is_sound.then_some(intervals).ok_or(InvalidMark)
    }

    fn last(&mut self) -> Result<Last, InvalidMark> {
        Ok(match self.byte()? {
            INT => Last::Number(Number::Int(self.signed()?)),
            DOUBLE => Last::Number(Number::Double(self.double()?)),
            HISTOGRAM => {
                let it = HistogramData {
                    count: self.number()?,
                    sum: self.optional()?,
                    min: self.optional()?,
                    max: self.optional()?,
                    bounds: self.many(check::BUCKETS_MAX, Self::double)?,
                    buckets: self.many(check::BUCKETS_MAX, Self::number)?,
                };
                check::histogram(&it).map_err(|_| InvalidMark)?;
                Last::Histogram(Box::new(it))
            }
            EXPONENTIAL => {
                let it = ExponentialData {
                    count: self.number()?,
                    sum: self.optional()?,
                    min: self.optional()?,
                    max: self.optional()?,
                    scale: self.small()?,
                    zero_count: self.number()?,
                    zero_threshold: self.double()?,
                    positive_offset: self.small()?,
                    positive: self.many(check::BUCKETS_MAX, Self::number)?,
                    negative_offset: self.small()?,
                    negative: self.many(check::BUCKETS_MAX, Self::number)?,
                };
                check::exponential(&it).map_err(|_| InvalidMark)?;
                Last::Exponential(Box::new(it))
            }
            SUMMARY => Last::Summary {
                count: self.number()?,
                sum: self.double()?,
            },
            _ => return Err(InvalidMark),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidMark> {
        let (first, rest) = self.bytes.split_first_chunk().ok_or(InvalidMark)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, InvalidMark> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Result<bool, InvalidMark> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(InvalidMark),
        }
    }

    fn number(&mut self) -> Result<u64, InvalidMark> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(InvalidMark);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(InvalidMark)
    }

    fn signed(&mut self) -> Result<i64, InvalidMark> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn small(&mut self) -> Result<i32, InvalidMark> {
        i32::try_from(self.signed()?).map_err(|_| InvalidMark)
    }

    fn time(&mut self) -> Result<u64, InvalidMark> {
        self.time = self.time.wrapping_add(self.signed()?.cast_unsigned());
        Ok(self.time)
    }

    fn double(&mut self) -> Result<f64, InvalidMark> {
        let number = f64::from_le_bytes(self.array()?);
        if number.is_nan() {
            Err(InvalidMark)
        } else {
            Ok(number)
        }
    }

    fn optional(&mut self) -> Result<Option<f64>, InvalidMark> {
        let is_there = self.flag()?;
        is_there
            .then(|| self.array().map(f64::from_le_bytes))
            .transpose()
    }

    /// A list of at most so many.
    fn many<T>(
        &mut self,
        most: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, InvalidMark>,
    ) -> Result<Vec<T>, InvalidMark> {
        let count = usize::try_from(self.number()?).map_err(|_| InvalidMark)?;
        if count > most {
            return Err(InvalidMark);
        }
        (0..count).map(|_| one(self)).collect()
    }
}
