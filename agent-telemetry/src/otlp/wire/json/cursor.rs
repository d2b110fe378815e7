//! Walks over JSON, and takes from it what is asked for.

use std::borrow::Cow;

use super::super::malformed::{Fault, Flaw};
use super::string;

/// Arrays and objects within one another that are followed where nobody asked for them.
const DEEPEST: u32 = 128;

/// What is left of a text in JSON.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[cold]
    pub(super) fn fault(&self, flaw: Flaw) -> Fault {
        let rest = self.rest();
        let flaw = if rest.is_empty() {
            Flaw::Truncated
        } else {
            flaw
        };
        Fault::new(flaw, rest)
    }

    /// From `start` up to here.
    pub(super) fn since(&self, start: Self) -> &'a str {
        self.text.get(start.at..self.at).unwrap_or_default()
    }

    /// Takes `word` if it comes next, exactly.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self, word: &[u8; N]) -> bool {
        let taken = self.rest().first_chunk() == Some(word);
        self.at += if taken { N } else { 0 };
        taken
    }

    /// Takes `byte` if it comes next, after white space.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.fault(Flaw::Json))
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Whether nothing is left.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(Flaw::Trailing)),
        }
    }

    /// Hands each key of an object to `each`, which takes the value. A key whose value is null is not there.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.open(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let key = self.text()?;
            self.expect(b':')?;
            if self.peek() == Some(b'n') {
                self.literal(b"null")?;
            } else {
                each(self, &key)?;
            }
            if !self.eat(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Calls `each` at every element of an array, which it takes.
    pub(super) fn array(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.open(b'[')?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.eat(b',') {
                return self.expect(b']');
            }
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Fault> {
        if self.eat(bracket) {
            return Ok(());
        }
        Err(self.mistyped())
    }

    /// The fault of a value that is not of the type that was asked for.
    #[cold]
    pub(super) fn mistyped(&mut self) -> Fault {
        match self.peek() {
            Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.fault(Flaw::Type)
            }
            _ => self.fault(Flaw::Json),
        }
    }

    /// What stands between the quotes, as it is, and whether there are escapes in it.
    #[inline]
    pub(super) fn quoted(&mut self) -> Result<(&'a str, bool), Fault> {
        if !self.eat(b'"') {
            return Err(self.mistyped());
        }
        let (length, escaped) = string::scan(self.rest())?;
        let text = self.text.get(self.at..self.at + length);
        self.at += length + 1;
        Ok((text.unwrap_or_default(), escaped))
    }

    /// The rest of a text, up to the quote at its end, if there are no escapes in it.
    #[inline]
    pub(super) fn plain_text(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += string::plain(self.rest());
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => self.text.get(start..self.at),
            _ => None,
        }
    }

    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Fault> {
        let (text, escaped) = self.quoted()?;
        Ok(if escaped {
            Cow::Owned(string::unescape(text))
        } else {
            Cow::Borrowed(text)
        })
    }

    fn literal<const N: usize>(&mut self, word: &[u8; N]) -> Result<(), Fault> {
        if self.take(word) {
            return Ok(());
        }
        Err(self.fault(Flaw::Json))
    }

    pub(super) fn bool(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(b't') => self.literal(b"true").map(|()| true),
            Some(b'f') => self.literal(b"false").map(|()| false),
            _ => Err(self.mistyped()),
        }
    }

    /// The letters of a number.
    pub(super) fn number(&mut self) -> Result<&'a str, Fault> {
        if !matches!(self.peek(), Some(b'-' | b'0'..=b'9')) {
            return Err(self.mistyped());
        }
        let start = *self;
        self.take(b"-");
        if !self.take(b"0") {
            self.digits()?;
        }
        if self.take(b".") {
            self.digits()?;
        }
        if self.take(b"e") || self.take(b"E") {
            let _ = self.take(b"+") || self.take(b"-");
            self.digits()?;
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        if count == 0 {
            return Err(self.fault(Flaw::Json));
        }
        self.at += count;
        Ok(())
    }

    /// Passes over a value that nobody asked for.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        // Which of the open brackets are of objects, the innermost as the lowest bit.
        let (mut objects, mut depth) = (0_u128, 0_u32);
        loop {
            let opened = match self.peek() {
                Some(b'"') => self.quoted().map(|_| None)?,
                Some(b't' | b'f') => self.bool().map(|_| None)?,
                Some(b'n') => self.literal(b"null").map(|()| None)?,
                Some(b'{') => Some(true),
                Some(b'[') => Some(false),
                _ => self.number().map(|_| None)?,
            };
            if let Some(object) = opened {
                if depth == DEEPEST {
                    return Err(self.fault(Flaw::TooDeep));
                }
                self.at += 1;
                if !self.eat(if object { b'}' } else { b']' }) {
                    objects = objects << 1 | u128::from(object);
                    depth += 1;
                    if object {
                        self.key()?;
                    }
                    continue;
                }
            }
            // A value ended: with it may end what it was in.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if self.eat(b',') {
                    if object {
                        self.key()?;
                    }
                    break;
                }
                self.expect(if object { b'}' } else { b']' })?;
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.quoted()?;
        self.expect(b':')
    }
}
