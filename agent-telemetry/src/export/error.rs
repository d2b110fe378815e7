//! What can go wrong while records are written.

use std::error::Error;
use std::fmt;
use std::io;

use super::ExportFormat;

/// Why an export is not whole.
///
/// ```
/// use agent_telemetry::{ExportConfig, ExportFormat, Record};
///
/// let mut no_room: &mut [u8] = &mut [0; 10];
/// let error = ExportConfig::new(ExportFormat::Csv)
///     .write(Vec::<Record>::new(), &mut no_room)
///     .unwrap_err();
/// assert_eq!(error.to_string(), "the export could not be written; check the place and the free space there");
/// ```
#[derive(Debug)]
pub struct ExportError(Kind);

#[derive(Debug)]
enum Kind {
    Write(io::Error),
    Read(Box<dyn Error + Send + Sync>),
    #[cfg_attr(
        feature = "parquet",
        expect(dead_code, reason = "this build has every form")
    )]
    Missing(ExportFormat),
}

impl ExportError {
    pub(super) const fn unwritten(error: io::Error) -> Self {
        Self(Kind::Write(error))
    }

    pub(super) fn unread(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Kind::Read(error.into()))
    }

    #[cfg(not(feature = "parquet"))]
    pub(super) const fn missing(format: ExportFormat) -> Self {
        Self(Kind::Missing(format))
    }

    /// Whether a record could not be read, and not what was written is the trouble.
    pub const fn is_unread(&self) -> bool {
        matches!(self.0, Kind::Read(_))
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Write(_) => f.write_str(
                "the export could not be written; check the place and the free space there",
            ),
            Kind::Read(_) => {
                f.write_str("a record could not be read; what is written so far is not whole")
            }
            Kind::Missing(format) => write!(
                f,
                "this program writes no {format}; build agent-telemetry with the feature \"{format}\""
            ),
        }
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::Write(error) => Some(error),
            Kind::Read(error) => Some(&**error),
            Kind::Missing(_) => None,
        }
    }
}
