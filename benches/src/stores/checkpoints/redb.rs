//! A table of messages, one of entries and one of states, compressed.

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Entry, Saved};
use crate::harness::Broken;

const NAME: &str = "session.redb";
const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("message");
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("checkpoint");
const STATES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("state");
const LEVEL: i32 = 3;

pub(crate) struct RedbPoints;

impl RedbPoints {
    pub(crate) fn write(folder: &Path, saved: &[Saved]) -> Result<(), Broken> {
        write(folder, saved).map_err(Broken::when("write the tables"))
    }

    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let entries = entries(folder).map_err(Broken::when("list the table"))?;
        Ok((entries.len(), Box::new(entries)))
    }

    pub(crate) fn prune(folder: &Path, kept: u64) -> Result<(), Broken> {
        prune(folder, kept).map_err(Broken::when("prune the tables"))
    }
}

type Failure = Box<dyn std::error::Error>;

fn write(folder: &Path, saved: &[Saved]) -> Result<(), Failure> {
    let database = Database::create(folder.join(NAME))?;
    let mut left = saved.len();
    for saved in saved {
        left -= 1;
        let mut transaction = database.begin_write()?;
        transaction.set_durability(if left == 0 {
            Durability::Immediate
        } else {
            Durability::None
        })?;
        {
            let number = saved.entry.number;
            let message = zstd::bulk::compress(&serde_json::to_vec(&saved.message)?, LEVEL)?;
            transaction
                .open_table(MESSAGES)?
                .insert(number, message.as_slice())?;
            let state = zstd::bulk::compress(saved.state.as_bytes(), LEVEL)?;
            transaction
                .open_table(STATES)?
                .insert(number, state.as_slice())?;
            let entry = serde_json::to_vec(&saved.entry)?;
            transaction
                .open_table(ENTRIES)?
                .insert(number, entry.as_slice())?;
        }
        transaction.commit()?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<Entry>, Failure> {
    let database = Database::open(folder.join(NAME))?;
    let table = database.begin_read()?.open_table(ENTRIES)?;
    let mut entries = Vec::new();
    for row in table.range(0..)?.rev() {
        entries.push(serde_json::from_slice(row?.1.value())?);
    }
    Ok(entries)
}

fn prune(folder: &Path, kept: u64) -> Result<(), Failure> {
    let mut database = Database::open(folder.join(NAME))?;
    let transaction = database.begin_write()?;
    {
        let mut entries = transaction.open_table(ENTRIES)?;
        let next = entries.last()?.map_or(0, |(number, _)| number.value() + 1);
        let from = next.saturating_sub(kept);
        entries.retain_in(..from, |_, _| false)?;
        transaction
            .open_table(STATES)?
            .retain_in(..from, |_, _| false)?;
    }
    transaction.commit()?;
    database.compact()?;
    Ok(())
}
