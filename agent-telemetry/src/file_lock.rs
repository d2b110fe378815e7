//! A lock of a file that is free again as soon as it is dropped.

use std::fs::{File, TryLockError};

/// Held while it lives.
///
/// Closing the file would not be enough: a child that the process is just starting has it open as well, until it runs a
/// program of its own.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
    /// The process that took it.
    by: u32,
}

impl FileLock {
    pub(crate) fn take(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self {
            file,
            by: std::process::id(),
        })
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // A copy of this process that ends does not give back what is its parent's.
        if self.by == std::process::id() {
            // It is closed right after.
            let _ = self.file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_free_once_it_is_dropped_though_another_has_the_file_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        // As a child has it.
        let copy = file.try_clone().unwrap();
        let lock = FileLock::take(file).unwrap();
        let open = || File::open(&path).unwrap();
        assert!(matches!(
            FileLock::take(open()),
            Err(TryLockError::WouldBlock)
        ));
        drop(lock);
        let mut childs = FileLock::take(copy).unwrap();
        childs.by += 1;
        let file = childs.file.try_clone().unwrap();
        drop(childs);
        assert!(FileLock::take(open()).is_err());
        drop(file);
        assert!(FileLock::take(open()).is_ok());
    }
}
