//! What is asked for on the command line.

use std::error::Error;
use std::path::PathBuf;

use support::{Message, Recording};

/// Where a call of the committed session has no result yet.
const AFTER: usize = 16;

#[derive(Debug)]
pub(crate) struct Options {
    /// A recorded session; the committed one unless set.
    pub(crate) session: Option<PathBuf>,
    /// After how many messages the work is handed over.
    after: usize,
}

impl Options {
    pub(crate) fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            session: None,
            after: AFTER,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("session") => {
                    options.session = Some(arguments.value()?.into());
                }
                lexopt::Arg::Long("after") => {
                    options.after = arguments.value()?.to_string_lossy().parse()?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// The messages before the handoff.
    pub(crate) fn after<'a>(&self, recording: &'a Recording) -> &'a [Message] {
        let messages = recording.messages();
        messages.get(..self.after).unwrap_or(messages)
    }
}
