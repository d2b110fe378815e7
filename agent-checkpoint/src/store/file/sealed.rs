//! Segments that are one of two files: as it was appended to, or sealed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::names::{is_unfinished, sealed_name, sealed_of, segment_name};
use super::{failed, folder};
use crate::Error;
use crate::fs::{Access, EntryKind, Facts, FileSystem, read_bounded, write_all};

/// How often a file is looked for that another process may just be replacing.
const TRIES: usize = 3;
/// Files begun so far, which makes their names differ.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Where the segment lies, and what the file is. Where both are there it is the one that was appended to: it
/// holds everything until it goes.
pub(super) fn look(
    files: &dyn FileSystem,
    folder: &Path,
    segment: u32,
) -> io::Result<(PathBuf, Facts)> {
    let mut found = Err(io::ErrorKind::NotFound.into());
    for name in [segment_name(segment), sealed_name(segment)] {
        let path = folder.join(name);
        match files.look(&path) {
            Ok(facts) if facts.kind == EntryKind::File => return Ok((path, facts)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => found = Err(e),
        }
    }
    found
}

/// What `read` makes of the segment's file, wherever it lies.
pub(super) fn read<T>(
    files: &dyn FileSystem,
    folder: &Path,
    segment: u32,
    read: impl Fn(&Path) -> io::Result<T>,
) -> Result<T, Error> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match look(files, folder, segment).and_then(|(path, _)| read(&path)) {
            Ok(done) => return Ok(done),
            // Sealed meanwhile: the other file is there.
            Err(e) if e.kind() == io::ErrorKind::NotFound && tries > 0 => {}
            Err(e) => return Err(failed("reading", &folder.join(segment_name(segment)), e)),
        }
    }
}

/// Puts a sealed segment in the place of what is there: whole and durable, or not at all. `may` is asked
/// last, when nothing is left to do but the renaming.
pub(super) fn replace(
    files: &dyn FileSystem,
    folder: &Path,
    segment: u32,
    bytes: &[u8],
    may: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let path = folder.join(sealed_name(segment));
    // No one else ever has this file open, not even a writer that was thought dead.
    let unfinished = folder.join(format!(
        "{}.{}-{}.tmp",
        sealed_name(segment),
        std::process::id(),
        BEGUN.fetch_add(1, Ordering::Relaxed)
    ));
    let written = files.open(&unfinished, Access::CreateNew).and_then(|file| {
        write_all(&*file, 0, bytes)?;
        file.sync_all()?;
        // What is read now is what was written, or the old file stays.
        if read_bounded(files, &unfinished, bytes.len())? == bytes {
            Ok(())
        } else {
            Err(io::Error::other("it reads back as something else"))
        }
    });
    let replaced = written
        .map_err(|e| failed("writing", &unfinished, e))
        .and_then(|()| may())
        .and_then(|()| {
            let renamed = files.rename(&unfinished, &path);
            renamed.map_err(|e| failed("writing", &path, e))
        });
    if let Err(error) = replaced {
        // Best effort: the next writer removes it.
        let _ = files.remove_file(&unfinished);
        return Err(error);
    }
    folder::sync(files, folder)?;
    // Its space comes back when the next writer opens the session, if not now.
    let _ = files.remove_file(&folder.join(segment_name(segment)));
    Ok(())
}

/// Removes what an interrupted sealing left: unfinished files, and of two files for a segment the one that
/// does not count. For the session's writer alone.
pub(super) fn tidy(
    files: &dyn FileSystem,
    folder: &Path,
    max: usize,
    is_whole: impl Fn(u32, &[u8]) -> bool,
) -> Result<(), Error> {
    let mut has_changed = false;
    for name in folder::names(files, folder)? {
        if is_unfinished(&name) {
            let _ = files.remove_file(&folder.join(&name));
            continue;
        }
        let Some(segment) = sealed_of(&name) else {
            continue;
        };
        let (sealed, plain) = (folder.join(&name), folder.join(segment_name(segment)));
        if !files.exists(&plain) {
            continue;
        }
        let bytes = read_bounded(files, &sealed, max).map_err(|e| failed("reading", &sealed, e))?;
        let doomed = if is_whole(segment, &bytes) {
            // Its name must be on the device before the other goes.
            folder::sync(files, folder)?;
            plain
        } else {
            sealed
        };
        files
            .remove_file(&doomed)
            .map_err(|e| failed("removing", &doomed, e))?;
        has_changed = true;
    }
    if has_changed {
        folder::sync(files, folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::OsFiles;

    fn names(folder: &Path) -> Vec<String> {
        let mut names = folder::names(&OsFiles, folder).unwrap();
        names.sort();
        names
    }

    fn is_good(bytes: &[u8]) -> bool {
        bytes == b"good"
    }

    #[test]
    fn the_sealed_file_takes_the_place_of_the_other() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        std::fs::write(folder.join("seg-000001.ckl"), b"old").unwrap();
        let read_one = || read(&OsFiles, folder, 1, |path| std::fs::read(path)).unwrap();
        assert_eq!(read_one(), b"old");
        replace(&OsFiles, folder, 1, b"good", || Ok(())).unwrap();
        assert_eq!(names(folder), ["seg-000001.ckz"]);
        assert_eq!(read_one(), b"good");
        replace(&OsFiles, folder, 1, b"better", || Ok(())).unwrap();
        assert_eq!(read_one(), b"better");
        let refused = replace(&OsFiles, folder, 1, b"bad", || Err(Error::poisoned()));
        assert!(refused.unwrap_err().is_poisoned());
        assert_eq!(names(folder), ["seg-000001.ckz"]);
        assert_eq!(read_one(), b"better");
        let missing = read(&OsFiles, folder, 2, |path| std::fs::read(path));
        assert!(missing.unwrap_err().is_unavailable());
    }

    #[test]
    fn of_two_files_the_whole_one_counts_and_the_other_goes() {
        for (content, read_back, left) in [
            (&b"good"[..], &b"good"[..], "seg-000001.ckz"),
            (b"half", b"old", "seg-000001.ckl"),
        ] {
            let temporary = tempfile::tempdir().unwrap();
            let folder = temporary.path();
            std::fs::write(folder.join("seg-000001.ckl"), b"old").unwrap();
            std::fs::write(folder.join("seg-000001.ckz"), content).unwrap();
            std::fs::write(folder.join("seg-000002.ckz"), b"alone").unwrap();
            for name in [
                "seg-000001.ckz.12-0.tmp",
                "seg-000001.ckz.x.tmp",
                "mine.tmp",
            ] {
                std::fs::write(folder.join(name), b"half").unwrap();
            }
            let read_one = || read(&OsFiles, folder, 1, |path| std::fs::read(path)).unwrap();
            assert_eq!(read_one(), b"old");
            tidy(&OsFiles, folder, 9, |_, bytes| is_good(bytes)).unwrap();
            assert_eq!(
                names(folder),
                ["mine.tmp", left, "seg-000001.ckz.x.tmp", "seg-000002.ckz"]
            );
            assert_eq!(read_one(), read_back);
        }
    }
}
