//! The floor of a save: JSON that is ready, written into space that is already there.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{Log, Sync};
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "floor";
/// Zeros are written, not only reserved: space that was never written costs a change of metadata at
/// the first sync.
const SPACE: u64 = 16 << 20;

#[derive(Debug)]
pub(crate) struct InPlace {
    file: File,
    sync: Sync,
    at: u64,
    staged: Vec<u8>,
}

impl InPlace {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let doing = "prepare the file of the floor";
        let mut file = File::create(folder.join(NAME)).map_err(Broken::when(doing))?;
        let zeros = vec![0; 1 << 20];
        for _ in 0..SPACE >> 20 {
            file.write_all(&zeros).map_err(Broken::when(doing))?;
        }
        file.sync_all().map_err(Broken::when(doing))?;
        Ok(Box::new(Self {
            file,
            sync,
            at: 0,
            staged: Vec::new(),
        }))
    }
}

impl Log for InPlace {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.staged.clear();
        for message in &messages {
            serde_json::to_writer(&mut self.staged, message)
                .map_err(Broken::when("write the JSON"))?;
        }
        Ok(())
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.sync = sync;
        self.file.sync_all().map_err(Broken::when("sync the floor"))
    }

    fn save(&mut self) -> Result<(), Broken> {
        let len = u64::try_from(self.staged.len()).unwrap_or(u64::MAX);
        if self.at.saturating_add(len) > SPACE {
            self.at = 0;
        }
        write_at(&self.file, &self.staged, self.at).map_err(Broken::when("write in place"))?;
        self.at += len;
        match self.sync {
            Sync::Buffered => Ok(()),
            Sync::Synced => self
                .file
                .sync_data()
                .map_err(Broken::when("sync the floor")),
        }
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> std::io::Result<()> {
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}
