//! The name of a project.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name, in bytes.
const MAX_BYTES: usize = 128;

/// Whose work it is: a repository, a customer, a workspace. Two sessions of one id in different
/// projects are two sessions.
///
/// One to 128 visible ASCII characters without spaces. Cheap to clone.
///
/// ```
/// use agent_telemetry::ProjectId;
///
/// let project = ProjectId::new("acme/shop")?;
/// assert_eq!(project.as_str(), "acme/shop");
/// assert_eq!(
///     ProjectId::new("my shop").unwrap_err().to_string(),
///     "project id has ' ' at byte 2; use visible ASCII characters without spaces"
/// );
/// # Ok::<(), agent_telemetry::InvalidProject>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(Arc<str>);

/// Why a text is no [`ProjectId`].
///
/// ```
/// use agent_telemetry::ProjectId;
///
/// assert_eq!(
///     ProjectId::new("").unwrap_err().to_string(),
///     "project id is empty; give it at least one character"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidProject(Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Empty,
    TooLong(usize),
    Character(char, usize),
}

impl fmt::Display for InvalidProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::Empty => f.write_str("project id is empty; give it at least one character"),
            Reason::TooLong(bytes) => {
                write!(
                    f,
                    "project id has {bytes} bytes; at most {MAX_BYTES} are allowed"
                )
            }
            Reason::Character(found, at) => write!(
                f,
                "project id has {found:?} at byte {at}; use visible ASCII characters without spaces"
            ),
        }
    }
}

impl ProjectId {
    /// The project of this name.
    ///
    /// # Errors
    /// [`InvalidProject`] when the name is empty, too long, or has other characters.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, InvalidProject> {
        let name = name.into();
        let reason = if name.is_empty() {
            Reason::Empty
        } else if name.len() > MAX_BYTES {
            Reason::TooLong(name.len())
        } else if let Some((at, found)) = name.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
            Reason::Character(found, at)
        } else {
            return Ok(Self(name));
        };
        Err(InvalidProject(reason))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProjectId({:?})", &*self.0)
    }
}

impl AsRef<str> for ProjectId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ProjectId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectId {
    type Err = InvalidProject;
    fn from_str(name: &str) -> Result<Self, InvalidProject> {
        Self::new(name)
    }
}

impl Serialize for ProjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Arc::<str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
