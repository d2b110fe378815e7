//! The journal's file: written in sequence, begun anew when it is full, its lock held while its process lives.

use std::io;
use std::path::{Path, PathBuf};

use super::record::{RECORD_MAX, Record};
use crate::StoreId;
use crate::fs::{Access, EntryKind, FileHandle, FileSystem, is_absence, read_part, write_all};

const BEGIN: &str = "journal-";
const END: &str = ".ckj";
/// Zeros are written page by page; see the segments.
const ZEROS: [u8; 4 << 10] = [0; 4 << 10];
/// Read at once, in bytes; a record fits in.
const STEP: usize = 256 << 10;
/// A reader looks no further than this, in bytes; no journal is longer.
pub(super) const JOURNAL_MAX: u64 = 16 << 20;

/// An open journal that this process writes to.
#[derive(Debug)]
pub(super) struct Journal {
    file: Box<dyn FileHandle>,
    path: PathBuf,
    seed: u32,
    generation: u64,
    tail: u64,
    /// Its length in bytes.
    room: u64,
}

impl Journal {
    /// A new one, locked; none where another process took it for a left-over.
    pub(super) fn make(
        files: &dyn FileSystem,
        folder: &Path,
        seed: u32,
        room: u64,
    ) -> io::Result<Option<Self>> {
        let path = folder.join(format!("{BEGIN}{}{END}", StoreId::fresh()));
        let file = files.open(&path, Access::CreateNew)?;
        let made = file.try_lock().and_then(|is_locked| {
            let mut at = 0;
            while at < room {
                write_all(&*file, at, &ZEROS)?;
                at = at.saturating_add(wide(ZEROS.len()));
            }
            file.sync_all()?;
            files.sync_folder(folder)?;
            Ok(is_locked && file.is_at(&path)?)
        });
        if !matches!(made, Ok(true)) {
            let _ = files.remove_file(&path);
        }
        let journal = Self {
            file,
            path,
            seed,
            generation: 1,
            tail: 0,
            room,
        };
        Ok(made?.then_some(journal))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn room(&self) -> u64 {
        self.room
    }

    pub(super) fn fits(&self, len: u64) -> bool {
        self.tail.saturating_add(len) <= self.room
    }

    /// Writes the records behind those that are there, and returns when they are on the device.
    pub(super) fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            record.write(self.generation, self.seed, &mut bytes);
        }
        write_all(&*self.file, self.tail, &bytes)?;
        self.file.sync_data()?;
        self.tail = self.tail.saturating_add(wide(bytes.len()));
        Ok(())
    }

    /// What it holds is needed no more: the next record goes to its start.
    pub(super) const fn begin_anew(&mut self) {
        self.generation = self.generation.saturating_add(1);
        self.tail = 0;
    }

    /// As [`begin_anew`](Self::begin_anew), and nobody finds what it held.
    pub(super) fn wipe(&mut self) -> io::Result<()> {
        self.begin_anew();
        write_all(&*self.file, 0, ZEROS.get(..512).unwrap_or_default())?;
        self.file.sync_data()
    }
}

/// The journals in a store's folder, of this process and of others, dead or alive.
pub(super) fn journals(files: &dyn FileSystem, root: &Path) -> io::Result<Vec<PathBuf>> {
    // A pipe of that name would hang whoever reads it.
    let entries = files.list(root)?.into_iter();
    let names = entries.filter_map(|(name, kind)| (kind == EntryKind::File).then_some(name));
    let names = names.filter(|name| is_journal(name));
    Ok(names.map(|name| root.join(name)).collect())
}

/// Whether a file of this name in a store's folder is a journal.
pub(in crate::store::file) fn is_journal(name: &str) -> bool {
    let token = name.strip_prefix(BEGIN).and_then(|n| n.strip_suffix(END));
    token.and_then(StoreId::parse).is_some()
}

/// The records of a journal that are whole, in its first 16 MiB; none where it was removed meanwhile.
pub(super) fn records(
    files: &dyn FileSystem,
    path: &Path,
    seed: u32,
    mut each: impl FnMut(Record),
) -> io::Result<()> {
    let mut bytes: Vec<u8> = Vec::new();
    let (mut offset, mut at, mut known) = (0, 0, None);
    let mut is_whole = false;
    loop {
        if !is_whole && bytes.len().saturating_sub(at) < RECORD_MAX {
            bytes.drain(..at.min(bytes.len()));
            at = 0;
            let more = match read_part(files, path, offset, STEP) {
                Err(e) if is_absence(&e) => return Ok(()),
                more => more?,
            };
            is_whole = more.is_empty() || offset >= JOURNAL_MAX;
            offset = offset.saturating_add(wide(more.len()));
            bytes.extend(more);
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((record, generation, len)) = Record::read(rest, seed) else {
            return Ok(());
        };
        // What follows was written before the journal was last begun anew.
        if *known.get_or_insert(generation) != generation {
            return Ok(());
        }
        at = at.saturating_add(len);
        each(record);
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
