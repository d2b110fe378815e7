//! Numbers, which stand as such or within quotes.

use super::super::malformed::{Fault, Flaw};
use super::cursor::Cursor;

impl<'a> Cursor<'a> {
    /// The letters of a number, and whether they stand within quotes.
    fn letters(&mut self) -> Result<&'a str, Fault> {
        if self.peek() == Some(b'"') {
            return self.quoted().map(|(text, _)| text);
        }
        self.number()
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        let start = *self;
        let text = self.letters()?;
        unsigned(text)
            .or_else(|| u64::try_from(whole(text)?).ok())
            .ok_or_else(|| start.fault(Flaw::Number))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Fault> {
        let start = *self;
        let text = self.letters()?;
        let number = text.parse().ok();
        number
            .or_else(|| i64::try_from(whole(text)?).ok())
            .ok_or_else(|| start.fault(Flaw::Number))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Fault> {
        let start = *self;
        i32::try_from(self.i64()?).map_err(|_| start.fault(Flaw::Number))
    }

    pub(super) fn f64(&mut self) -> Result<f64, Fault> {
        let start = *self;
        match self.letters()? {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            text => finite(text).ok_or_else(|| start.fault(Flaw::Number)),
        }
    }

    /// An enumeration's number. Its name is understood as well, though the protocol allows numbers only.
    pub(super) fn code(&mut self, of_name: impl Fn(&str) -> Option<i32>) -> Result<i32, Fault> {
        let start = *self;
        if self.peek() == Some(b'"')
            && let Some(code) = of_name(self.quoted()?.0)
        {
            return Ok(code);
        }
        *self = start;
        self.i32()
    }
}

/// A number of digits alone.
fn unsigned(text: &str) -> Option<u64> {
    // Any 19 digits fit.
    if text.is_empty() || text.len() > 19 {
        return text.parse().ok();
    }
    text.bytes().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Some(number * 10 + u64::from(byte - b'0')),
        _ => None,
    })
}

/// A whole number with a point or an exponent.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(text: &str) -> Option<i128> {
    let number = finite(text)?;
    (number.fract() == 0.0 && number.abs() < 2e19).then_some(number as i128)
}

/// What Rust reads as a number, but for the names of those that are none.
fn finite(text: &str) -> Option<f64> {
    let first = text.bytes().find(|byte| *byte != b'-' && *byte != b'+')?;
    if !first.is_ascii_digit() && first != b'.' {
        return None;
    }
    text.parse().ok()
}
