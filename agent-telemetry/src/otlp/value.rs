//! Attributes of resources, scopes and items, as they arrived.

use std::borrow::Cow;

/// One value. What JSON writes as a string and protobuf as a number is the same value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Value<'a> {
    /// No value was set.
    #[default]
    Empty,
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    Array(Vec<Value<'a>>),
    Map(Attributes<'a>),
}

impl Value<'_> {
    /// The text of a value that is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number, also one that came as a double or in digits.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(it) => Some(*it),
            Self::Double(it) => whole(*it),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A finite number, also one that came as an integer or in digits.
    pub(crate) fn double(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "figures stay below 2^53")]
            Self::Int(it) => *it as f64,
            Self::Double(it) => *it,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A truth value, also one in letters.
    pub(crate) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(it) => Some(*it),
            Self::Text(text) => match text.trim() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// `number` where it has no fraction and fits.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= LIMIT).then_some(number as i64)
}

/// Keys and values in the order of their arrival. Of a key that comes twice the last one counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Attributes<'a> {
    pairs: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    pub(crate) fn push(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        self.pairs.push((key, value));
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.pairs.iter().map(|(key, value)| (&**key, value))
    }
}

#[cfg(test)]
impl<'a> Attributes<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        let mut pairs = self.pairs.iter().rev();
        pairs.find(|(it, _)| it == key).map(|(_, value)| value)
    }
}

impl<'a> FromIterator<(&'a str, Value<'a>)> for Attributes<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, Value<'a>)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self {
            pairs: pairs
                .map(|(key, value)| (Cow::Borrowed(key), value))
                .collect(),
        }
    }
}
