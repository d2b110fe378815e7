//! A second session that begins with what the first one holds, durable when it is made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use agent_checkpoint::{Checkpointer, FileStore, Resume, Store};
use agent_primitives::{CheckpointId, SessionId};
use redb::{Database, ReadableDatabase, TableDefinition};
use rusqlite::Connection;

use super::{Sync, TAIL, sqlite, sync_folder};
use crate::harness::Broken;

const FORKING: &str = "fork the session";
const FORGETTING: &str = "remove the fork";
const FORK: &str = "fork";

/// A session in a folder that is forked again and again.
pub(crate) trait Forking {
    fn fork(&mut self) -> Result<(), Broken>;
    /// Removes what [`fork`](Self::fork) made, if there is any.
    fn forget(&mut self) -> Result<(), Broken>;
}

/// Takes over a session that was written and closed.
pub(crate) type Fork = fn(&Path) -> Result<Box<dyn Forking>, Broken>;

/// Ours, with the fork's whole history in memory.
pub(crate) fn ours_whole(folder: &Path) -> Result<Box<dyn Forking>, Broken> {
    Ok(Box::new(OurFork::new(folder, Resume::Whole)?))
}

/// Ours, with the end of the fork's history in memory.
pub(crate) fn ours_resumed(folder: &Path) -> Result<Box<dyn Forking>, Broken> {
    Ok(Box::new(OurFork::new(folder, Resume::Last(TAIL))?))
}

struct OurFork {
    store: FileStore,
    parent: Checkpointer,
    latest: CheckpointId,
    resume: Resume,
    child: Option<Checkpointer>,
}

impl OurFork {
    fn new(folder: &Path, resume: Resume) -> Result<Self, Broken> {
        let store = FileStore::open(folder).map_err(Broken::when(FORKING))?;
        let id = SessionId::new(super::ours::NAME).map_err(Broken::when(FORKING))?;
        let parent = Checkpointer::builder(store.clone(), id)
            .open()
            .map_err(Broken::when(FORKING))?;
        let latest = parent.latest();
        let latest = latest.ok_or_else(|| Broken::new(FORKING, "it has no checkpoint"))?;
        Ok(Self {
            store,
            parent,
            latest: latest.id,
            resume,
            child: None,
        })
    }
}

impl Forking for OurFork {
    fn fork(&mut self) -> Result<(), Broken> {
        let id = SessionId::new(FORK).map_err(Broken::when(FORKING))?;
        let child = Checkpointer::builder(self.store.clone(), id)
            .fork_of(self.parent.session().clone(), self.latest.clone())
            .resume(self.resume)
            .open()
            .map_err(Broken::when(FORKING))?;
        self.child = Some(child);
        Ok(())
    }

    fn forget(&mut self) -> Result<(), Broken> {
        if let Some(child) = self.child.take() {
            let id = child.session().clone();
            drop(child);
            self.store.remove(&id).map_err(Broken::when(FORGETTING))?;
        }
        Ok(())
    }
}

/// A store that is one file.
pub(crate) fn copied(folder: &Path) -> Result<Box<dyn Forking>, Broken> {
    let doing = "find the file of the session";
    let files = super::files(folder).map_err(Broken::when(doing))?;
    let [from] = files.as_slice() else {
        return Err(Broken::new(doing, format!("there are {}", files.len())));
    };
    let from = from.clone();
    let to = folder.join(FORK);
    Ok(Box::new(Copied { from, to }))
}

struct Copied {
    from: PathBuf,
    to: PathBuf,
}

impl Forking for Copied {
    fn fork(&mut self) -> Result<(), Broken> {
        let copy = || -> std::io::Result<()> {
            fs::copy(&self.from, &self.to)?;
            File::open(&self.to)?.sync_all()?;
            sync_folder(self.to.parent().unwrap_or(Path::new(".")))
        };
        copy().map_err(Broken::when(FORKING))
    }

    fn forget(&mut self) -> Result<(), Broken> {
        if self.to.exists() {
            fs::remove_file(&self.to).map_err(Broken::when(FORGETTING))?;
        }
        Ok(())
    }
}

