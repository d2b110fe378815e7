//! From JSON to settings, with the place of what is wrong.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{InvalidConfig, SettingFault};

/// Fields that are looked at to find the one that is wrong; settings have some dozens.
const FIELDS_MAX: usize = 1_000;
/// Letters of the reader's own complaint that are kept; it may quote what it read.
const COMPLAINT_MAX: usize = 600;

/// Settings as plain data that can be read and checked.
///
/// Hosts that read TOML or YAML let their own reader fill the type and call [`validate`](Self::validate).
/// From JSON there is more to tell: the path of what is wrong.
///
/// ```
/// use agent_resilience::{BreakerConfig, Settings};
///
/// let error = BreakerConfig::from_json(r#"{"open_for": "-5s"}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "open_for: cannot be read (invalid value: string \"-5s\", expected a duration such as \"30s\" or \
///      \"1m 30s\", or a number of seconds); write a time as \"30s\""
/// );
/// ```
pub trait Settings: DeserializeOwned {
    /// Looks for what cannot hold: zero where nothing would then ever happen, values outside their
    /// range, settings that contradict one another.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the first setting that cannot hold.
    fn validate(&self) -> Result<(), InvalidConfig>;

    /// Reads JSON text and validates.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting that is unknown, of the wrong type, or cannot hold.
    fn from_json(text: &str) -> Result<Self, InvalidConfig> {
        let value = serde_json::from_str(text).map_err(|error| {
            let what = format!("is no JSON ({error})");
            InvalidConfig::new(
                SettingFault::Malformed,
                "",
                what,
                "mend it at the line and column named",
            )
        })?;
        Self::from_value(&value)
    }

    /// Reads a JSON value and validates.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the setting that is unknown, of the wrong type, or cannot hold.
    fn from_value(value: &Value) -> Result<Self, InvalidConfig> {
        if !value.is_object() {
            return Err(InvalidConfig::new(
                SettingFault::Malformed,
                "",
                "are no object",
                "write {\"name\": value}, with the names of the settings",
            ));
        }
        let read: Self = typed(value)?;
        read.validate()?;
        Ok(read)
    }
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, InvalidConfig> {
    T::deserialize(value).map_err(|error| fault::<T>(value, &error.to_string()))
}

/// One step into a value.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Place(usize),
}

/// What is wrong, and where; the deserialiser does not say where.
fn fault<T: DeserializeOwned>(value: &Value, complaint: &str) -> InvalidConfig {
    let mut fields = Vec::new();
    collect(value, &mut Vec::new(), &mut fields);
    let says = |value: &Value| {
        T::deserialize(value)
            .map_err(|error| error.to_string())
            .err()
    };
    if complaint.starts_with("missing field") {
        // The deepest part without which nothing is missed: it lacks the field.
        let lacking = fields.iter().rev().find(|path| {
            let mut rest = value.clone();
            remove(&mut rest, path);
            says(&rest).is_none_or(|now| !now.starts_with("missing field"))
        });
        let path = lacking.map(|path| written(path)).unwrap_or_default();
        return describe(&path, None, complaint);
    }
    // Fields are read in their order, so the one that is wrong is that with which the complaint begins.
    let mut so_far = hollow(value);
    let culprit = fields.iter().find(|path| {
        put(&mut so_far, path, find(value, path));
        says(&so_far).is_some_and(|now| now == complaint)
    });
    match culprit {
        Some(path) => describe(&written(path), find(value, path), complaint),
        None => describe("", Some(value), complaint),
    }
}

/// The value without what it holds.
fn hollow(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(serde_json::Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        scalar => scalar.clone(),
    }
}

/// Adds one field, without what it holds.
fn put(whole: &mut Value, path: &[Step<'_>], value: Option<&Value>) {
    let (Some((last, before)), Some(value)) = (path.split_last(), value) else {
        return;
    };
    match (holder(whole, before), last) {
        (Some(Value::Object(map)), Step::Key(key)) => {
            map.insert((*key).to_owned(), hollow(value));
        }
        (Some(Value::Array(array)), Step::Place(_)) => array.push(hollow(value)),
        _ => {}
    }
}

fn holder<'a>(whole: &'a mut Value, path: &[Step<'_>]) -> Option<&'a mut Value> {
    path.iter().try_fold(whole, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Place(place) => value.get_mut(place),
    })
}

/// Every field in the order in which they are read, each before what it holds.
fn collect<'a>(value: &'a Value, path: &mut Vec<Step<'a>>, fields: &mut Vec<Vec<Step<'a>>>) {
    let children: Box<dyn Iterator<Item = (Step<'a>, &'a Value)>> = match value {
        Value::Object(map) => Box::new(map.iter().map(|(key, v)| (Step::Key(key), v))),
        Value::Array(array) => Box::new(array.iter().enumerate().map(|(i, v)| (Step::Place(i), v))),
        _ => return,
    };
    for (step, child) in children {
        if fields.len() >= FIELDS_MAX {
            return;
        }
        path.push(step);
        fields.push(path.clone());
        collect(child, path, fields);
        path.pop();
    }
}

fn held<'a>(value: &'a Value, step: &Step<'_>) -> Option<&'a Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Place(place) => value.get(place),
    }
}

fn find<'a>(value: &'a Value, path: &[Step<'_>]) -> Option<&'a Value> {
    path.iter().try_fold(value, held)
}

fn remove(value: &mut Value, path: &[Step<'_>]) {
    let Some((last, before)) = path.split_last() else {
        return;
    };
    match (holder(value, before), last) {
        (Some(Value::Object(map)), Step::Key(key)) => {
            map.remove(*key);
        }
        (Some(Value::Array(array)), Step::Place(place)) if *place < array.len() => {
            array.remove(*place);
        }
        _ => {}
    }
}

fn written(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.extend(key.chars().take(64));
            }
            Step::Place(place) => {
                text.push('[');
                text.push_str(&place.to_string());
                text.push(']');
            }
        }
    }
    text
}

fn describe(path: &str, at: Option<&Value>, complaint: &str) -> InvalidConfig {
    let complaint: String = complaint.chars().take(COMPLAINT_MAX).collect();
    let (fault, what, cure) = match at {
        _ if complaint.starts_with("unknown field") => {
            let known = complaint.split_once("expected ").map_or("", |(_, it)| it);
            let known = known.trim_start_matches("one of ").replace('`', "");
            (
                SettingFault::UnknownField,
                "is no setting".to_owned(),
                format!("use one of {known}, or leave it out"),
            )
        }
        _ if complaint.starts_with("missing field") => (
            SettingFault::Missing,
            format!("lacks a setting ({complaint})"),
            "add it".to_owned(),
        ),
        Some(Value::Number(number)) if number.as_f64().is_some_and(|it| it < 0.0) => (
            SettingFault::Negative,
            format!("is negative ({number})"),
            "give 0 or more".to_owned(),
        ),
        Some(Value::Number(number)) if number.as_u64() == Some(0) => (
            SettingFault::Zero,
            "is 0".to_owned(),
            "give at least 1 or leave it out".to_owned(),
        ),
        Some(Value::Number(number))
            if number.is_u64() && complaint.contains(&number.to_string()) =>
        {
            (
                SettingFault::OutOfRange,
                format!("is out of range ({complaint})"),
                "give a number in the range that the setting has".to_owned(),
            )
        }
        _ => (
            SettingFault::Malformed,
            format!("cannot be read ({complaint})"),
            if complaint.contains("expected a duration") {
                r#"write a time as "30s""#.to_owned()
            } else {
                "give a value of the type expected".to_owned()
            },
        ),
    };
    InvalidConfig::new(fault, path, what, cure)
}
