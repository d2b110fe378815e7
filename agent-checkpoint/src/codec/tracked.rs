//! A deserializer around a codec's own: bounds depth and number of values, which codecs do not, and says
//! where in a value a failure is.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};

use super::fault::Trace;
use super::tracked_access::{Entries, Variants};

/// How deep values may nest that are read: twice what is written, since a variant counts twice.
pub(super) const DEPTH_MAX: usize = 2 * crate::state::savable::DEPTH_MAX;

/// What one decoding has in common.
#[derive(Debug)]
pub(super) struct Bounds {
    pub(super) trace: Trace,
    /// Most elements and entries in all.
    pub(super) values: usize,
    /// The codec tells what comes next.
    pub(super) describes_itself: bool,
}

impl Bounds {
    fn refuse<E: serde::de::Error>(&self, reason: &str) -> E {
        self.trace.blame(reason);
        E::custom(reason)
    }

    pub(super) fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.trace.count() > self.values {
            return Err(self.refuse("has more elements than its bytes allow"));
        }
        Ok(())
    }
}

/// Reads one value, as deep inside as `depth`.
pub(super) struct Seed<'b, S> {
    pub(super) seed: S,
    pub(super) bounds: &'b Bounds,
    pub(super) depth: usize,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.seed.deserialize(Tracked {
            inner: deserializer,
            bounds: self.bounds,
            depth: self.depth,
        })
    }
}

/// The deserializer of one value.
pub(super) struct Tracked<'b, D> {
    pub(super) inner: D,
    pub(super) bounds: &'b Bounds,
    pub(super) depth: usize,
}

impl<'b, D> Tracked<'b, D> {
    fn watch<V>(&self, visitor: V, fields: &'static [&'static str]) -> Watched<'b, V> {
        Watched {
            visitor,
            bounds: self.bounds,
            depth: self.depth,
            fields,
        }
    }
}

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let watched = self.watch(visitor, &[]);
            self.inner.$method($($name,)* watched)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Tracked<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        if !self.bounds.describes_itself {
            return Err(self.bounds.refuse(
                "asks the bytes what they are, as `serde_json::Value` and enums with `untagged` or `tag` do; \
                 bincode cannot tell",
            ));
        }
        let watched = self.watch(visitor, &[]);
        self.inner.deserialize_any(watched)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let watched = self.watch(visitor, fields);
        self.inner.deserialize_struct(name, fields, watched)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that hands on watched parts.
pub(super) struct Watched<'b, V> {
    pub(super) visitor: V,
    pub(super) bounds: &'b Bounds,
    pub(super) depth: usize,
    /// Names of a structure's fields, where the codec gives only their order.
    pub(super) fields: &'static [&'static str],
}

impl<'b, V> Watched<'b, V> {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth >= DEPTH_MAX {
            let reason = format!("is nested more than {DEPTH_MAX} deep");
            return Err(self.bounds.refuse(&reason));
        }
        Ok(self.depth + 1)
    }

    fn tracked<D>(&self, inner: D, depth: usize) -> Tracked<'b, D> {
        Tracked {
            inner,
            bounds: self.bounds,
            depth,
        }
    }
}

macro_rules! visit {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    visit! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let inner = self.tracked(deserializer, self.depth);
        self.visitor.visit_some(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let depth = self.deeper()?;
        let inner = self.tracked(deserializer, depth);
        self.visitor.visit_newtype_struct(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let depth = self.deeper()?;
        let entries = Entries::new(inner, self.bounds, depth, self.fields);
        self.visitor.visit_seq(entries)
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let depth = self.deeper()?;
        let entries = Entries::new(inner, self.bounds, depth, &[]);
        self.visitor.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let depth = self.deeper()?;
        let variants = Variants {
            inner,
            bounds: self.bounds,
            depth,
        };
        self.visitor.visit_enum(variants)
    }
}
