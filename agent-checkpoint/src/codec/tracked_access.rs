//! The parts of a tracked value that holds others.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::tracked::{Bounds, Seed, Watched};

/// Elements of a sequence, or entries of a map.
pub(super) struct Entries<'b, A> {
    inner: A,
    bounds: &'b Bounds,
    depth: usize,
    fields: &'static [&'static str],
    at: usize,
    key: String,
}

impl<'b, A> Entries<'b, A> {
    pub(super) fn new(
        inner: A,
        bounds: &'b Bounds,
        depth: usize,
        fields: &'static [&'static str],
    ) -> Self {
        Self {
            inner,
            bounds,
            depth,
            fields,
            at: 0,
            key: String::new(),
        }
    }

    fn seed<S>(&self, seed: S) -> Seed<'b, S> {
        Seed {
            seed,
            bounds: self.bounds,
            depth: self.depth,
        }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.bounds.count()?;
        let seed = self.seed(seed);
        let read = self.inner.next_element_seed(seed);
        let at = self.at;
        self.at += 1;
        read.inspect_err(|_| match self.fields.get(at) {
            Some(name) => self.bounds.trace.in_field(name),
            None => self.bounds.trace.in_element(at),
        })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.bounds.count()?;
        if self.bounds.trace.is_exact() {
            self.key.clear();
            let (seed, key) = (self.seed(seed), &mut self.key);
            return self.inner.next_key_seed(KeySeed { seed, key });
        }
        let seed = self.seed(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.seed(seed);
        self.inner
            .next_value_seed(seed)
            .inspect_err(|_| self.bounds.trace.in_field(&self.key))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Reads a key and keeps its text.
struct KeySeed<'b, 'k, S> {
    seed: Seed<'b, S>,
    key: &'k mut String,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<'_, '_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let Seed { seed, .. } = self.seed;
        seed.deserialize(Key {
            inner: deserializer,
            key: self.key,
        })
    }
}

/// The deserializer of a key whose text is kept.
struct Key<'k, D> {
    inner: D,
    key: &'k mut String,
}

macro_rules! key {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let key = self.key;
            self.inner.$method($($name,)* KeyVisitor { visitor, key })
        }
    )*};
}

macro_rules! other {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Key<'_, D> {
    type Error = D::Error;

    key! {
        deserialize_str();
        deserialize_string();
        deserialize_identifier();
    }

    // Keys of other kinds show in no path.
    other! {
        deserialize_any();
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
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Keeps a key's text on its way to the visitor.
struct KeyVisitor<'k, V> {
    visitor: V,
    key: &'k mut String,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for KeyVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        text.clone_into(self.key);
        self.visitor.visit_str(text)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        text.clone_into(self.key);
        self.visitor.visit_borrowed_str(text)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<V::Value, E> {
        text.clone_into(self.key);
        self.visitor.visit_string(text)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<V::Value, E> {
        self.visitor.visit_u64(number)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<V::Value, E> {
        self.visitor.visit_i64(number)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.visitor.visit_bytes(bytes)
    }
}

/// The variants of an enum.
pub(super) struct Variants<'b, A> {
    pub(super) inner: A,
    pub(super) bounds: &'b Bounds,
    pub(super) depth: usize,
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Variants<'b, A> {
    type Error = A::Error;
    type Variant = Variants<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (bounds, depth) = (self.bounds, self.depth);
        let (value, inner) = self.inner.variant_seed(seed)?;
        let variant = Variants {
            inner,
            bounds,
            depth,
        };
        Ok((value, variant))
    }
}

impl<'b, A> Variants<'b, A> {
    fn watch<V>(&self, visitor: V, fields: &'static [&'static str]) -> Watched<'b, V> {
        Watched {
            visitor,
            bounds: self.bounds,
            depth: self.depth,
            fields,
        }
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variants<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(Seed {
            seed,
            bounds: self.bounds,
            depth: self.depth,
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let watched = self.watch(visitor, &[]);
        self.inner.tuple_variant(len, watched)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let watched = self.watch(visitor, fields);
        self.inner.struct_variant(fields, watched)
    }
}
