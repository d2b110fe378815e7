//! The file system of the machine.

use std::fs::{DirBuilder, File, FileType, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::{Access, EntryKind, Facts, FileHandle, FileSystem, Obstacle, is_absence};
#[cfg(unix)]
use super::{Others, Standing};

/// The files of the machine, through the standard library.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OsFiles;

impl FileSystem for OsFiles {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(open_plain(path, access)?))
    }

    fn is_link(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink())
    }

    #[cfg(unix)]
    fn others(&self, path: &Path) -> io::Result<Others> {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)?.permissions().mode();
        Ok(Others {
            may_enter: mode & 0o077 != 0,
            // In a folder with the sticky bit nobody moves what is another one's.
            may_replace: mode & 0o022 != 0 && mode & 0o1000 == 0,
        })
    }

    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = kind_of(entry.file_type()?);
            found.extend(entry.file_name().into_string().map(|name| (name, kind)));
        }
        Ok(found)
    }

    fn look(&self, path: &Path) -> io::Result<Facts> {
        let metadata = std::fs::metadata(path)?;
        Ok(Facts {
            kind: kind_of(metadata.file_type()),
            len: metadata.len(),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(folder)
    }

    /// Only Unix has a way to ask for it.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) {
            let here = folder.as_os_str().is_empty();
            File::open(if here { Path::new(".") } else { folder })?.sync_all()?;
        }
        Ok(())
    }
}

/// How often a file is opened that somebody else replaces meanwhile.
const TRIES: usize = 16;

/// Looks before it opens, since to open a pipe waits for its other end; makes a file only where there is nothing, which
/// follows no link; and looks again whether it opened what it had looked at, before a byte of it is touched.
fn open_plain(path: &Path, access: Access) -> io::Result<File> {
    let makes = !matches!(access, Access::Read | Access::Write);
    for _ in 0..TRIES {
        let there = match std::fs::symlink_metadata(path) {
            Err(error) if makes && error.kind() == io::ErrorKind::NotFound => None,
            there => Some(there?),
        };
        let mut options = OpenOptions::new();
        options.read(access != Access::Replace);
        options.write(access != Access::Read);
        if let Some(there) = &there {
            obstacle(there.file_type()).map_or(Ok(()), Err)?;
            if access == Access::CreateNew {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
        } else {
            options.create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let file = match options.open(path) {
            Err(error) if is_outrun(&error, there.is_some(), access) => continue,
            opened => opened?,
        };
        match &there {
            Some(there) if !is_same(&file.metadata()?, there) => continue,
            Some(_) if access == Access::Replace => file.set_len(0)?,
            _ => {}
        }
        return Ok(file);
    }
    Err(io::Error::other("it is replaced again and again"))
}

/// Whether what was seen there came or went before it could be opened.
fn is_outrun(error: &io::Error, was_there: bool, access: Access) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound => was_there,
        io::ErrorKind::AlreadyExists => !was_there && access != Access::CreateNew,
        _ => false,
    }
}

fn obstacle(found: FileType) -> Option<io::Error> {
    let what = if found.is_symlink() {
        "a symbolic link"
    } else if found.is_dir() {
        "a folder"
    } else if !found.is_file() {
        "a pipe, a socket or a device"
    } else {
        return None;
    };
    Some(Obstacle(what).into())
}

#[cfg(unix)]
fn is_same(opened: &Metadata, there: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (opened.dev(), opened.ino()) == (there.dev(), there.ino())
}

/// Elsewhere the standard library gives files no number.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn kind_of(found: FileType) -> EntryKind {
    if found.is_file() {
        EntryKind::File
    } else if found.is_dir() {
        EntryKind::Folder
    } else {
        EntryKind::Other
    }
}

