//! What states consist of, as bytes: one field after another, numbers seven bits a byte, lowest first.

use std::borrow::Cow;

use agent_primitives::{
    AgentId, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, ToolName, Usd,
};

use crate::ProjectId;

/// A part of a state.
pub(super) trait Field: Sized {
    fn put(&self, to: &mut Vec<u8>);

    /// Takes it from the front; `None` where something else stands there.
    fn get(from: &mut &[u8]) -> Option<Self>;
}

/// Makes a field of a struct: its fields in this order. Those after `..` are not kept.
macro_rules! fields {
    ($name:ident { $($field:ident),+ } $(.. $rest:expr)?) => {
        impl $crate::otlp::ledger::field::Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                $($crate::otlp::ledger::field::Field::put(&self.$field, to);)+
            }

            fn get(from: &mut &[u8]) -> Option<Self> {
                Some(Self {
                    $($field: $crate::otlp::ledger::field::Field::get(from)?,)+
                    $(..$rest)?
                })
            }
        }
    };
}
pub(super) use fields;

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*first)
}

impl Field for u8 {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(*self);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        take(from).map(|[byte]| byte)
    }
}

impl Field for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        match u8::get(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Field for u64 {
    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
    fn put(&self, to: &mut Vec<u8>) {
        let mut number = *self;
        while number > 0x7f {
            to.push(number as u8 | 0x80);
            number >>= 7;
        }
        to.push(number as u8);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let mut number = 0;
        for shift in (0..Self::BITS).step_by(7) {
            let byte = u8::get(from)?;
            let bits = Self::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

impl Field for u128 {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        take(from).map(Self::from_le_bytes)
    }
}

impl Field for Timestamp {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.unix_nanos().to_le_bytes());
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let nanos = take(from).map(i64::from_le_bytes)?;
        Some(Self::from_unix_nanos(nanos))
    }
}

impl Field for Usd {
    fn put(&self, to: &mut Vec<u8>) {
        self.picos().cast_unsigned().put(to);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        u128::get(from).map(|it| Self::from_picos(it.cast_signed()))
    }
}

impl Field for TokenUsage {
    fn put(&self, to: &mut Vec<u8>) {
        let cached = [
            self.cache_read(),
            self.cache_write_5m(),
            self.cache_write_1h(),
        ];
        (self.input(), self.output()).put(to);
        cached.put(to);
        self.reasoning().put(to);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let (input, output) = Field::get(from)?;
        let [cached, minutes, hour] = Field::get(from)?;
        Self::new(input, output)
            .with_cache_read(cached)
            .with_cache_write_5m(minutes)
            .with_cache_write_1h(hour)
            .with_reasoning(u64::get(from)?)
            .ok()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        if let Some(it) = self {
            it.put(to);
        }
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        if bool::get(from)? {
            T::get(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        Some((A::get(from)?, B::get(from)?))
    }
}

impl<const N: usize> Field for [u64; N] {
    fn put(&self, to: &mut Vec<u8>) {
        for number in self {
            number.put(to);
        }
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = u64::get(from)?;
        }
        Some(numbers)
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        (self.len() as u64).put(to);
        for it in self {
            it.put(to);
        }
    }

    fn get(from: &mut &[u8]) -> Option<Self> {
        // Each is a byte or more, so that the bytes bound the list, whatever its length is said to be.
        (0..u64::get(from)?).map(|_| T::get(from)).collect()
    }
}

/// As a text of any type is put.
pub(super) fn put_text(text: &str, to: &mut Vec<u8>) {
    (text.len() as u64).put(to);
    to.extend_from_slice(text.as_bytes());
}

fn get_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u64::get(from)?).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    str::from_utf8(text).ok()
}

macro_rules! texts {
    ($($name:ty, $as_str:expr, $new:expr;)+) => {
        $(impl Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                put_text($as_str(self), to);
            }

            fn get(from: &mut &[u8]) -> Option<Self> {
                get_text(from).and_then($new)
            }
        })+
    };
}

texts! {
    Box<str>, AsRef::as_ref, |it| Some(it.into());
    Cow<'static, str>, AsRef::as_ref, |it| Some(Cow::Owned(it.to_owned()));
    AgentId, AgentId::as_str, |it| AgentId::new(it).ok();
    ModelId, ModelId::as_str, |it| ModelId::new(it).ok();
    ProviderId, ProviderId::as_str, |it| ProviderId::new(it).ok();
    SessionId, SessionId::as_str, |it| SessionId::new(it).ok();
    ToolName, ToolName::as_str, |it| ToolName::new(it).ok();
    ProjectId, ProjectId::as_str, |it| ProjectId::new(it).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<T: Field>(it: &T) -> Vec<u8> {
        let mut to = Vec::new();
        it.put(&mut to);
        to
    }

    fn is_kept<T: Field + PartialEq + std::fmt::Debug>(it: &T) {
        let bytes = written(it);
        let mut from = bytes.as_slice();
        assert_eq!(T::get(&mut from).as_ref(), Some(it));
        assert!(from.is_empty(), "{it:?} left {from:?}");
        for end in 0..bytes.len() {
            let cut = T::get(&mut bytes.get(..end).unwrap());
            assert_ne!(cut.as_ref(), Some(it), "{end} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        for number in [0, 1, 127, 128, 300, u64::MAX - 1, u64::MAX] {
            is_kept(&number);
            is_kept(&Some(number));
            is_kept(&vec![(number, 1_u64), (2, number)]);
        }
        is_kept(&[u128::MAX, 7].to_vec());
        is_kept(&[1_u64, 2, u64::MAX]);
        is_kept(&Usd::from_picos(-5));
        is_kept(&Timestamp::from_unix_nanos(-1));
        is_kept(&Some(SessionId::new("s-1").unwrap()));
        is_kept(&Box::<str>::from("modèle"));
        let usage = TokenUsage::new(1, 500)
            .with_cache_read(2)
            .with_cache_write_5m(300)
            .with_cache_write_1h(4)
            .with_reasoning(6)
            .unwrap();
        is_kept(&usage);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        let too_many_bits = [0xff; 10];
        assert_eq!(u64::get(&mut too_many_bits.as_slice()), None);
        assert_eq!(bool::get(&mut [2].as_slice()), None);
        // A length beyond all that is there.
        let mut bytes = written(&u64::MAX);
        bytes.push(0);
        assert_eq!(Vec::<u64>::get(&mut bytes.as_slice()), None);
        assert_eq!(Box::<str>::get(&mut bytes.as_slice()), None);
        assert_eq!(Box::<str>::get(&mut [1, 0xff].as_slice()), None);
        assert_eq!(SessionId::get(&mut [1, b' '].as_slice()), None);
    }
}
