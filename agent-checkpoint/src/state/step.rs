//! What is to be done next.

use serde::de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// Something to be done. One that is nothing but its text is written as plain text, as the first version wrote all.
///
/// ```
/// use agent_checkpoint::NextStep;
///
/// let step = NextStep::new("run the tests").with_owner("ci");
/// assert_eq!(serde_json::to_string(&step)?, r#"{"text":"run the tests","owner":"ci"}"#);
/// let plain: NextStep = serde_json::from_str("\"run the tests\"")?;
/// assert_eq!(plain, "run the tests");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct NextStep {
    /// What.
    pub text: String,
    /// Who is to do it, as the host names people and agents.
    pub owner: Option<String>,
    /// How far it is, in the host's words.
    pub status: Option<String>,
    /// Any other field.
    pub extra: Map<String, Value>,
}

/// The fields when there are several.
#[derive(Serialize, Deserialize)]
struct Fields<T, M> {
    text: T,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    owner: Option<T>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    status: Option<T>,
    #[serde(flatten)]
    extra: M,
}

const fn none<T>() -> Option<T> {
    None
}

impl NextStep {
    /// A step with nothing but its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Sets who is to do it.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets how far it is.
    #[must_use]
    pub fn with_status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Whether it is finished, as far as its status is one of the usual words.
    pub(crate) fn is_done(&self) -> bool {
        let words = ["done", "finished", "completed", "complete", "closed"];
        let status = self.status.as_deref().unwrap_or_default().trim();
        words.iter().any(|word| status.eq_ignore_ascii_case(word))
    }

    /// Whether it is nothing but its text.
    pub(crate) fn is_plain(&self) -> bool {
        self.owner.is_none() && self.status.is_none() && self.extra.is_empty()
    }
}

impl Serialize for NextStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_plain() {
            return serializer.serialize_str(&self.text);
        }
        let fields = Fields {
            text: self.text.as_str(),
            owner: self.owner.as_deref(),
            status: self.status.as_deref(),
            extra: &self.extra,
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NextStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = NextStep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step as text or as an object")
    }

    fn visit_str<E>(self, text: &str) -> Result<NextStep, E> {
        Ok(NextStep::new(text))
    }

    fn visit_string<E>(self, text: String) -> Result<NextStep, E> {
        Ok(NextStep::new(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NextStep, A::Error> {
        let fields =
            Fields::<String, Map<String, Value>>::deserialize(MapAccessDeserializer::new(map))?;
        Ok(NextStep {
            text: fields.text,
            owner: fields.owner,
            status: fields.status,
            extra: fields.extra,
        })
    }
}

impl From<&str> for NextStep {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for NextStep {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl PartialEq<str> for NextStep {
    /// Whether the step is this text and nothing else.
    fn eq(&self, text: &str) -> bool {
        self.is_plain() && self.text == text
    }
}

impl PartialEq<&str> for NextStep {
    fn eq(&self, text: &&str) -> bool {
        *self == **text
    }
}

impl PartialEq<String> for NextStep {
    fn eq(&self, text: &String) -> bool {
        *self == **text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_and_object_read_back_and_other_fields_are_kept() {
        let json = json!(["a", {"text": "b", "status": "blocked", "due": "monday"}]);
        let steps: Vec<NextStep> = serde_json::from_value(json.clone()).unwrap();
        assert!(steps[0].is_plain() && !steps[1].is_plain());
        assert_eq!(steps[0], "a");
        assert_ne!(steps[1], "b", "it says more than its text");
        assert_eq!(steps[1].extra["due"], "monday");
        assert_eq!(serde_json::to_value(&steps).unwrap(), json);
        assert!(serde_json::from_value::<NextStep>(json!({"status": "x"})).is_err());
        assert!(serde_json::from_value::<NextStep>(json!(3)).is_err());
    }
}
