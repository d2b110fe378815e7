//! A file system in memory that loses, tears and reorders what was not synced, and fails on demand.

mod disk;
mod file;
mod turns;

pub(crate) use disk::Disk;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Access, EntryKind, Facts, FileHandle, FileSystem};
use disk::{Inode, ROOT};
use file::SimFile;
use turns::Turns;

/// How operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The device does not answer; whatever was to be synced is given up.
    Io,
    /// Nothing can be made or made longer; a sync may find that as well.
    Full,
    /// Nothing can be changed.
    ReadOnly,
    /// Nothing can be opened, listed, made or removed.
    Denied,
    /// Half of what is to be written or read.
    Short,
    /// A signal came first.
    Interrupted,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] = [
        Self::Io,
        Self::Full,
        Self::ReadOnly,
        Self::Denied,
        Self::Short,
        Self::Interrupted,
    ];

    fn error(self, call: Call) -> Option<io::Error> {
        use Call::{Change, Grow, Look, Make, Open, Read, Sync};
        let kind = match (self, call) {
            (Self::Io, _) => return Some(io::Error::other("input/output error")),
            (Self::Full, Grow | Make | Sync) => ErrorKind::StorageFull,
            (Self::ReadOnly, Grow | Make | Change) => ErrorKind::ReadOnlyFilesystem,
            (Self::Denied, Open | Make | Change | Look) => ErrorKind::PermissionDenied,
            (Self::Interrupted, Grow | Read) => ErrorKind::Interrupted,
            _ => return None,
        };
        Some(kind.into())
    }
}

/// What kind of thing an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Look,
    Read,
    /// Writes, or makes a file longer.
    Grow,
    /// A new name.
    Make,
    /// Removes, renames, cuts.
    Change,
    Sync,
    /// Waits for nothing, so that no signal comes first.
    Instant,
}

/// The disk after an operation, and what the one who watches knew then.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) mark: usize,
    pub(crate) disk: Disk,
}

/// A sync that says it is done, and does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    Files,
    Folders,
}

#[derive(Debug)]
struct Live {
    disk: Disk,
    /// Operations so far.
    calls: u64,
    fault: Option<(Range<u64>, Fault)>,
    hits: u64,
    lie: Option<Lie>,
    /// The next sync of a file's bytes fails.
    fails_sync: bool,
    locks: BTreeMap<Inode, u64>,
    handles: u64,
    mark: usize,
    is_watched: bool,
    moments: Vec<Moment>,
}

impl Live {
    /// Counts an operation; its error when it is to fail.
    fn call(&mut self, call: Call) -> io::Result<bool> {
        let number = self.calls;
        self.calls += 1;
        let Some((range, fault)) = &self.fault else {
            return Ok(false);
        };
        if !range.contains(&number) {
            return Ok(false);
        }
        let is_short = *fault == Fault::Short && matches!(call, Call::Read | Call::Grow);
        let error = fault.error(call);
        self.hits += u64::from(is_short || error.is_some());
        error.map_or(Ok(is_short), Err)
    }

    fn note(&mut self) {
        if self.is_watched {
            self.moments.push(Moment {
                mark: self.mark,
                disk: self.disk.clone(),
            });
        }
    }

    /// The folder that `path` stands in, and its name there.
    fn parent(&self, path: &Path) -> io::Result<(Inode, String)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or(ErrorKind::InvalidInput)?.to_owned();
        let folder = self.find(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        Ok((folder, name))
    }

    fn find(&self, path: &Path) -> io::Result<Inode> {
        let mut at = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let folder = self.disk.folders.get(&at).ok_or(ErrorKind::NotADirectory)?;
                let name = name.to_str().ok_or(ErrorKind::InvalidInput)?;
                at = *folder.now.get(name).ok_or(ErrorKind::NotFound)?;
            }
        }
        Ok(at)
    }

    fn file(&self, path: &Path) -> io::Result<Inode> {
        let inode = self.find(path)?;
        let is_file = self.disk.files.contains_key(&inode);
        if is_file {
            Ok(inode)
        } else {
            Err(ErrorKind::IsADirectory.into())
        }
    }

    fn remove(&mut self, folder: Inode) -> io::Result<()> {
        let names = self.disk.folders[&folder].now.clone();
        for (name, inode) in names {
            if self.disk.folders.contains_key(&inode) {
                self.remove(inode)?;
            }
            self.call(Call::Change)?;
            self.disk.rename(vec![(folder, name, None)]);
            self.note();
        }
        Ok(())
    }
}

/// The file system; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct SimFiles(Arc<Mutex<Live>>, Arc<Turns>);

impl SimFiles {
    /// Nothing on it, with sectors of this many bytes.
    pub(crate) fn new(sector: usize) -> Self {
        Self::from_disk(Disk::new(sector))
    }

    pub(crate) fn from_disk(disk: Disk) -> Self {
        let live = Live {
            disk,
            calls: 0,
            fault: None,
            hits: 0,
            lie: None,
            fails_sync: false,
            locks: BTreeMap::new(),
            handles: 0,
            mark: 0,
            is_watched: false,
            moments: Vec::new(),
        };
        Self(Arc::new(Mutex::new(live)), Arc::default())
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap()
    }

    /// Keeps the disk after each operation from here on.
    pub(crate) fn watch(&self) {
        let mut live = self.live();
        live.is_watched = true;
        live.note();
    }

