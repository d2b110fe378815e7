//! Protobuf as far as OTLP needs it, written straight into bytes.

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;

/// A message in the making. Fields come in the order of the calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Any<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Texts(&'a [&'a str]),
}

impl Message {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Fields that are encoded already.
    pub(super) fn append(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits are asked for")]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: u64) {
        self.varint(u64::from(field) << 3 | wire);
    }

    /// A number, also where it is the default of its field.
    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }

    pub(super) fn fixed(&mut self, field: u32, value: u64) {
        self.key(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed(field, value.to_bits());
    }

    pub(super) fn slice(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.slice(field, text.as_bytes());
    }

    pub(super) fn packed(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        self.key(field, LENGTH);
        self.varint((values.len() as u64).saturating_mul(8));
        for value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A message within this one.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, LENGTH);
        let start = self.0.len();
        write(self);
        let body = self.0.len();
        // The length stands before the body, and is known behind it.
        self.varint((body - start) as u64);
        let prefix = self.0.len() - body;
        if let Some(all) = self.0.get_mut(start..) {
            all.rotate_right(prefix);
        }
    }

    /// A `KeyValue`.
    pub(super) fn attribute(&mut self, field: u32, key: &str, value: Any<'_>) {
        self.message(field, |pair| {
            pair.text(1, key);
            pair.message(2, |any| any.any(value));
        });
    }

    /// Of a choice the default is written as well.
    fn any(&mut self, value: Any<'_>) {
        match value {
            Any::Text(text) => self.text(1, text),
            Any::Bool(it) => self.number(2, u64::from(it)),
            Any::Int(it) => self.number(3, it.cast_unsigned()),
            Any::Double(it) => self.double(4, it),
            Any::Texts(texts) => self.message(5, |array| {
                for text in texts {
                    array.message(1, |any| any.text(1, text));
                }
            }),
        }
    }
}

/// How many bytes a length-delimited field has, with its key, which has one byte up to field 15.
pub(super) const fn field_len(body: usize) -> usize {
    1 + varint_len(body as u64) + body
}

const fn varint_len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// The attributes of something, in whichever field it has them.
#[derive(Debug)]
pub(super) struct Attributes<'m> {
    message: &'m mut Message,
    field: u32,
}

impl<'m> Attributes<'m> {
    pub(super) const fn new(message: &'m mut Message, field: u32) -> Self {
        Self { message, field }
    }

    pub(super) fn set(&mut self, key: &str, value: Any<'_>) -> &mut Self {
        self.message.attribute(self.field, key, value);
        self
    }

    pub(super) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.set(key, Any::Text(text))
    }

    pub(super) fn maybe(&mut self, key: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(key, text);
        }
        self
    }

    /// A count; one beyond `i64` is cut to that.
    pub(super) fn count(&mut self, key: &str, count: u64) -> &mut Self {
        self.set(key, Any::Int(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    pub(super) fn double(&mut self, key: &str, number: f64) -> &mut Self {
        self.set(key, Any::Double(number))
    }

    pub(super) fn bool(&mut self, key: &str, it: bool) -> &mut Self {
        self.set(key, Any::Bool(it))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
    use prost::Message as _;

    use super::*;

    #[test]
    fn attributes_read_back_as_they_were_written() {
        let long = "x".repeat(70_000);
        for (value, expected) in [
            (Any::Text(""), Value::StringValue(String::new())),
            (Any::Text(&long), Value::StringValue(long.clone())),
            (Any::Bool(false), Value::BoolValue(false)),
            (Any::Bool(true), Value::BoolValue(true)),
            (Any::Int(0), Value::IntValue(0)),
            (Any::Int(-1), Value::IntValue(-1)),
            (Any::Int(i64::MIN), Value::IntValue(i64::MIN)),
            (Any::Int(i64::MAX), Value::IntValue(i64::MAX)),
            (Any::Double(-0.25), Value::DoubleValue(-0.25)),
        ] {
            let mut message = Message::new();
            message.attribute(1, "key", value);
            // One field of a message whose first field holds pairs.
            let resource =
                opentelemetry_proto::tonic::resource::v1::Resource::decode(message.bytes());
            let expected = KeyValue {
                key: "key".into(),
                value: Some(AnyValue {
                    value: Some(expected),
                }),
                ..KeyValue::default()
            };
            assert_eq!(resource.unwrap().attributes, [expected]);
        }
    }

    #[test]
    fn length_of_a_field_is_known_before_it_is_written() {
        for body in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut message = Message::new();
            message.slice(15, &vec![7; body]);
            assert_eq!(message.len(), field_len(body), "{body}");
        }
    }
}
