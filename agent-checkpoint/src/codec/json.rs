//! Writes JSON, byte for byte as `serde_json` does, but looks at text sixteen bytes at a time: most of a
//! large component is text, and that is where the time goes.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

use super::json_key::Key;

/// Names of structures that stand for text which is JSON already.
const RAW: [&str; 2] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];

/// Writes a value as `serde_json` does, behind what is in `out`.
pub(crate) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(&mut Json::new(out, usize::MAX))
}

/// The writer of one value.
pub(super) struct Json<'o> {
    out: &'o mut Vec<u8>,
    /// Fails behind so many bytes.
    stop: usize,
    /// The next text is JSON already.
    is_raw: bool,
}

impl<'o> Json<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, stop: usize) -> Self {
        Self {
            out,
            stop,
            is_raw: false,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Whether that was not too much.
    fn go_on(&self) -> Result<(), Error> {
        if self.out.len() > self.stop {
            return Err(Error::custom("that is where it stops"));
        }
        Ok(())
    }

    fn plain(&mut self, value: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut *self.out, value)?;
        self.go_on()
    }

    pub(super) fn quoted(&mut self, value: &impl Serialize) -> Result<(), Error> {
        self.put(b"\"");
        self.plain(value)?;
        self.put(b"\"");
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), Error> {
        let mut rest = text.as_bytes();
        self.out.reserve(rest.len().saturating_add(2));
        self.put(b"\"");
        // A chunk goes over whole, and what lies behind its first special byte is taken back: most of what is
        // written has a line's end or a quote every few dozen bytes, and a copy of a length that is known costs
        // less than to look for where it ends.
        while let Some((chunk, behind)) = rest.split_first_chunk() {
            self.put(chunk);
            let Some(at) = special(chunk) else {
                rest = behind;
                continue;
            };
            self.out.truncate(self.out.len() - (CHUNK - at));
            rest = self.escaped(rest, at);
        }
        while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
            self.put(rest.get(..at).unwrap_or_default());
            rest = self.escaped(rest, at);
        }
        self.put(rest);
        self.put(b"\"");
        self.go_on()
    }

    /// Writes the special byte at `at`; what lies behind it.
    fn escaped<'t>(&mut self, text: &'t [u8], at: usize) -> &'t [u8] {
        let Some((byte, behind)) = text.get(at..).and_then(<[u8]>::split_first) else {
            return &[];
        };
        match byte {
            b'"' => self.put(b"\\\""),
            b'\\' => self.put(b"\\\\"),
            b'\n' => self.put(b"\\n"),
            b'\r' => self.put(b"\\r"),
            b'\t' => self.put(b"\\t"),
            0x08 => self.put(b"\\b"),
            0x0c => self.put(b"\\f"),
            other => self.put(format!("\\u{other:04x}").as_bytes()),
        }
        behind
    }

    fn begin(
        &mut self,
        variant: Option<&str>,
        bracket: &[u8],
        end: &'static [u8],
    ) -> Result<Parts<'_, 'o>, Error> {
        if let Some(variant) = variant {
            self.put(b"{");
            self.text(variant)?;
            self.put(b":");
        }
        self.put(bracket);
        Ok(Parts {
            json: self,
            is_first: true,
            end,
        })
    }
}

/// Bytes of text that are looked at together.
const CHUNK: usize = 16;

/// Whether JSON does not take the byte as it is.
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Where the first special byte is.
fn special(chunk: &[u8; CHUNK]) -> Option<usize> {
    const ONES: u128 = u128::from_ne_bytes([0x01; CHUNK]);
    const HIGHS: u128 = u128::from_ne_bytes([0x80; CHUNK]);
    // Without a branch in it, so that it becomes a few vector instructions.
    let any = chunk
        .iter()
        .fold(false, |any, byte| any | is_special(*byte));
    if !any {
        return None;
    }
    // The highest bit of each byte that is less than `below`. A borrow can set one too many, but never below one
    // that is rightly set, and the lowest is asked for.
    let less =
        |bytes: u128, below: u8| bytes.wrapping_sub(ONES * u128::from(below)) & !bytes & HIGHS;
    let bytes = u128::from_le_bytes(*chunk);
    let is = |byte: u8| less(bytes ^ (ONES * u128::from(byte)), 1);
    let marks = less(bytes, 0x20) | is(b'"') | is(b'\\');
    usize::try_from(marks.trailing_zeros() / 8).ok()
}

macro_rules! plain {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<(), Error> {
            self.plain(&value)
        }
    )*};
}

impl<'j, 'o> Serializer for &'j mut Json<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Parts<'j, 'o>;
    type SerializeTuple = Parts<'j, 'o>;
    type SerializeTupleStruct = Parts<'j, 'o>;
    type SerializeTupleVariant = Parts<'j, 'o>;
    type SerializeMap = Parts<'j, 'o>;
    type SerializeStruct = Parts<'j, 'o>;
    type SerializeStructVariant = Parts<'j, 'o>;

    plain! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_i128: i128;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_u128: u128;
        serialize_f32: f32;
        serialize_f64: f64;
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if std::mem::take(&mut self.is_raw) {
            self.put(value.as_bytes());
            return self.go_on();
        }
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.plain(&value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.put(b"null");
        self.go_on()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.put(b"null");
        self.go_on()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.put(b"null");
        self.go_on()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let parts = self.begin(Some(variant), b"", b"}")?;
        value.serialize(&mut *parts.json)?;
        parts.json.put(b"}");
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'j, 'o>, Error> {
        self.begin(None, b"[", b"]")
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'j, 'o>, Error> {
        self.begin(None, b"[", b"]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'j, 'o>, Error> {
        self.begin(None, b"[", b"]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'j, 'o>, Error> {
        self.begin(Some(variant), b"[", b"]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'j, 'o>, Error> {
        self.begin(None, b"{", b"}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'j, 'o>, Error> {
        if RAW.contains(&name) {
            self.is_raw = true;
            return self.begin(None, b"", b"");
        }
        self.begin(None, b"{", b"}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'j, 'o>, Error> {
        self.begin(Some(variant), b"{", b"}}")
    }
}

/// An array or object in the making.
pub(super) struct Parts<'j, 'o> {
    json: &'j mut Json<'o>,
    is_first: bool,
    end: &'static [u8],
}

impl Parts<'_, '_> {
    fn comma(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.json.put(b",");
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.comma();
        value.serialize(&mut *self.json)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        if !self.json.is_raw {
            self.comma();
            self.json.text(name)?;
            self.json.put(b":");
        }
        value.serialize(&mut *self.json)
    }

    fn close(self) -> Result<(), Error> {
        self.json.put(self.end);
        self.json.go_on()
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident;)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($trait:ident;)*) => {$(
        impl $trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )*};
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.comma();
        key.serialize(Key(&mut *self.json))?;
        self.json.put(b":");
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.json)
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}
