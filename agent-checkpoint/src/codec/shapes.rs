//! Which places of a type have been seen with which kind of value: what was proven to read back once
//! need not be proven again, and what is new must.

use std::collections::HashSet;

/// Kinds of values, as shapes tell them apart.
pub(super) mod kind {
    pub(in crate::codec) const BOOL: u64 = 1;
    pub(in crate::codec) const INTEGER: u64 = 2;
    pub(in crate::codec) const FLOAT: u64 = 10;
    pub(in crate::codec) const CHAR: u64 = 12;
    pub(in crate::codec) const TEXT: u64 = 13;
    pub(in crate::codec) const BYTES: u64 = 14;
    pub(in crate::codec) const NONE: u64 = 15;
    pub(in crate::codec) const SOME: u64 = 16;
    pub(in crate::codec) const UNIT: u64 = 17;
    pub(in crate::codec) const NEWTYPE: u64 = 18;
    pub(in crate::codec) const SEQUENCE: u64 = 19;
    pub(in crate::codec) const MAP: u64 = 20;
    pub(in crate::codec) const STRUCTURE: u64 = 21;
    pub(in crate::codec) const VARIANT: u64 = 32;
}

/// Slots of the quick look-up; a power of two.
const SLOTS: usize = 1 << 10;
/// Most shapes that are remembered. A type with more is proven at every save.
const SHAPES_MAX: usize = 1 << 16;

/// Shapes of the values of one type.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    proven: HashSet<u64>,
    /// Met since the last proof.
    fresh: HashSet<u64>,
    /// Recently met ones, by their lowest bits.
    recent: Vec<u64>,
}

impl Shapes {
    /// Notes that a value of this shape was met.
    pub(crate) fn meet(&mut self, shape: u64) {
        if self.recent.is_empty() {
            self.recent.resize(SLOTS, 0);
        }
        let at = usize::try_from(shape).unwrap_or_default() & (SLOTS - 1);
        let Some(slot) = self.recent.get_mut(at) else {
            return;
        };
        if *slot == shape {
            return;
        }
        *slot = shape;
        if !self.proven.contains(&shape) && self.fresh.len() < SHAPES_MAX {
            self.fresh.insert(shape);
        }
    }

    /// Whether there is anything that was never proven.
    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Everything met reads back.
    pub(crate) fn prove(&mut self) {
        if self.proven.len() < SHAPES_MAX {
            self.proven.extend(self.fresh.drain());
        } else {
            self.forget();
        }
    }

    /// What was met since the last proof counts as never met.
    pub(crate) fn forget(&mut self) {
        self.fresh.clear();
        self.recent.clear();
    }
}

/// Puts two numbers into one.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    (a ^ b)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_add(b)
}

/// A number for a name that a type's code holds. The address is enough: the same name at another
/// address is only proven once more.
pub(crate) fn name_mark(name: &'static str) -> u64 {
    let address = u64::try_from(name.as_ptr().addr()).unwrap_or_default();
    mix(address, u64::try_from(name.len()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_fresh_until_it_is_proven() {
        let mut shapes = Shapes::default();
        shapes.meet(5);
        assert!(shapes.has_fresh());
        shapes.forget();
        assert!(!shapes.has_fresh());
        shapes.meet(5);
        assert!(shapes.has_fresh(), "forgotten is not proven");
        shapes.prove();
        shapes.meet(5);
        assert!(!shapes.has_fresh());
        shapes.meet(5 + 1024);
        assert!(shapes.has_fresh(), "another one in the same slot");
    }
}
