//! The parts of a watched value that holds others.

use std::collections::HashSet;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::guard::{Guarded, Place, Watch, count};

/// A sequence, map or structure in the making.
pub(super) struct Compound<'w, 'a, C> {
    inner: C,
    watch: &'w Watch<'a>,
    place: Place,
    /// Of a variant: its name, as part of the path.
    variant: Option<&'static str>,
    /// Of a structure: its mark.
    pub(super) name: u64,
    pub(super) may_repeat: bool,
    at: usize,
    keys: HashSet<String>,
    key: String,
}

impl<'w, 'a, C> Compound<'w, 'a, C> {
    pub(super) fn new(
        inner: C,
        watch: &'w Watch<'a>,
        place: Place,
        variant: Option<&'static str>,
    ) -> Self {
        Self {
            inner,
            watch,
            place,
            variant,
            name: 0,
            may_repeat: false,
            at: 0,
            keys: HashSet::new(),
            key: String::new(),
        }
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

    fn element<T: Serialize + ?Sized, E: serde::ser::Error>(
        &mut self,
        value: &T,
        write: impl FnOnce(&mut C, &Guarded<'_, 'a, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        count(self.watch)?;
        let guarded = Guarded {
            value,
            watch: self.watch,
            place: self.place,
        };
        let at = self.at;
        self.at += 1;
        write(&mut self.inner, &guarded).inspect_err(|_| {
            self.watch.trace.in_element(at);
            if let Some(variant) = self.variant {
                self.watch.trace.in_field(variant);
            }
        })
    }

    fn field<T: Serialize + ?Sized, E: serde::ser::Error>(
        &mut self,
        name: &'static str,
        value: &T,
        write: impl FnOnce(&mut C, &Guarded<'_, 'a, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let guarded = Guarded {
            value,
            watch: self.watch,
            place: self.place.field(self.name, name),
        };
        write(&mut self.inner, &guarded).inspect_err(|_| self.blame(name))
    }

    fn skip<E: serde::ser::Error>(&mut self, name: &'static str) -> Result<(), E> {
        let place = self.place.field(self.name, name);
        place.meet_skipped(self.watch);
        if self.watch.is_positional() {
            let reason = "is left out by `skip_serializing_if`; bincode would read the next field in its place";
            let error = self.watch.refuse(reason);
            self.blame(name);
            return Err(error);
        }
        Ok(())
    }

    fn blame(&self, name: &str) {
        self.watch.trace.in_field(name);
        if let Some(variant) = self.variant {
            self.watch.trace.in_field(variant);
        }
    }
}

impl<C: SerializeSeq> SerializeSeq for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.element(value, |inner, value| inner.serialize_element(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeTuple> SerializeTuple for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.element(value, |inner, value| inner.serialize_element(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeTupleStruct> SerializeTupleStruct for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.element(value, |inner, value| inner.serialize_field(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeTupleVariant> SerializeTupleVariant for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.element(value, |inner, value| inner.serialize_field(value))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeStruct> SerializeStruct for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        self.field(name, value, |inner, value| {
            inner.serialize_field(name, value)
        })
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
        self.skip(name)?;
        self.inner.skip_field(name)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeStructVariant> SerializeStructVariant for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), C::Error> {
        self.field(name, value, |inner, value| {
            inner.serialize_field(name, value)
        })
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
        self.skip(name)?;
        self.inner.skip_field(name)
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}

impl<C: SerializeMap> SerializeMap for Compound<'_, '_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        count(self.watch)?;
        let is_noted = self.may_repeat || self.watch.trace.is_exact();
        if is_noted {
            *self.watch.key.borrow_mut() = Some(String::new());
        }
        let guarded = self.guarded(key, self.place.inside(1));
        self.inner
            .serialize_key(&guarded)
            .inspect_err(|_| self.watch.trace.in_field("(a key)"))?;
        if is_noted {
            self.key = self.watch.key.borrow_mut().take().unwrap_or_default();
        }
        if self.may_repeat && !self.keys.insert(self.key.clone()) {
            let reason = "stands there twice: as a field, and as a key of a map that is flattened";
            let error = self.watch.refuse(reason);
            self.watch.trace.in_field(&self.key);
            return Err(error);
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let guarded = self.guarded(value, self.place);
        self.inner
            .serialize_value(&guarded)
            .inspect_err(|_| self.watch.trace.in_field(&self.key))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
