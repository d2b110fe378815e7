//! The whole session as one compressed JSON file. Only read here: written at each turn it costs what
//! the plain file does and the compression of everything on top.

use std::fs;
use std::path::Path;

use super::Sync;
use super::json_file::replace;
use crate::harness::Broken;
use crate::session::Message;

const NAME: &str = "session.json.zst";
/// The level that zstd calls its default.
const LEVEL: i32 = 3;

#[derive(Debug)]
pub(crate) struct SnapshotFile;

impl SnapshotFile {
    pub(crate) fn write(folder: &Path, messages: &[Message]) -> Result<(), Broken> {
        let doing = "write the snapshot";
        let json = serde_json::to_vec(messages).map_err(Broken::when(doing))?;
        let packed = zstd::bulk::compress(&json, LEVEL).map_err(Broken::when(doing))?;
        replace(folder, NAME, &packed, Sync::Synced).map_err(Broken::when(doing))
    }

    pub(crate) fn read(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        let json = Self::unpacked(folder)?;
        let messages: Vec<Message> =
            serde_json::from_slice(&json).map_err(Broken::when("read the snapshot"))?;
        Ok((messages.len(), Box::new(messages)))
    }

    /// Reads and decompresses, without making messages of it: the floor of a compressed restore.
    pub(crate) fn unpack(folder: &Path) -> Result<(usize, Box<dyn std::any::Any>), Broken> {
        Ok((0, Box::new(Self::unpacked(folder)?)))
    }

    fn unpacked(folder: &Path) -> Result<Vec<u8>, Broken> {
        let doing = "unpack the snapshot";
        let packed = fs::read(folder.join(NAME)).map_err(Broken::when(doing))?;
        let len = zstd::zstd_safe::get_frame_content_size(&packed)
            .ok()
            .flatten()
            .and_then(|len| usize::try_from(len).ok())
            .ok_or_else(|| Broken::new(doing, "its length is not in it"))?;
        zstd::bulk::decompress(&packed, len).map_err(Broken::when(doing))
    }
}
