//! The stretch of a message in which its attributes stand.

use twox_hash::XxHash3_128;

use super::super::super::value::Attributes;
use super::super::limits::Budget;
use super::super::malformed::Fault;
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

    pub(in super::super) fn fingerprint(&self, seed: u64) -> u128 {
        if self.whole {
            return XxHash3_128::oneshot_with_seed(seed, self.bytes);
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        // It was checked: there is no fault to meet.
        let _ = self.visit(|whole, _| {
            bytes.extend_from_slice(whole);
            Ok(())
        });
        XxHash3_128::oneshot_with_seed(seed, &bytes)
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

/// Checks the attributes of a message, and finds their stretch, while its fields are gone through.
pub(super) struct Finder<'a> {
    message: &'a [u8],
    depth: usize,
    start: usize,
    end: usize,
    /// Bytes that are attributes.
    bytes: usize,
    /// Whether attributes were passed of which nobody knows yet whether they are UTF-8.
    plain: bool,
}

impl<'a> Finder<'a> {
    pub(super) const fn new(message: &'a [u8], depth: usize) -> Self {
        Self {
            message,
            depth,
            start: 0,
            end: 0,
            bytes: 0,
            plain: false,
        }
    }

    /// Takes the attribute that `message` is at, after its tag. Before the tag, `before` bytes were left.
    #[inline]
    pub(super) fn attribute(
        &mut self,
        message: &mut Message<'a>,
        before: usize,
    ) -> Result<(), Fault> {
        let pair = message.bytes()?;
        if attribute::plain(pair).is_some() {
            self.plain = true;
        } else {
            attribute::check(pair, self.depth)?;
        }
        let start = self.message.len() - before;
        self.end = self.message.len() - message.left();
        if self.bytes == 0 {
            self.start = start;
        }
        self.bytes += self.end - start;
        Ok(())
    }

    /// The stretch, whose attributes have this tag. All of it is well formed.
    #[inline]
    pub(super) fn finish(self, tag: u32) -> Result<Run<'a>, Fault> {
        let bytes = self.message.get(self.start..self.end).unwrap_or_default();
        let run = Run {
            bytes,
            tag,
            part: None,
            whole: self.bytes == bytes.len(),
        };
        // What is ASCII is UTF-8, and quicker to find out for all at once.
        if self.plain && !bytes.is_ascii() {
            let mut texts = Texts::of(bytes);
            run.visit(|_, pair| match attribute::plain(pair) {
                Some((key, text)) if texts.text(key).is_some() && texts.text(text).is_some() => {
                    Ok(())
                }
                _ => attribute::check(pair, self.depth),
            })?;
        }
        Ok(run)
    }
}
