//! A serializer around a codec's own: refuses what the codec would not bring back, says where it stands,
//! and notes the shapes that it meets.

use std::cell::RefCell;

use serde::ser::{Serialize, Serializer};

use super::fault::Trace;
use super::guard_compound::Compound;
use super::shapes::{Shapes, kind, mix, name_mark};
use crate::Codec;
use crate::state::savable::DEPTH_MAX;

/// What one encoding has in common.
pub(super) struct Watch<'a> {
    pub(super) trace: Trace,
    pub(super) shapes: RefCell<&'a mut Shapes>,
    pub(super) codec: Codec,
    /// The value that comes next is a key, whose text is noted.
    pub(super) key: RefCell<Option<String>>,
}

impl Watch<'_> {
    pub(super) fn is_text(&self) -> bool {
        self.codec == Codec::Json
    }

    pub(super) fn is_positional(&self) -> bool {
        !self.codec.describes_itself()
    }

    pub(super) fn refuse<E: serde::ser::Error>(&self, reason: &str) -> E {
        self.trace.blame(reason);
        E::custom(reason)
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    mark: u64,
    depth: usize,
    /// Directly in a `Some`.
    is_some: bool,
}

impl Place {
    pub(super) const ROOT: Self = Self {
        mark: 0,
        depth: 0,
        is_some: false,
    };

    /// Of what lies in an element, an entry, an option.
    pub(super) fn inside(self, kind: u64) -> Self {
        Self {
            mark: mix(self.mark, kind),
            depth: self.depth,
            // A newtype leaves no trace in the bytes.
            is_some: kind == kind::SOME || self.is_some && kind == kind::NEWTYPE,
        }
    }

    /// Of a field of a named structure, wherever that stands.
    pub(super) fn field(self, of: u64, name: &'static str) -> Self {
        Self {
            mark: mix(of, name_mark(name)),
            depth: self.depth,
            is_some: false,
        }
    }

    /// Notes that the field was left out here.
    pub(super) fn meet_skipped(self, watch: &Watch<'_>) {
        watch.shapes.borrow_mut().meet(mix(self.mark, kind::NONE));
    }

    pub(super) fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

/// A value that is to be watched.
pub(super) struct Guarded<'w, 'a, T: ?Sized> {
    pub(super) value: &'w T,
    pub(super) watch: &'w Watch<'a>,
    pub(super) place: Place,
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard {
            inner: serializer,
            watch: self.watch,
            place: self.place,
        })
    }
}

/// The serializer of one value.
pub(super) struct Guard<'w, 'a, S> {
    inner: S,
    watch: &'w Watch<'a>,
    place: Place,
}

impl<'w, 'a, S: Serializer> Guard<'w, 'a, S> {
    fn meet(&self, kind: u64) {
        self.watch
            .shapes
            .borrow_mut()
            .meet(mix(self.place.mark, kind));
    }

    /// Of a value that holds others; where these stand.
    fn enter(&self, kind: u64) -> Result<Place, S::Error> {
        self.meet(kind);
        if self.place.depth >= DEPTH_MAX {
            let reason = format!("is nested more than {DEPTH_MAX} deep");
            return Err(self.watch.refuse(&reason));
        }
        Ok(self.place.deeper())
    }

    /// Of a value that is written as nothing: in a `Some` it would come back as `None`.
    fn nothing(&self) -> Result<(), S::Error> {
        if self.place.is_some && !self.watch.is_positional() {
            let reason = "is a `Some` that holds nothing, and would come back as `None`";
            return Err(self.watch.refuse(reason));
        }
        Ok(())
    }

    fn guarded<'v, T: ?Sized>(&self, value: &'v T, place: Place) -> Guarded<'v, 'a, T>
    where
        'w: 'v,
    {
        Guarded {
            value,
            watch: self.watch,
            place,
        }
    }

    fn key(&self, text: impl FnOnce() -> String) {
        let mut key = self.watch.key.borrow_mut();
        if let Some(key) = key.as_mut() {
            *key = text();
        }
    }

    fn sized(&self, len: Option<usize>) -> Result<(), S::Error> {
        if len.is_none() && self.watch.is_positional() {
            let reason =
                "does not say its length beforehand, as `flatten` does not; bincode needs it";
            return Err(self.watch.refuse(reason));
        }
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty, $offset:literal;)*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.meet(kind::INTEGER + $offset);
            self.key(|| value.to_string());
            self.inner.$method(value)
        }
    )*};
}

