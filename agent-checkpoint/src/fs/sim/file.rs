//! A file of the simulated file system, open.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::disk::Inode;
use super::{Call, Lie, SimFiles};
use crate::fs::FileHandle;

#[derive(Debug)]
pub(super) struct SimFile {
    pub(super) files: SimFiles,
    pub(super) inode: Inode,
    pub(super) id: u64,
}

impl SimFile {
    fn sync(&self) -> io::Result<()> {
        self.files.1.pass();
        let mut live = self.files.live();
        if let Err(error) = live.call(Call::Sync) {
            live.disk.file(self.inode).fail_sync();
            return Err(error);
        }
        if live.lie != Some(Lie::Files) {
            live.disk.file(self.inode).sync();
        }
        live.note();
        Ok(())
    }
}

impl FileHandle for SimFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut live = self.files.live();
        let is_short = live.call(Call::Read)?;
        let now = &live.disk.files[&self.inode].now;
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| now.get(offset..));
        let rest = rest.unwrap_or_default();
        let mut len = rest.len().min(bytes.len());
        if is_short {
            len = len.div_ceil(2);
        }
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.files.1.pass();
        let mut live = self.files.live();
        let is_short = live.call(Call::Grow)?;
        let offset = usize::try_from(offset).unwrap();
        let sector = live.disk.sector;
        let half = &bytes[..bytes.len().div_ceil(2)];
        if is_short || live.is_watched {
            // A process may be killed in the middle of a long write.
            live.disk.file(self.inode).write(offset, half, sector);
            live.note();
        }
        if is_short {
            return Ok(half.len());
        }
        let rest = &bytes[if live.is_watched { half.len() } else { 0 }..];
        live.disk
            .file(self.inode)
            .write(offset + bytes.len() - rest.len(), rest, sector);
        live.note();
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        let mut live = self.files.live();
        live.call(Call::Instant)?;
        Ok(live.disk.files[&self.inode].now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut live = self.files.live();
        let len = usize::try_from(len).unwrap();
        let grows = live.disk.files[&self.inode].now.len() < len;
        live.call(if grows { Call::Grow } else { Call::Change })?;
        let sector = live.disk.sector;
        live.disk.file(self.inode).set_len(len, sector);
        live.note();
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut live = self.files.live();
        if std::mem::take(&mut live.fails_sync) {
            live.disk.file(self.inode).fail_sync();
            live.note();
            return Err(ErrorKind::Other.into());
        }
        drop(live);
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    /// Nobody else runs who could give the lock back.
    fn lock(&self) -> io::Result<()> {
        if self.try_lock()? {
            Ok(())
        } else {
            Err(ErrorKind::Deadlock.into())
        }
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut live = self.files.live();
        live.call(Call::Instant)?;
        let holder = *live.locks.entry(self.inode).or_insert(self.id);
        Ok(holder == self.id)
    }

    fn unlock(&self) -> io::Result<()> {
        self.give_back();
        Ok(())
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let mut live = self.files.live();
        live.call(Call::Look)?;
        Ok(live.find(path).is_ok_and(|inode| inode == self.inode))
    }
}

impl SimFile {
    fn give_back(&self) {
        let mut live = self.files.live();
        if live.locks.get(&self.inode) == Some(&self.id) {
            live.locks.remove(&self.inode);
        }
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.give_back();
    }
}
