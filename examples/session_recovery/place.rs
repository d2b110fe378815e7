//! The store, and what is named in it.

use std::path::{Path, PathBuf};

use agent_checkpoint::{Checkpoint, Checkpointer, FileStore, Reader, Retention, Store, location};
use agent_primitives::SessionId;

use crate::failure::Failure;

/// What the quickstart leaves.
const LEFT: &str = "target/quickstart";
/// How it calls the store in there.
const CHECKPOINTS: &str = "checkpoints";
/// The file by which a store is known.
const MARK: &str = "FORMAT";

/// A store.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) store: FileStore,
    pub(crate) folder: PathBuf,
}

impl Place {
    /// The store in `dir`, or where one usually is. It must be there.
    pub(crate) fn found(dir: Option<&Path>) -> Result<Self, Failure> {
        let usual = location(Path::new("."), Path::new(LEFT));
        let tried = match dir {
            Some(dir) => vec![dir.to_owned()],
            None => vec![PathBuf::from(LEFT), usual],
        };
        let folders = tried
            .iter()
            .flat_map(|dir| [dir.clone(), dir.join(CHECKPOINTS)]);
        let Some(folder) = folders
            .into_iter()
            .find(|folder| folder.join(MARK).is_file())
        else {
            let tried: Vec<String> = tried.iter().map(|dir| dir.display().to_string()).collect();
            return Err(Failure::nothing(format!(
                "there is no store in {}; name one with --dir, or run the quickstart first",
                tried.join(" or ")
            )));
        };
        Self::open(folder)
    }

    /// As [`found`](Self::found), and made in `dir` where there is none.
    pub(crate) fn made(dir: Option<&Path>) -> Result<Self, Failure> {
        match (Self::found(dir), dir) {
            (Err(_), Some(dir)) => Self::open(dir.to_owned()),
            (found, _) => found,
        }
    }

    fn open(folder: PathBuf) -> Result<Self, Failure> {
        let store = FileStore::open(&folder)?;
        Ok(Self { store, folder })
    }

    pub(crate) fn sessions(&self) -> Result<Vec<SessionId>, Failure> {
        Ok(self.store.sessions()?)
    }

    /// The session of this name, which must be there.
    pub(crate) fn session(&self, name: &str) -> Result<SessionId, Failure> {
        let sessions = self.sessions()?;
        let found = sessions.iter().find(|session| session.as_str() == name);
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let names: Vec<&str> = sessions.iter().map(SessionId::as_str).take(5).collect();
        let there = match names.as_slice() {
            [] => "the store is empty".to_owned(),
            names => format!("there are {}", names.join(", ")),
        };
        Err(Failure::nothing(format!(
            "there is no session {name:?}; {there}"
        )))
    }

    /// A view of the session that takes no lock.
    pub(crate) fn reader(&self, name: &str) -> Result<Reader, Failure> {
        Ok(Reader::open(self.store.clone(), self.session(name)?)?)
    }

    /// The session, for writing.
    pub(crate) fn writer(&self, name: &str) -> Result<Checkpointer, Failure> {
        let session = self.session(name)?;
        // Nothing goes by the way: what the program that writes the session no longer lists can be gone back to.
        let builder = Checkpointer::builder(self.store.clone(), session);
        Ok(builder.retention(Retention::all()).open()?)
    }
}

/// The checkpoint of this id, beginning of an id, or label.
pub(crate) fn checkpoint<'a>(
    list: &'a [Checkpoint],
    name: &str,
) -> Result<&'a Checkpoint, Failure> {
    let by_label = list
        .iter()
        .find(|c| c.labels.iter().any(|label| label == name));
    let by_id = list.iter().find(|c| c.id.as_str() == name);
    // The number before the hash is one word: 1 is not the beginning of 12.
    let number = format!("{name}-");
    let by_number = list.iter().find(|c| c.id.as_str().starts_with(&number));
    if let Some(found) = by_label.or(by_id).or(by_number) {
        return Ok(found);
    }
    let mut begin = list.iter().filter(|c| c.id.as_str().starts_with(name));
    match (begin.next(), begin.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "several checkpoints begin with {name:?}; give more of the id"
        ))),
        _ => Err(Failure::nothing(format!(
            "there is no checkpoint {name:?}; `list SESSION` shows which there are"
        ))),
    }
}

/// The newest of `list`, or the one of this name.
pub(crate) fn newest_or<'a>(
    list: &'a [Checkpoint],
    name: Option<&str>,
) -> Result<&'a Checkpoint, Failure> {
    match name {
        Some(name) => checkpoint(list, name),
        None => list
            .first()
            .ok_or_else(|| Failure::nothing("the session has no checkpoint yet")),
    }
}