impl<'w, 'a, S: Serializer> Serializer for Guard<'w, 'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'w, 'a, S::SerializeSeq>;
    type SerializeTuple = Compound<'w, 'a, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'w, 'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'w, 'a, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'w, 'a, S::SerializeMap>;
    type SerializeStruct = Compound<'w, 'a, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'w, 'a, S::SerializeStructVariant>;

    integers! {
        serialize_i8: i8, 0;
        serialize_i16: i16, 1;
        serialize_i32: i32, 2;
        serialize_i64: i64, 3;
        serialize_u8: u8, 4;
        serialize_u16: u16, 5;
        serialize_u32: u32, 6;
        serialize_u64: u64, 7;
        serialize_i128: i128, 100;
        serialize_u128: u128, 101;
    }

    fn serialize_bool(self, value: bool) -> Result<S::Ok, S::Error> {
        self.meet(kind::BOOL);
        self.key(|| value.to_string());
        self.inner.serialize_bool(value)
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.meet(kind::FLOAT);
        // serde_json writes null in its place, without a word.
        if self.watch.is_text() && !value.is_finite() {
            return Err(self
                .watch
                .refuse("is not a finite number, which JSON cannot say"));
        }
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.meet(kind::FLOAT + 1);
        if self.watch.is_text() && !value.is_finite() {
            return Err(self
                .watch
                .refuse("is not a finite number, which JSON cannot say"));
        }
        self.inner.serialize_f64(value)
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.meet(kind::CHAR);
        self.key(|| value.to_string());
        self.inner.serialize_char(value)
    }

    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.meet(kind::TEXT);
        self.key(|| value.to_owned());
        self.inner.serialize_str(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.meet(kind::BYTES);
        self.inner.serialize_bytes(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.meet(kind::NONE);
        self.nothing()?;
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.meet(kind::SOME);
        let guarded = self.guarded(value, self.place.inside(kind::SOME));
        self.inner.serialize_some(&guarded)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.meet(kind::UNIT);
        self.nothing()?;
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.meet(kind::UNIT + name_mark(name));
        // An empty list in MessagePack.
        if self.watch.is_text() {
            self.nothing()?;
        }
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.meet(kind::VARIANT + u64::from(index));
        self.key(|| variant.to_owned());
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.enter(kind::NEWTYPE)?.inside(kind::NEWTYPE);
        let guarded = self.guarded(value, place);
        self.inner.serialize_newtype_struct(name, &guarded)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let place = self.enter(kind::VARIANT + u64::from(index))?;
        let guarded = self.guarded(value, place.field(name_mark(name), variant));
        let written = self
            .inner
            .serialize_newtype_variant(name, index, variant, &guarded);
        written.inspect_err(|_| self.watch.trace.in_field(variant))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.sized(len)?;
        let place = self.enter(kind::SEQUENCE)?.inside(kind::SEQUENCE);
        let inner = self.inner.serialize_seq(len)?;
        Ok(Compound::new(inner, self.watch, place, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        let place = self.enter(kind::SEQUENCE)?.inside(kind::SEQUENCE);
        let inner = self.inner.serialize_tuple(len)?;
        Ok(Compound::new(inner, self.watch, place, None))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let place = self.enter(kind::SEQUENCE)?.inside(kind::SEQUENCE);
        let inner = self.inner.serialize_tuple_struct(name, len)?;
        Ok(Compound::new(inner, self.watch, place, None))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let place = self.enter(kind::VARIANT + u64::from(index))?;
        let inner = self
            .inner
            .serialize_tuple_variant(name, index, variant, len)?;
        let place = place.field(name_mark(name), variant);
        Ok(Compound::new(inner, self.watch, place, Some(variant)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.sized(len)?;
        let place = self.enter(kind::MAP)?.inside(kind::MAP);
        let inner = self.inner.serialize_map(len)?;
        let mut compound = Compound::new(inner, self.watch, place, None);
        // Only `flatten` brings a name twice: a map has each of its keys once.
        compound.may_repeat = len.is_none();
        Ok(compound)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let place = self.enter(kind::STRUCTURE)?;
        let inner = self.inner.serialize_struct(name, len)?;
        let mut compound = Compound::new(inner, self.watch, place, None);
        compound.name = name_mark(name);
        Ok(compound)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let place = self.enter(kind::VARIANT + u64::from(index))?;
        let inner = self
            .inner
            .serialize_struct_variant(name, index, variant, len)?;
        let mut compound = Compound::new(inner, self.watch, place, Some(variant));
        compound.name = mix(name_mark(name), name_mark(variant));
        Ok(compound)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.meet(kind::TEXT);
        self.key(|| value.to_string());
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Most values in one component beyond one a byte: values may take no bytes at all.
pub(super) const VALUES_MAX: usize = 1_000_000;

/// Counts an element of a sequence or an entry of a map.
pub(super) fn count<E: serde::ser::Error>(watch: &Watch<'_>) -> Result<(), E> {
    // The bytes are not known yet; a component has no more than its largest payload.
    if watch.trace.count() > crate::format::PAYLOAD_MAX + VALUES_MAX {
        return Err(E::custom(watch.refuse::<E>("has too many elements")));
    }
    Ok(())
}
