//! How the values of earlier versions of a type become values of the present one.

use std::any::type_name;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Snapshot;
use crate::codec::{decode, to_value};
use crate::format::point::{is_label, is_printable};
use crate::{Codec, Error};

/// Why a step of a migration failed, in the host's words: any error, or a text.
pub type MigrationError = Box<dyn std::error::Error + Send + Sync>;

type Apply = fn(Value) -> Result<Value, MigrationError>;
type Read = fn(Codec, &[u8]) -> Result<Value, crate::codec::Fault>;

/// Steps from version to version, each a function on JSON values, in any order. A stored value goes
/// through every step from its own version up; one of the present version goes through none and is read
/// straight from its bytes.
///
/// Values are migrated when they are read. The log keeps them as they were until the host puts them anew.
///
/// ```
/// use agent_checkpoint::{Migrations, Snapshot};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Plan {
///     goals: Vec<String>,
/// }
///
/// impl Snapshot for Plan {
///     const KIND: &'static str = "plan";
///     const VERSION: u16 = 4;
///
///     fn migrations() -> Migrations {
///         Migrations::none()
///             .step(3, |plan| Ok(serde_json::json!({ "goals": [plan["goal"]] })))
///             .step(1, |plan| Ok(plan))
///     }
/// }
///
/// // What a host's own test should ask.
/// let wrong = Migrations::check::<Plan>().unwrap_err();
/// assert_eq!(
///     wrong.to_string(),
///     "the migrations of plan: the step from version 2 to 3 is missing; add it",
/// );
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Migrations {
    steps: Vec<(u16, Apply)>,
    layouts: Vec<(u16, Read)>,
}

impl Migrations {
    /// No steps: only values of the present version are read.
    pub const fn none() -> Self {
        Self {
            steps: Vec::new(),
            layouts: Vec::new(),
        }
    }

    /// Adds the step from version `from` to the next.
    pub fn step(mut self, from: u16, apply: Apply) -> Self {
        self.steps.push((from, apply));
        self
    }

