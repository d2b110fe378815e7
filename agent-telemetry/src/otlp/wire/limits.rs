//! How much of a request is read, and what was left out.

/// Bounds of what is made of a request. They bound memory; the size of the body is the receiver's to bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadLimits {
    /// Arrays and maps within one another as the value of an attribute; at most 100 are followed.
    pub(crate) depth: usize,
    /// Attributes of one item, resource or event.
    pub(crate) attributes: usize,
    /// Values within the arrays and maps of one item, in sum.
    pub(crate) elements: usize,
    /// Events of one span.
    pub(crate) events: usize,
    /// Bytes of a key, a text or a byte string. Longer texts are cut where a character ends.
    pub(crate) value_bytes: usize,
    /// Points, log records or spans of one request. A request of more is refused.
    pub(crate) items: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            depth: 32,
            attributes: 128,
            elements: 1024,
            events: 128,
            value_bytes: 16 * 1024,
            items: 1_000_000,
        }
    }
}

impl ReadLimits {
    /// The depth that is followed: the stack is bounded whatever the host says.
    pub(super) fn safe_depth(&self) -> usize {
        self.depth.min(100)
    }
}

/// What was left out for the sake of the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AttributesDropped {
    /// Attributes, values within arrays and maps, and events of spans.
    pub(crate) too_many: u64,
    /// Arrays and maps: their attribute or element is there, with an empty value.
    pub(crate) too_deep: u64,
    /// Keys, texts and byte strings that were cut.
    pub(crate) cut: u64,
}

impl AttributesDropped {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What is left of the limits within one item, and what they cost.
pub(super) struct Budget {
    pub(super) attributes: usize,
    pub(super) events: usize,
    pub(super) depth: usize,
    elements: usize,
    value_bytes: usize,
    pub(super) dropped: AttributesDropped,
}

impl Budget {
    pub(super) fn new(limits: &ReadLimits) -> Self {
        Self {
            attributes: limits.attributes,
            events: limits.events,
            depth: limits.safe_depth(),
            elements: limits.elements,
            value_bytes: limits.value_bytes,
            dropped: AttributesDropped::default(),
        }
    }

    /// For the next item of the same request.
    pub(super) fn renew(&mut self, limits: &ReadLimits) {
        self.elements = limits.elements;
    }

    /// Whether a list of `len` may have one more of at most `most`.
    pub(super) fn admits(&mut self, len: usize, most: usize) -> bool {
        let admitted = len < most;
        self.dropped.too_many += u64::from(!admitted);
        admitted
    }

    /// Whether an array or a map may have one more.
    pub(super) fn element(&mut self) -> bool {
        let left = self.elements.checked_sub(1);
        self.elements = left.unwrap_or(0);
        self.dropped.too_many += u64::from(left.is_none());
        left.is_some()
    }

    pub(super) fn too_deep(&mut self) {
        self.dropped.too_deep += 1;
    }

    /// How many bytes of `len` are kept.
    pub(super) fn bytes(&mut self, len: usize) -> usize {
        self.dropped.cut += u64::from(len > self.value_bytes);
        len.min(self.value_bytes)
    }

    pub(super) fn text<'a>(&mut self, text: &'a str) -> &'a str {
        if text.len() <= self.value_bytes {
            return text;
        }
        self.dropped.cut += 1;
        let end = (0..=self.value_bytes).rev().find_map(|end| text.get(..end));
        end.unwrap_or_default()
    }
}
