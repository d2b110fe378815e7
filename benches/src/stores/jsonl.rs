//! One line of JSON for each message, appended.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::{Log, Sync};
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "session.jsonl";

#[derive(Debug)]
pub(crate) struct Jsonl {
    file: File,
    sync: Sync,
    staged: Vec<Message>,
    lines: Vec<u8>,
}

impl Jsonl {
    pub(crate) fn create(folder: &Path, sync: Sync) -> Result<Box<dyn Log>, Broken> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(NAME))
            .map_err(Broken::when("create the JSONL file"))?;
        Ok(Box::new(Self {
            file,
            sync,
            staged: Vec::new(),
            lines: Vec::new(),
        }))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let text = fs::read(folder.join(NAME)).map_err(Broken::when("read the JSONL file"))?;
        let messages: Vec<Message> = serde_json::Deserializer::from_slice(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(Broken::when("read the JSONL file"))?;
        Ok((messages.len(), Box::new(messages)))
    }
}

impl Log for Jsonl {
    fn stage(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        self.staged = messages;
        Ok(())
    }

    fn sync_from_now(&mut self, sync: Sync) -> Result<(), Broken> {
        self.sync = sync;
        self.file.sync_all().map_err(Broken::when("sync the lines"))
    }

    fn save(&mut self) -> Result<(), Broken> {
        self.lines.clear();
        for message in &self.staged {
            serde_json::to_writer(&mut self.lines, message)
                .map_err(Broken::when("write a line"))?;
            self.lines.push(b'\n');
        }
        let written = self.file.write_all(&self.lines);
        written.map_err(Broken::when("write a line"))?;
        match self.sync {
            Sync::Buffered => Ok(()),
            Sync::Synced => self.file.sync_data().map_err(Broken::when("sync a line")),
        }
    }
}