impl FileHandle for File {
    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut file = self;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        io::Read::read(&mut file, bytes)
    }

    #[cfg(not(unix))]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        io::Write::write(&mut file, bytes)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn standing(&self) -> io::Result<Option<Standing>> {
        use std::os::unix::fs::MetadataExt;
        let found = self.metadata()?;
        Ok(Some(Standing {
            len: found.len(),
            has_name: found.nlink() > 0,
        }))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        // fdatasync where there is one: it includes the length when that changed.
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }

    fn lock(&self) -> io::Result<()> {
        Self::lock(self)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match Self::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        Self::unlock(self)
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let there = match std::fs::symlink_metadata(path) {
            Err(error) if is_absence(&error) => return Ok(false),
            there => there?,
        };
        Ok(is_same(&self.metadata()?, &there))
    }

    /// Elsewhere an open file cannot be removed.
    #[cfg(not(unix))]
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Brief;
    use super::*;

    fn open(path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        OsFiles.open(path, access)
    }

    #[test]
    fn a_lock_is_held_by_one_open_file_and_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = open(&path, Access::Create).unwrap();
        let second = open(&path, Access::Create).unwrap();
        assert!(first.try_lock().unwrap());
        assert!(!second.try_lock().unwrap());
        drop(first);
        assert!(second.try_lock().unwrap());
    }

    #[test]
    fn a_lock_of_a_moment_goes_though_a_child_has_the_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let is_free = || open(&path, Access::Create).unwrap().try_lock().unwrap();
        let file = open_plain(&path, Access::Create).unwrap();
        // As a child has it.
        let copy = file.try_clone().unwrap();
        let brief = Brief(Box::new(file));
        assert!(brief.try_lock().unwrap());
        assert!(!is_free());
        drop(brief);
        assert!(is_free());
        assert!(FileHandle::try_lock(&copy).unwrap());
        assert!(!is_free(), "one that lasts");
    }

    #[test]
    fn a_removed_file_is_not_what_lies_at_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let old = open(&path, Access::Create).unwrap();
        assert!(old.is_at(&path).unwrap());
        OsFiles.remove_file(&path).unwrap();
        assert!(!old.is_at(&path).unwrap());
        let new = open(&path, Access::CreateNew).unwrap();
        assert!(new.is_at(&path).unwrap());
        assert!(cfg!(windows) || !old.is_at(&path).unwrap());
    }

    #[test]
    fn files_are_opened_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for missing in [Access::Read, Access::Write] {
            let error = open(&path, missing).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{missing:?}");
        }
        let file = open(&path, Access::CreateNew).unwrap();
        assert_eq!(file.write_at(2, b"cd").unwrap(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"\0\0cd");
        let taken = open(&path, Access::CreateNew).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        open(&path, Access::Create).unwrap();
        let file = open(&path, Access::Write).unwrap();
        let mut bytes = [9; 3];
        assert_eq!(
            (file.len().unwrap(), file.read_at(3, &mut bytes).unwrap()),
            (4, 1)
        );
        assert_eq!(bytes, [b'd', 9, 9]);
        open(&path, Access::Replace).unwrap();
        assert_eq!(file.len().unwrap(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "mine").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nothing"), at("dangling")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        for (name, what) in [
            ("link", "a symbolic link"),
            ("dangling", "a symbolic link"),
            ("folder", "a folder"),
        ] {
            for access in [
                Access::Read,
                Access::Write,
                Access::Create,
                Access::CreateNew,
                Access::Replace,
            ] {
                let error = open(&at(name), access).unwrap_err();
                let said = format!("this is {what} and no file");
                assert_eq!(error.to_string(), said, "{name}, {access:?}");
            }
        }
        assert_eq!(std::fs::read(at("file")).unwrap(), b"mine");
        assert!(!at("nothing").exists());
    }

    #[test]
    fn names_are_listed_with_their_kinds_and_links_are_neither_file_nor_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        OsFiles.make_folders(&at("b/c")).unwrap();
        std::fs::write(at("a"), "1").unwrap();
        OsFiles.hard_link(&at("a"), &at("b/a")).unwrap();
        OsFiles.rename(&at("a"), &at("d")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("d"), at("e")).unwrap();
        let mut listed = OsFiles.list(folder.path()).unwrap();
        listed.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("b", EntryKind::Folder),
            ("d", EntryKind::File),
            ("e", EntryKind::Other),
        ];
        let known = if cfg!(unix) { 3 } else { 2 };
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind));
        assert_eq!(listed, expected[..known]);
        assert_eq!(
            OsFiles.look(&at("b/a")).unwrap(),
            Facts {
                kind: EntryKind::File,
                len: 1
            }
        );
        assert!(OsFiles.is_folder(&at("b")) && !OsFiles.is_folder(&at("d")));
        OsFiles.sync_folder(folder.path()).unwrap();
        OsFiles.remove_folders(&at("b")).unwrap();
        assert!(!OsFiles.exists(&at("b")));
    }
}
