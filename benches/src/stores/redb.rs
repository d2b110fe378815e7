//! One row for each message in a redb table: JSON, compressed.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use super::{Log, Sync, TAIL};
use crate::harness::Broken;
use crate::session::Message;

pub(super) const NAME: &str = "session.redb";
pub(super) const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("message");
const LEVEL: i32 = 3;
/// More than any message of the sessions that are written here, in bytes.
const MESSAGE_MAX: usize = 16 << 20;

#[derive(Debug)]
pub(crate) struct Redb {
    database: Database,
    sync: Sync,
    staged: Vec<Message>,
    next: u64,
}

impl Redb {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let database =
            Database::create(folder.join(NAME)).map_err(Broken::when("create the database"))?;
        Ok(Box::new(Self {
            database,
            sync,
            staged: Vec::new(),
            next: 0,
        }))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let messages = rows(folder).map_err(Broken::when("read the database"))?;
        Ok((messages.len(), Box::new(messages)))
    }

    /// The newest messages, [`TAIL`] of them.
    pub(crate) fn read_tail(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let messages = newest(folder).map_err(Broken::when("read the database"))?;
        Ok((messages.len(), Box::new(messages)))
    }

    fn insert(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(match self.sync {
            Sync::Buffered => Durability::None,
            Sync::Synced => Durability::Immediate,
        })?;
        {
            let mut table = transaction.open_table(MESSAGES)?;
            for message in self.staged.drain(..) {
                let packed = zstd::bulk::compress(&serde_json::to_vec(&message)?, LEVEL)?;
                table.insert(self.next, packed.as_slice())?;
                self.next += 1;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn rows(folder: &Path) -> Result<Vec<Message>, Box<dyn std::error::Error>> {
    let database = Database::open(folder.join(NAME))?;
    let table = database.begin_read()?.open_table(MESSAGES)?;
    let mut messages = Vec::new();
    for row in table.range(0..)? {
        messages.push(unpacked(row?.1.value())?);
    }
    Ok(messages)
}

fn newest(folder: &Path) -> Result<Vec<Message>, Box<dyn std::error::Error>> {
    let database = Database::open(folder.join(NAME))?;
    let table = database.begin_read()?.open_table(MESSAGES)?;
    let mut messages = Vec::new();
    for row in table.range(0..)?.rev().take(TAIL) {
        messages.push(unpacked(row?.1.value())?);
    }
    messages.reverse();
    Ok(messages)
}

fn unpacked(packed: &[u8]) -> Result<Message, Box<dyn std::error::Error>> {
    let json = zstd::bulk::decompress(packed, MESSAGE_MAX)?;
    Ok(serde_json::from_slice(&json)?)
}

impl Log for Redb {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.staged = messages;
        Ok(())
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.sync = Sync::Synced;
        self.staged.clear();
        self.save()?;
        self.sync = sync;
        Ok(())
    }

    fn save(&mut self) -> Result<(), Broken> {
        self.insert().map_err(Broken::when("insert a row"))
    }
}
