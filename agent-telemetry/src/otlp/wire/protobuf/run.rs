//! The stretch of a message in which its attributes stand.

use super::super::super::value::Attributes;
use super::super::limits::Budget;
use super::super::malformed::Fault;
use super::super::prints::Prints;
use super::super::raw::{Labels, RawAttributes};
use super::super::visit::VisitMetrics;
use super::attribute;
use super::message::Message;
use super::texts::Texts;

/// From the first attribute to the last one. Senders write them next to each other; where others stand between
/// them, they are passed over.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Run<'a> {
    bytes: &'a [u8],
    /// Of an attribute.
    tag: u32,
    /// Of the messages that hold the attributes, where `bytes` is what holds these: a resource that was sent in parts.
    part: Option<u32>,
    /// Whether nothing but attributes is in it.
    whole: bool,
}

impl<'a> Run<'a> {
    /// The attributes of all messages with tag `part` within `bytes`, in their order, as of one.
    pub(super) const fn of_parts(bytes: &'a [u8], part: u32, tag: u32) -> Self {
        Self {
            bytes,
            tag,
            part: Some(part),
            whole: false,
        }
    }

    /// Hands each attribute to `each`, with its tag and length, and without them.
    fn visit(
        &self,
        mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(part) = self.part else {
            return visit(self.bytes, self.tag, &mut each);
        };
        visit(self.bytes, part, &mut |_, bytes| {
            visit(bytes, self.tag, &mut each)
        })
    }

    /// Whether all attributes are well formed, down to values in `depth` arrays and maps.
    #[inline(never)]
    pub(super) fn check(&self, depth: usize) -> Result<(), Fault> {
        // What is ASCII is UTF-8, and quicker to find out for all at once.
        let is_ascii = self.bytes.is_ascii();
        let mut texts = Texts::of(self.bytes);
        let mut are_texts =
            |key, text| is_ascii || texts.text(key).is_some() && texts.text(text).is_some();
        self.visit(|_, pair| match attribute::plain(pair) {
            Some((key, text)) if are_texts(key, text) => Ok(()),
            _ => attribute::check(pair, depth),
        })
    }

    /// As those of a point. What the visitor knows was checked when it came to know it.
    #[expect(
        clippy::inline_always,
        reason = "what it makes is large, and copied where it is a call"
    )]
    #[inline(always)]
    pub(super) fn labels(
        self,
        depth: usize,
        visitor: &impl VisitMetrics<'a>,
    ) -> Result<Labels<'a>, Fault> {
        let fingerprint = self.fingerprint(visitor.prints());
        let known = visitor.knows(fingerprint);
        if known.is_none() {
            self.check(depth)?;
        }
        Ok(Labels {
            raw: RawAttributes::protobuf(self),
            fingerprint,
            known,
        })
    }

    #[inline]
    pub(in super::super) fn fingerprint(&self, prints: &Prints) -> u128 {
        if self.whole {
            return prints.of(self.bytes);
        }
        self.fingerprint_of_parts(prints)
    }

    #[cold]
    fn fingerprint_of_parts(&self, prints: &Prints) -> u128 {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        // It was checked: there is no fault to meet.
        let _ = self.visit(|whole, _| {
            bytes.extend_from_slice(whole);
            Ok(())
        });
        prints.of(&bytes)
    }

    pub(in super::super) fn read(
        &self,
        budget: &mut Budget,
        into: &mut Attributes<'a>,
    ) -> Result<(), Fault> {
        let mut texts = Texts::of(self.bytes);
        self.visit(|_, pair| attribute::read(pair, &mut texts, budget, into))
    }
}

fn visit<'a>(
    bytes: &'a [u8],
    wanted: u32,
    each: &mut impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    loop {
        let start = message.rest();
        let Some(tag) = message.tag()? else {
            return Ok(());
        };
        if tag == wanted {
            let inner = message.bytes()?;
            let length = start.len() - message.left();
            each(start.get(..length).unwrap_or_default(), inner)?;
        } else {
            message.skip(tag)?;
        }
    }
}

/// Finds the stretch of a message's attributes, while its fields are gone through.
pub(super) struct Finder<'a> {
    message: &'a [u8],
    /// Of an attribute.
    tag: u32,
    start: usize,
    end: usize,
    /// Bytes that are attributes.
    bytes: usize,
}

impl<'a> Finder<'a> {
    pub(super) const fn new(message: &'a [u8], tag: u32) -> Self {
        Self {
            message,
            tag,
            start: 0,
            end: 0,
            bytes: 0,
        }
    }

    /// Takes the attribute that `message` is at, after its tag, and those next to it. Before the tag, `before` bytes
    /// were left.
    #[inline]
    pub(super) fn attributes(
        &mut self,
        message: &mut Message<'a>,
        before: usize,
    ) -> Result<(), Fault> {
        message.bytes()?;
        message.pass(self.tag);
        let start = self.message.len() - before;
        self.end = self.message.len() - message.left();
        if self.bytes == 0 {
            self.start = start;
        }
        self.bytes += self.end - start;
        Ok(())
    }

    /// The stretch. Whether what is in it is well formed, nobody has looked yet.
    #[inline]
    pub(super) fn found(self) -> Run<'a> {
        let bytes = self.message.get(self.start..self.end).unwrap_or_default();
        Run {
            bytes,
            tag: self.tag,
            part: None,
            whole: self.bytes == bytes.len(),
        }
    }
}
