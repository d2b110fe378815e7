//! One line of JSON for each message, appended.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::{Log, Sync, TAIL};
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "session.jsonl";
/// Bytes of a step backwards.
const BACKWARDS: u64 = 64 << 10;

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

    /// The length of each line.
    pub(crate) fn list(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let lines = line_lens(&folder.join(NAME)).map_err(Broken::when("list the lines"))?;
        Ok((lines.len(), Box::new(lines)))
    }

    /// The newest messages, [`TAIL`] of them: read backwards until there are enough lines.
    pub(crate) fn read_tail(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let lines = last_lines(&folder.join(NAME)).map_err(Broken::when("read the JSONL file"))?;
        let messages: Vec<Message> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(Broken::when("read the JSONL file"))?;
        Ok((messages.len(), Box::new(messages)))
    }
}

fn line_lens(path: &Path) -> std::io::Result<Vec<usize>> {
    let mut file = BufReader::with_capacity(64 << 10, File::open(path)?);
    let mut lens = Vec::new();
    loop {
        match file.skip_until(b'\n')? {
            0 => return Ok(lens),
            len => lens.push(len),
        }
    }
}

fn last_lines(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut read = Vec::new();
    while start > 0 {
        let step = start.min(BACKWARDS);
        start -= step;
        file.seek(SeekFrom::Start(start))?;
        let mut part = Vec::new();
        (&mut file).take(step).read_to_end(&mut part)?;
        part.append(&mut read);
        read = part;
        let ends = read
            .iter()
            .rev()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        // The last line ends with the first of them; the line before those wanted with the last.
        if let Some((behind, _)) = ends.into_iter().nth(TAIL) {
            return Ok(read.split_off(read.len() - behind));
        }
    }
    Ok(read)
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
