//! Which series a point is of, the same whoever sends it and in whatever order its attributes stand.

use twox_hash::XxHash3_128;

use super::super::delta::SeriesKey;
use super::super::value::{Attributes, Value};
use super::super::wire::{MetricHead, Scope, Shape, Temporality};

/// Hashes what identifies a series, each part with its length.
#[derive(Debug)]
pub(super) struct Identity {
    seed: u64,
    room: Vec<u8>,
}

impl Identity {
    /// With a secret of the store, so that nobody else can make two series look like one.
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            room: Vec::new(),
        }
    }

    pub(super) fn of_resource(&mut self, resource: &Attributes<'_>) -> u128 {
        self.room.clear();
        self.attributes(resource);
        self.hash()
    }

    pub(super) fn of_series(
        &mut self,
        resource: u128,
        scope: &Scope<'_>,
        head: &MetricHead<'_>,
        attributes: &Attributes<'_>,
    ) -> SeriesKey {
        self.room.clear();
        self.room.extend_from_slice(&resource.to_le_bytes());
        for text in [&scope.name, &scope.version, &head.name, &head.unit] {
            self.bytes(text.as_bytes());
        }
        self.room.push(kind(head.shape));
        self.attributes(attributes);
        SeriesKey(self.hash())
    }

    /// Of a log record or a span that is told once and never again.
    pub(super) fn of_item(&mut self, what: u8, id: u128, part: u64) -> u128 {
        self.room.clear();
        self.room.push(what);
        self.room.extend_from_slice(&id.to_le_bytes());
        self.room.extend_from_slice(&part.to_le_bytes());
        self.hash()
    }

    fn hash(&self) -> u128 {
        XxHash3_128::oneshot_with_seed(self.seed, &self.room)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.room
            .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.room.extend_from_slice(bytes);
    }

    /// In the order of their keys; of one key that comes twice the last value counts.
    fn attributes(&mut self, attributes: &Attributes<'_>) {
        let mut pairs: Vec<(&str, &Value<'_>)> = attributes.iter().collect();
        pairs.sort_by_key(|(key, _)| *key);
        for (place, (key, value)) in pairs.iter().enumerate() {
            if pairs.get(place + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            self.bytes(key.as_bytes());
            self.value(value);
        }
    }

    /// Values are as deep as their reader lets them be.
    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Empty => self.room.push(0),
            Value::Text(text) => {
                self.room.push(1);
                self.bytes(text.as_bytes());
            }
            Value::Bool(it) => self.room.extend_from_slice(&[2, u8::from(*it)]),
            Value::Int(it) => {
                self.room.push(3);
                self.room.extend_from_slice(&it.to_le_bytes());
            }
            Value::Double(it) => {
                self.room.push(4);
                self.room.extend_from_slice(&it.to_bits().to_le_bytes());
            }
            Value::Bytes(bytes) => {
                self.room.push(5);
                self.bytes(bytes);
            }
            Value::Array(values) => {
                self.room.push(6);
                self.room
                    .extend_from_slice(&(values.len() as u64).to_le_bytes());
                for value in values {
                    self.value(value);
                }
            }
            Value::Map(map) => {
                self.room.push(7);
                self.room
                    .extend_from_slice(&(map.len() as u64).to_le_bytes());
                self.attributes(map);
            }
        }
    }
}

/// Whether values add up, and how: two kinds under one name are two series.
const fn kind(shape: Shape) -> u8 {
    match shape {
        Shape::Unknown => 0,
        Shape::Gauge => 1,
        Shape::Sum {
            temporality,
            monotonic,
        } => 2 + of(temporality) + if monotonic { 8 } else { 0 },
        Shape::Histogram(temporality) => 20 + of(temporality),
        Shape::ExponentialHistogram(temporality) => 30 + of(temporality),
        Shape::Summary => 40,
    }
}

const fn of(temporality: Temporality) -> u8 {
    match temporality {
        Temporality::Unspecified => 0,
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(attributes: &Attributes<'_>) -> SeriesKey {
        let head = MetricHead {
            name: "tokens".into(),
            unit: "".into(),
            shape: Shape::Gauge,
        };
        Identity::new(7).of_series(1, &Scope::default(), &head, attributes)
    }

    #[test]
    fn order_of_attributes_makes_no_other_series_and_a_value_does() {
        let text = |text: &'static str| Value::Text(text.into());
        let first = series(&[("a", text("1")), ("b", text("2"))].into_iter().collect());
        let other = series(&[("b", text("2")), ("a", text("1"))].into_iter().collect());
        assert_eq!(first, other);
        let moved = series(&[("a", text("12")), ("b", text(""))].into_iter().collect());
        assert_ne!(first, moved);
        let number = series(
            &[("a", Value::Int(1)), ("b", text("2"))]
                .into_iter()
                .collect(),
        );
        assert_ne!(first, number);
    }

    #[test]
    fn last_value_of_a_key_counts() {
        let text = |text: &'static str| Value::Text(text.into());
        let twice = series(&[("a", text("1")), ("a", text("2"))].into_iter().collect());
        let once = series(&[("a", text("2"))].into_iter().collect());
        assert_eq!(twice, once);
    }
}
