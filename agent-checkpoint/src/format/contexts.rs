//! zstd's working memory on its way from one user to the next: taking it anew costs more than reading a short log.

use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};

/// Most that are kept of each kind: as many as decode at once for one opening, so that they last for the next.
const KEPT_MAX: usize = 4;

/// What several take turns with; what nobody takes waits here, and no more than [`KEPT_MAX`] of it.
#[derive(Debug)]
pub(super) struct Shelf<T>(Mutex<Vec<T>>);

/// For payloads of [`Level::Message`](super::dictionary::Level), with the dictionary.
pub(super) static MESSAGES: Shelf<Compressor<'static>> = Shelf::empty();
/// For payloads of [`Level::Turn`](super::dictionary::Level), with the dictionary.
pub(super) static TURNS: Shelf<Compressor<'static>> = Shelf::empty();
/// Without a dictionary.
pub(super) static PLAIN: Shelf<Decompressor<'static>> = Shelf::empty();
/// With the dictionary.
pub(super) static PREPARED: Shelf<Decompressor<'static>> = Shelf::empty();

impl<T> Shelf<T> {
    const fn empty() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// One that was kept, or else one that is `made` now.
    pub(super) fn take<E>(&self, made: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let kept = self.kept().pop();
        kept.map_or_else(made, Ok)
    }

    /// Keeps what its user has no further need of, where there is room.
    pub(super) fn keep(&self, used: Option<T>) {
        let Some(used) = used else { return };
        let mut kept = self.kept();
        if kept.len() < KEPT_MAX {
            kept.push(used);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        // Each use is one push or pop, which leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_taken_again_and_no_more_is_kept_than_stated() {
        let shelf = Shelf::empty();
        let taken = |n: u32| shelf.take(|| Ok::<_, ()>(n));
        assert_eq!(taken(1), Ok(1));
        for n in 10..30 {
            shelf.keep(Some(n));
        }
        shelf.keep(None);
        let again: Vec<_> = (0..KEPT_MAX).map(|_| taken(2).unwrap()).collect();
        assert_eq!(again, [13, 12, 11, 10]);
        assert_eq!(taken(3), Ok(3));
        assert_eq!(shelf.take(|| Err("no memory")), Err("no memory"));
    }
}