    /// What whoever uses it knows from here on, as a number of their own.
    pub(crate) fn mark(&self, mark: usize) {
        let mut live = self.live();
        live.mark = mark;
        live.note();
    }

    /// The disks kept since [`watch`](Self::watch).
    pub(crate) fn moments(&self) -> Vec<Moment> {
        std::mem::take(&mut self.live().moments)
    }

    pub(crate) fn disk(&self) -> Disk {
        self.live().disk.clone()
    }

    /// Operations so far.
    pub(crate) fn calls(&self) -> u64 {
        self.live().calls
    }

    /// The operations with these numbers fail so, where they can.
    pub(crate) fn fail(&self, calls: Range<u64>, fault: Fault) {
        self.live().fault = Some((calls, fault));
    }

    /// Syncs do nothing from here on, which whoever relies on them must notice.
    pub(crate) fn lie(&self, lie: Lie) {
        self.live().lie = Some(lie);
    }

    /// The next sync of a file's bytes fails, once.
    pub(crate) fn fail_next_sync(&self) {
        self.live().fails_sync = true;
    }

    /// From here on the thread that seals does no more than it is [let](Self::let_seal); or else all that it wants.
    pub(crate) fn hold_sealing(&self, is_held: bool) {
        self.1.hold(is_held);
    }

    /// The thread that seals may do this many operations more.
    pub(crate) fn let_seal(&self, operations: usize) {
        self.1.give(operations);
    }

    /// Whether the thread that seals has done what it may, and wants to go on.
    pub(crate) fn is_sealing_held(&self) -> bool {
        self.1.is_waiting()
    }

    /// No operation fails any more; how many did.
    pub(crate) fn heal(&self) -> u64 {
        let mut live = self.live();
        live.fault = None;
        live.fails_sync = false;
        std::mem::take(&mut live.hits)
    }
}

impl FileSystem for SimFiles {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        self.1.pass();
        let mut live = self.live();
        let found = live.file(path);
        let makes = found.is_err() && !matches!(access, Access::Read | Access::Write);
        live.call(if makes { Call::Make } else { Call::Open })?;
        let inode = match (found, access) {
            (Ok(_), Access::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Ok(inode), _) => inode,
            (Err(error), _) if error.kind() != ErrorKind::NotFound || !makes => return Err(error),
            (Err(_), _) => {
                let (folder, name) = live.parent(path)?;
                let inode = live.disk.new_file();
                live.disk.rename(vec![(folder, name, Some(inode))]);
                inode
            }
        };
        if access == Access::Replace {
            let sector = live.disk.sector;
            live.disk.file(inode).set_len(0, sector);
        }
        if makes || access == Access::Replace {
            live.note();
        }
        live.handles += 1;
        let id = live.handles;
        Ok(Box::new(SimFile {
            files: self.clone(),
            inode,
            id,
        }))
    }

    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        let mut live = self.live();
        let missing: Vec<&Path> = folder.ancestors().collect();
        for folder in missing.into_iter().rev() {
            if live.find(folder).is_err() {
                live.call(Call::Make)?;
                let (above, name) = live.parent(folder)?;
                let inode = live.disk.new_folder();
                live.disk.rename(vec![(above, name, Some(inode))]);
                live.note();
            }
        }
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.1.pass();
        let mut live = self.live();
        live.call(Call::Look)?;
        let folder = live.find(folder)?;
        let names = &live
            .disk
            .folders
            .get(&folder)
            .ok_or(ErrorKind::NotADirectory)?
            .now;
        let kind = |inode| {
            if live.disk.files.contains_key(inode) {
                EntryKind::File
            } else {
                EntryKind::Folder
            }
        };
        Ok(names
            .iter()
            .map(|(name, inode)| (name.clone(), kind(inode)))
            .collect())
    }

    fn look(&self, path: &Path) -> io::Result<Facts> {
        self.1.pass();
        let mut live = self.live();
        live.call(Call::Look)?;
        let inode = live.find(path)?;
        Ok(live.disk.files.get(&inode).map_or(
            Facts {
                kind: EntryKind::Folder,
                len: 0,
            },
            |content| Facts {
                kind: EntryKind::File,
                len: content.now.len() as u64,
            },
        ))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.1.pass();
        let mut live = self.live();
        live.call(Call::Change)?;
        let inode = live.find(from)?;
        let ((source, old), (target, new)) = (live.parent(from)?, live.parent(to)?);
        live.disk
            .rename(vec![(source, old, None), (target, new, Some(inode))]);
        live.note();
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut live = self.live();
        live.call(Call::Make)?;
        let inode = live.file(from)?;
        if live.find(to).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let (folder, name) = live.parent(to)?;
        live.disk.rename(vec![(folder, name, Some(inode))]);
        live.note();
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.1.pass();
        let mut live = self.live();
        live.call(Call::Change)?;
        live.file(path)?;
        let (folder, name) = live.parent(path)?;
        live.disk.rename(vec![(folder, name, None)]);
        live.note();
        Ok(())
    }

    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        let mut live = self.live();
        let inode = live.find(folder)?;
        live.remove(inode)?;
        live.call(Call::Change)?;
        let (above, name) = live.parent(folder)?;
        live.disk.rename(vec![(above, name, None)]);
        live.note();
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.1.pass();
        let mut live = self.live();
        live.call(Call::Sync)?;
        let folder = live.find(folder)?;
        if live.lie != Some(Lie::Folders) {
            live.disk.sync_folder(folder);
        }
        live.note();
        Ok(())
    }
}
