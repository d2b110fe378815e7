//! The arguments.

use std::error::Error;
use std::path::{Path, PathBuf};

use agent_primitives::SessionId;
use lexopt::prelude::*;

pub(crate) const HELP: &str = "\
decision_trace [--db PATH | --jsonl FOLDER] [--session ID] [--step] [--json] [--all]
decision_trace --demo [--db PATH] [--step] [--json] [--all]

  --db PATH       a database that a SqliteSink has written; telemetry.db unless given
  --jsonl FOLDER  lines that a JsonlSink has written, in place of a database
  --session ID    which session, with those that were begun from it; the latest unless given
  --step          waits for Enter after each step; q ends
  --json          one line of JSON for each step
  --all           calls to providers that were answered, too: the answer itself is a step anyway
  --demo          fills a new database with a real run over a recorded session, in which a
                  provider is overloaded, then replays it

Ends with 0 where there was a session to replay, with 1 where the records cannot be read, with 2
where the arguments cannot be used, and with 3 where there is no such session.";

/// Where the records are.
pub(crate) enum Source {
    Database(PathBuf),
    Lines(PathBuf),
}

impl Source {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Database(path) | Self::Lines(path) => path,
        }
    }
}

/// How the steps are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// One by one, as the reader wants them.
    Stepwise,
    Json,
}

/// What is asked for.
pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) session: Option<SessionId>,
    pub(crate) form: Form,
    pub(crate) all: bool,
    pub(crate) demo: bool,
    /// Holds the database of a demo that names none; removed with it.
    _folder: Option<tempfile::TempDir>,
}

impl Options {
    /// `None` where help was asked for.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        let (mut database, mut lines, mut session) = (None, None, None);
        let (mut all, mut demo) = (false, false);
        let mut form = Form::Text;
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("db") => database = Some(PathBuf::from(args.value()?)),
                Long("jsonl") => lines = Some(PathBuf::from(args.value()?)),
                Long("session") => session = Some(SessionId::new(args.value()?.string()?)?),
                Long("step") => form = Form::Stepwise,
                Long("json") => form = Form::Json,
                Long("all") => all = true,
                Long("demo") => demo = true,
                Short('h') | Long("help") => return Ok(None),
                _ => return Err(arg.unexpected().into()),
            }
        }
        if lines.is_some() && (database.is_some() || demo) {
            return Err("--jsonl stands in place of a database; leave out the other".into());
        }
        let mut folder = None;
        let source = match (lines, database) {
            (Some(lines), _) => Source::Lines(lines),
            (None, Some(database)) => Source::Database(database),
            (None, None) if demo => {
                let made = tempfile::tempdir()?;
                let path = made.path().join("telemetry.db");
                folder = Some(made);
                Source::Database(path)
            }
            (None, None) => Source::Database("telemetry.db".into()),
        };
        let path = source.path();
        if demo && path.exists() {
            let shown = path.display();
            return Err(format!("{shown} is there already; name a new file for the demo").into());
        }
        if !demo && !path.exists() {
            let shown = path.display();
            return Err(format!(
                "there is no {shown}; name records with --db or --jsonl, or make some with --demo"
            )
            .into());
        }
        Ok(Some(Self {
            source,
            session,
            form,
            all,
            demo,
            _folder: folder,
        }))
    }
}
