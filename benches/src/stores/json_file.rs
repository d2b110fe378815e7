//! The whole session as one JSON file, replaced at each save: the usual first version of a host.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Log, Sync, sync_folder};
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "session.json";

#[derive(Debug)]
pub(crate) struct JsonFile {
    folder: PathBuf,
    sync: Sync,
    messages: Vec<Message>,
}

impl JsonFile {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        replace(folder, NAME, b"[]", sync).map_err(Broken::when("create the JSON file"))?;
        Ok(Box::new(Self {
            folder: folder.to_owned(),
            sync,
            messages: Vec::new(),
        }))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let text = fs::read(folder.join(NAME)).map_err(Broken::when("read the JSON file"))?;
        let messages: Vec<Message> =
            serde_json::from_slice(&text).map_err(Broken::when("read the JSON file"))?;
        Ok((messages.len(), Box::new(messages)))
    }
}

impl Log for JsonFile {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.messages.extend(messages);
        Ok(())
    }

    /// At once: turn by turn, ten megabytes would take a minute, and leave the same file.
    fn fill(&mut self, turns: Vec<Vec<Message>>) -> Result<(), Broken> {
        self.stage(turns.concat())?;
        self.save()
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.sync = sync;
        sync_folder(&self.folder).map_err(Broken::when("sync the folder"))
    }

    fn save(&mut self) -> Result<(), Broken> {
        let json = serde_json::to_vec(&self.messages).map_err(Broken::when("write the JSON"))?;
        replace(&self.folder, NAME, &json, self.sync).map_err(Broken::when("replace the JSON file"))
    }
}

/// Writes beside the file and renames, so that a crash leaves the old file or the new one.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8], sync: Sync) -> std::io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    if sync == Sync::Synced {
        file.sync_all()?;
    }
    drop(file);
    fs::rename(&beside, folder.join(name))?;
    if sync == Sync::Synced {
        sync_folder(folder)?;
    }
    Ok(())
}