/// Rows of JSON, copied within the database.
pub(crate) fn sqlite_rows(folder: &Path) -> Result<Box<dyn Forking>, Broken> {
    let connection = sqlite::open(folder, Sync::Synced).map_err(Broken::when(FORKING))?;
    Ok(Box::new(SqliteRows { connection }))
}

struct SqliteRows {
    connection: Connection,
}

impl Forking for SqliteRows {
    fn fork(&mut self) -> Result<(), Broken> {
        self.connection
            .execute_batch(
                "BEGIN;
                 CREATE TABLE fork (number INTEGER PRIMARY KEY, json TEXT NOT NULL);
                 INSERT INTO fork SELECT * FROM message;
                 COMMIT;",
            )
            .map_err(Broken::when(FORKING))
    }

    fn forget(&mut self) -> Result<(), Broken> {
        self.connection
            .execute_batch("DROP TABLE IF EXISTS fork; PRAGMA wal_checkpoint(TRUNCATE);")
            .map_err(Broken::when(FORGETTING))
    }
}

/// Compressed rows, copied within the database.
pub(crate) fn redb_rows(folder: &Path) -> Result<Box<dyn Forking>, Broken> {
    let path = folder.join(super::redb::NAME);
    let database = Database::open(path).map_err(Broken::when(FORKING))?;
    Ok(Box::new(RedbRows { database }))
}

struct RedbRows {
    database: Database,
}

const COPY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new(FORK);

impl RedbRows {
    fn copy(&self) -> Result<(), Box<dyn std::error::Error>> {
        let messages = self.database.begin_read()?;
        let messages = messages.open_table(super::redb::MESSAGES)?;
        let transaction = self.database.begin_write()?;
        {
            let mut copy = transaction.open_table(COPY)?;
            for row in messages.range(0..)? {
                let (number, message) = row?;
                copy.insert(number.value(), message.value())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn drop_copy(&self) -> Result<(), Box<dyn std::error::Error>> {
        let transaction = self.database.begin_write()?;
        transaction.delete_table(COPY)?;
        Ok(transaction.commit()?)
    }
}

impl Forking for RedbRows {
    fn fork(&mut self) -> Result<(), Broken> {
        self.copy().map_err(Broken::when(FORKING))
    }

    fn forget(&mut self) -> Result<(), Broken> {
        self.drop_copy().map_err(Broken::when(FORGETTING))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Create, JsonFile, Jsonl, Ours, Redb, Sqlite};
    use super::*;
    use crate::session::Source;

    #[test]
    fn a_fork_holds_what_the_session_holds_and_may_be_made_again() {
        let stores: [(Create, Fork); 6] = [
            (Ours::create, ours_whole),
            (Ours::create, ours_resumed),
            (JsonFile::create, copied),
            (Jsonl::create, copied),
            (Sqlite::create, sqlite_rows),
            (Redb::create, redb_rows),
        ];
        let turns = Source::new(7).turns(40_000).unwrap();
        for (create, fork) in stores {
            let folder = tempfile::tempdir().unwrap();
            create(folder.path(), Sync::Buffered)
                .unwrap()
                .fill(turns.clone())
                .unwrap();
            let mut forking = fork(folder.path()).unwrap();
            for _ in 0..2 {
                forking.forget().unwrap();
                forking.fork().unwrap();
            }
        }
    }

    #[test]
    fn our_fork_has_every_message() {
        let folder = tempfile::tempdir().unwrap();
        let turns = Source::new(7).turns(40_000).unwrap();
        Ours::create(folder.path(), Sync::Buffered)
            .unwrap()
            .fill(turns.clone())
            .unwrap();
        let mut fork = OurFork::new(folder.path(), Resume::Whole).unwrap();
        fork.fork().unwrap();
        let child = fork.child.unwrap();
        assert_eq!(child.history().len(), turns.concat().len());
        assert_eq!(child.history(), fork.parent.history());
    }
}
