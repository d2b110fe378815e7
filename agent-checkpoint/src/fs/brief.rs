//! A file whose lock is free again as soon as it is dropped.

use std::ops::Deref;

use super::FileHandle;

/// A file that is locked for a moment.
///
/// Closing it would not be enough: a child that the process is just starting has it open as well, until it runs a
/// program of its own. A lock that lasts is left to closing, as a copy of the process may go on with what it guards.
#[derive(Debug)]
pub(crate) struct Brief(pub(crate) Box<dyn FileHandle>);

impl Deref for Brief {
    type Target = dyn FileHandle;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Drop for Brief {
    fn drop(&mut self) {
        // It is closed right after.
        let _ = self.0.unlock();
    }
}
