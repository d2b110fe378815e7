//! Bytes as text, checked once for many.

/// A stretch of a message that is UTF-8, with the tags and lengths in it. Where these are small and the texts are
/// right, that is as good as all of it; and one check of many texts costs a tenth of as many checks.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    message: &'a [u8],
    valid: &'a str,
}

impl<'a> Texts<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { message, valid: "" }
    }

    /// The text that these bytes of the message are, if they are one. Texts are asked for in their order.
    #[inline]
    pub(super) fn text(&mut self, bytes: &'a [u8]) -> Option<&'a str> {
        self.known(bytes).or_else(|| {
            self.go_on_at(bytes);
            self.known(bytes)
        })
    }

    #[inline]
    fn known(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let start = self.valid.as_ptr().addr();
        let at = bytes.as_ptr().addr().checked_sub(start)?;
        self.valid.get(at..at.checked_add(bytes.len())?)
    }

    /// What is known to be text ended before here: something that is none was between.
    #[cold]
    fn go_on_at(&mut self, bytes: &'a [u8]) {
        let start = self.message.as_ptr().addr();
        let at = bytes.as_ptr().addr().checked_sub(start);
        let rest = at.and_then(|at| self.message.get(at..)).unwrap_or_default();
        let valid = str::from_utf8(rest).or_else(|error| {
            let valid = rest.get(..error.valid_up_to());
            str::from_utf8(valid.unwrap_or_default())
        });
        self.valid = valid.unwrap_or_default();
    }
}
