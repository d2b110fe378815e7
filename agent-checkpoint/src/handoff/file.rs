//! A package as one file: versioned JSON with a digest.

use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::{Value, json};

use super::bounded::{bytes_of, value_of};
use super::error::Kind;
use super::{Limits, Package, PackageError};
use crate::McpServer;

/// Media type of a package's file.
pub const MEDIA_TYPE: &str = "application/vnd.agent-handoff+json";

/// How the name of a package's file ends.
pub const EXTENSION: &str = "handoff.json";

const FORMAT: &str = "agent-handoff";
const MAJOR: u64 = 1;
const VERSION: &str = "1.0";
const DIGEST: &str = "blake3:";

impl Package {
    /// Writes the package as one file of JSON: what it is (`format`), the `version` of the format, a `digest` of
    /// the content, and the content (`package`). The digest is BLAKE3 of the content as canonical JSON, without
    /// white space and with names in order, so that a file which a person formatted anew still reads.
    ///
    /// Secrets are [masked](Self::masked), as the session masks them in its log.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Link, Package};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH))
    ///     .with_objective("Fix the build.");
    /// let mut file = Vec::new();
    /// package.to_writer(&mut file)?;
    /// assert_eq!(Package::from_reader(&*file)?, package);
    ///
    /// let changed = String::from_utf8(file)?.replace("Fix", "Break");
    /// assert!(Package::from_slice(changed.as_bytes()).unwrap_err().is_damaged());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PackageError::is_unavailable`] when the writer fails; as [`to_vec`](Self::to_vec), before anything
    /// is written.
    pub fn to_writer(&self, mut writer: impl Write) -> Result<(), PackageError> {
        let bytes = self.to_vec()?;
        let written = writer.write_all(&bytes).and_then(|()| writer.flush());
        written.map_err(|source| {
            let what = "writing the package".to_owned();
            Kind::Unavailable { what, source }.into()
        })
    }

    /// The bytes that [`to_writer`](Self::to_writer) writes.
    ///
    /// # Errors
    /// [`PackageError::is_unwritable`] or [`PackageError::is_too_large`] when it would not read back as it is, within
    /// the default [`Limits`].
    pub fn to_vec(&self) -> Result<Vec<u8>, PackageError> {
        let unwritable = |error: serde_json::Error| Kind::Unwritable(error.to_string());
        let masked = self.masked(&self.masks.redaction())?;
        let package = serde_json::to_value(&masked).map_err(unwritable)?;
        let file = json!({
            "format": FORMAT,
            "version": VERSION,
            "digest": digest_of(&package),
            "package": package,
        });
        let mut bytes = serde_json::to_vec_pretty(&file).map_err(unwritable)?;
        bytes.push(b'\n');
        match Self::from_slice(&bytes) {
            Ok(back) if back == masked => Ok(bytes),
            Ok(_) => Err(Kind::Unwritable("something in it reads as something else".into()).into()),
            Err(error) if error.is_too_large() => Err(error),
            Err(error) => Err(Kind::Unwritable(error.to_string()).into()),
        }
    }

    /// Reads a package within the default [`Limits`]. Fields of later versions are kept in `extra`.
    ///
    /// # Errors
    /// [`PackageError`] says whether the file is no package, is newer, damaged or too large, or cannot be read.
    pub fn from_reader(reader: impl Read) -> Result<Self, PackageError> {
        Self::from_reader_within(reader, &Limits::default())
    }

    /// As [`from_reader`](Self::from_reader), within other limits.
    ///
    /// # Errors
    /// As [`from_reader`](Self::from_reader).
    pub fn from_reader_within(reader: impl Read, limits: &Limits) -> Result<Self, PackageError> {
        let bytes = bytes_of(reader, limits)?;
        Self::of_value(value_of(&bytes, limits)?)
    }

    /// As [`from_reader`](Self::from_reader), of bytes in memory.
    ///
    /// # Errors
    /// As [`from_reader`](Self::from_reader).
    pub fn from_slice(bytes: &[u8]) -> Result<Self, PackageError> {
        Self::of_value(value_of(bytes, &Limits::default())?)
    }

    fn of_value(mut file: Value) -> Result<Self, PackageError> {
        let text = |name: &str| file.get(name).and_then(Value::as_str);
        if text("format") != Some(FORMAT) {
            let what = format!("its `format` is not {FORMAT:?}");
            return Err(Kind::Foreign(what).into());
        }
        let version = text("version").unwrap_or_default();
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        match major {
            Some(MAJOR) => {}
            Some(0) | None => {
                let what = format!("its `version` is {version:?}");
                return Err(Kind::Foreign(what).into());
            }
            Some(_) => {
                let found = version.to_owned();
                let known = VERSION;
                return Err(Kind::Newer { found, known }.into());
            }
        }
        let digest = text("digest").unwrap_or_default().to_owned();
        let package = file.get_mut("package").map(Value::take).unwrap_or_default();
        if digest != digest_of(&package) {
            let what = "its content is not that of its digest";
            return Err(Kind::Damaged(what.to_owned()).into());
        }
        Self::deserialize(package).map_err(|error| Kind::Invalid(error).into())
    }
}

fn digest_of(package: &Value) -> String {
    format!("{DIGEST}{}", McpServer::config_hash_of(package))
}
