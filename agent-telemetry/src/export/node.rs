//! JSON whose objects keep the order of their fields.

use std::fmt;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A value of a report.
pub(super) enum Node {
    /// Neither a list nor an entry.
    Value(Value),
    List(Vec<Self>),
    Entry(Vec<(String, Self)>),
}

impl Node {
    /// Through its JSON, so that the names are the same.
    pub(super) fn of(report: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(&serde_json::to_vec(report)?)
    }

    pub(super) const fn is_entry(&self) -> bool {
        matches!(self, Self::Entry(_))
    }

    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::List(list) => list.into_iter().map(Self::into_json).collect(),
            Self::Entry(fields) => {
                let fields = fields.into_iter();
                fields.map(|(name, it)| (name, it.into_json())).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Value(Value::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut entry = Vec::new();
        while let Some(field) = fields.next_entry()? {
            entry.push(field);
        }
        Ok(Node::Entry(entry))
    }
}
