//! A session that no recovery could open.

use std::fmt;

use agent_primitives::SessionId;

use super::RecoveryReport;
use crate::{Error, Reader};

/// The session could not be opened for writing. What it needs stands in the [`report`](Self::report), and where the
/// log can be read at all there is a [`reader`](Self::into_reader).
///
/// ```
/// use agent_checkpoint::recover::{Failure, Recovery};
/// use agent_checkpoint::{Checkpointer, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
/// let holder = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// let error = Checkpointer::builder(store, id).recover(&Recovery::default()).unwrap_err();
/// assert_eq!(error.report().findings[0].failure, Failure::LostLease);
/// assert!(error.error().is_locked());
/// assert!(error.into_reader().unwrap().latest()?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RecoveryError(Box<Refused>);

struct Refused {
    session: SessionId,
    report: RecoveryReport,
    source: Error,
    reader: Option<Reader>,
}

impl RecoveryError {
    pub(super) fn new(
        session: SessionId,
        report: RecoveryReport,
        source: Error,
        reader: Option<Reader>,
    ) -> Self {
        Self(Box::new(Refused {
            session,
            report,
            source,
            reader,
        }))
    }

    /// What was found, and what the host is to decide.
    pub fn report(&self) -> &RecoveryReport {
        &self.0.report
    }

    /// Why it could not be opened.
    pub fn error(&self) -> &Error {
        &self.0.source
    }

    /// A view of the session that takes no lock and changes nothing; none where the log cannot be read.
    pub fn into_reader(self) -> Option<Reader> {
        self.0.reader
    }
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused {
            session, report, ..
        } = &*self.0;
        write!(f, "session {session} was not opened: {report}")
    }
}

impl fmt::Debug for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RecoveryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.source)
    }
}