    /// Says which type the values of version `version` were. Needed for values whose bytes do not say
    /// what they are, which is so of bincode; the steps then start with the old value as JSON.
    ///
    /// ```
    /// use agent_checkpoint::Migrations;
    ///
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Version1 {
    ///     open: u32,
    /// }
    ///
    /// let _migrations = Migrations::none()
    ///     .layout::<Version1>(1)
    ///     .step(1, |old| Ok(serde_json::json!({ "open": old["open"], "closed": 0 })));
    /// ```
    pub fn layout<Old: Serialize + DeserializeOwned>(mut self, version: u16) -> Self {
        self.layouts.push((version, |codec, bytes| {
            let old: Old = decode(codec, bytes)?;
            serde_json::to_value(old).map_err(|e| crate::codec::Fault::whole(e.to_string()))
        }));
        self
    }

    /// Whether the type's steps make a chain: each version up to the present one has one step at most,
    /// and from the first on none is missing. A test of the host's should ask; `put` and `component` do
    /// too, and fail with the same error.
    ///
    /// # Errors
    /// [`Error::is_invalid`] for a [`KIND`](Snapshot::KIND) that is no name; [`Error::is_migration`] says which step is wrong.
    pub fn check<T: Snapshot>() -> Result<(), Error> {
        Self::of::<T>().map(|_| ())
    }

    /// The type's migrations, checked.
    pub(crate) fn of<T: Snapshot>() -> Result<Self, Error> {
        let wrong = |reason: String| {
            let what = format!("the migrations of {}", T::KIND);
            Err(Error::migration(what, reason))
        };
        if !(is_label(T::KIND) && is_printable(T::KIND)) {
            return Err(Error::invalid(
                format!("Snapshot::KIND {:?} of {}", T::KIND, type_name::<T>()),
                "give it 1 to 128 bytes, no control characters, none that turn the direction of text, and no blanks at its ends",
            ));
        }
        if T::VERSION == 0 {
            return wrong("version 0 means nothing; begin with 1".to_owned());
        }
        let mut migrations = T::migrations();
        migrations.steps.sort_unstable_by_key(|(from, _)| *from);
        let mut expected: Option<u16> = None;
        for (from, _) in &migrations.steps {
            match expected {
                _ if *from == 0 || *from >= T::VERSION => {
                    let now = T::VERSION;
                    return wrong(format!(
                        "there is a step from version {from}, but versions go from 1 to {now}; remove it"
                    ));
                }
                Some(expected) if *from < expected => {
                    return wrong(format!("version {from} has two steps; remove one"));
                }
                Some(expected) if *from > expected => {
                    let next = expected + 1;
                    return wrong(format!(
                        "the step from version {expected} to {next} is missing; add it"
                    ));
                }
                _ => expected = Some(from + 1),
            }
        }
        if let Some(expected) = expected.filter(|expected| *expected < T::VERSION) {
            let next = expected + 1;
            return wrong(format!(
                "the step from version {expected} to {next} is missing; add it"
            ));
        }
        let mut layouts: Vec<u16> = migrations
            .layouts
            .iter()
            .map(|(version, _)| *version)
            .collect();
        layouts.sort_unstable();
        if let Some(twice) = layouts.windows(2).find(|pair| pair.first() == pair.last()) {
            return wrong(format!(
                "version {} has two layouts; remove one",
                twice.first().unwrap_or(&0)
            ));
        }
        Ok(migrations)
    }

    /// The value of version `from` as one of the present version.
    pub(crate) fn migrate<T: Snapshot>(
        &self,
        from: u16,
        codec: Codec,
        bytes: &[u8],
    ) -> Result<T, Error> {
        let what = || format!("component {} of version {from}", T::KIND);
        let has_step = |version| self.steps.iter().any(|(from, _)| *from == version);
        if from == 0 || !has_step(from) {
            let next = from.saturating_add(1);
            let reason =
                format!("there is no step from version {from} to {next}; add it to its migrations");
            return Err(Error::migration(what(), reason));
        }
        let layout = self.layouts.iter().find(|(version, _)| *version == from);
        let read = match layout {
            Some((_, read)) => read(codec, bytes),
            None if codec.describes_itself() => to_value(codec, bytes),
            None => {
                let reason = format!(
                    "{} does not say what its bytes are; name the old type with `layout`",
                    codec.name()
                );
                return Err(Error::migration(what(), reason));
            }
        };
        let mut value = read.map_err(|fault| Error::unread(what(), fault))?;
        for (version, apply) in self.steps.iter().filter(|(version, _)| *version >= from) {
            value = apply(value).map_err(|source| {
                let next = version.saturating_add(1);
                let reason = format!("the step from version {version} to {next} failed: {source}");
                Error::migration(what(), reason)
            })?;
        }
        T::deserialize(value).map_err(|e| {
            let fault = crate::codec::Fault::whole(format!("after its migration: {e}"));
            Error::unread(what(), fault)
        })
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<u16> = self.steps.iter().map(|(from, _)| *from).collect();
        let layouts: Vec<u16> = self.layouts.iter().map(|(version, _)| *version).collect();
        f.debug_struct("Migrations")
            .field("steps", &steps)
            .field("layouts", &layouts)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Odd<const VERSION: u16, const CASE: u8>(u32);

    impl<const VERSION: u16, const CASE: u8> Snapshot for Odd<VERSION, CASE> {
        const KIND: &'static str = "odd";
        const VERSION: u16 = VERSION;

        fn migrations() -> Migrations {
            let same: Apply = Ok;
            let none = Migrations::none();
            match CASE {
                0 => none,
                1 => none.step(1, same).step(1, same),
                2 => none.step(1, same).step(3, same),
                3 => none.step(1, same),
                4 => none.step(2, same).step(1, same),
                5 => none.step(0, same),
                6 => none.layout::<u8>(1).layout::<u8>(1),
                _ => none.step(2, |value| match value {
                    Value::Number(n) if n.as_u64() == Some(7) => Err("seven is odd".into()),
                    value => Ok(json!(value.as_u64().unwrap_or_default() * 10)),
                }),
            }
        }
    }

    fn refusal<const VERSION: u16, const CASE: u8>() -> String {
        let error = Migrations::check::<Odd<VERSION, CASE>>().unwrap_err();
        error.to_string().replace("the migrations of odd: ", "")
    }

    #[test]
    fn a_chain_with_a_gap_or_too_many_steps_is_refused() {
        assert_eq!(refusal::<0, 0>(), "version 0 means nothing; begin with 1");
        assert_eq!(refusal::<2, 1>(), "version 1 has two steps; remove one");
        assert_eq!(
            refusal::<4, 2>(),
            "the step from version 2 to 3 is missing; add it"
        );
        assert_eq!(
            refusal::<3, 3>(),
            "the step from version 2 to 3 is missing; add it"
        );
        let beyond = "there is a step from version 2, but versions go from 1 to 2; remove it";
        assert_eq!(refusal::<2, 4>(), beyond);
        assert!(refusal::<2, 5>().contains("step from version 0"));
        assert_eq!(refusal::<2, 6>(), "version 1 has two layouts; remove one");
        Migrations::check::<Odd<3, 4>>().unwrap();
        Migrations::check::<Odd<9, 0>>().unwrap();
    }

    #[test]
    fn a_value_goes_through_the_steps_from_its_version_on() {
        type Now = Odd<3, 7>;
        let migrations = Migrations::of::<Now>().unwrap();
        let read = |from, json: &str| migrations.migrate::<Now>(from, Codec::Json, json.as_bytes());
        assert_eq!(read(2, "4").unwrap(), Odd(40));
        let missing = read(1, "4").unwrap_err().to_string();
        assert!(missing.contains("no step from version 1 to 2"), "{missing}");
        let failed = read(2, "7").unwrap_err().to_string();
        assert!(
            failed.contains("the step from version 2 to 3 failed: seven is odd"),
            "{failed}"
        );
    }
}
