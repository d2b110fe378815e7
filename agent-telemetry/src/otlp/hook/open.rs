//! What began and did not end yet.

use std::collections::VecDeque;

/// The newest things that are open, each by its key.
#[derive(Debug)]
pub(super) struct Open<T> {
    all: VecDeque<(u128, T)>,
    room: usize,
    /// Those that made room for newer ones.
    pub(super) forgotten: u64,
}

impl<T: Copy> Open<T> {
    pub(super) const fn new(room: usize) -> Self {
        Self {
            all: VecDeque::new(),
            room,
            forgotten: 0,
        }
    }

    /// Opens it, or opens it anew.
    pub(super) fn put(&mut self, key: u128, value: T) {
        self.take(key);
        if self.all.len() >= self.room {
            self.all.pop_front();
            self.forgotten += 1;
        }
        self.all.push_back((key, value));
    }

    pub(super) fn knows(&self, key: u128) -> bool {
        self.all.iter().any(|it| it.0 == key)
    }

    /// Closes it.
    pub(super) fn take(&mut self, key: u128) -> Option<T> {
        // What ends began shortly before, most of the time.
        let place = self.all.iter().rposition(|it| it.0 == key)?;
        self.all.remove(place).map(|it| it.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_are_open_and_those_beyond_are_counted() {
        let mut open = Open::new(3);
        for key in 0..5 {
            open.put(key, key * 10);
        }
        assert_eq!(open.forgotten, 2);
        assert_eq!(
            (open.take(1), open.take(2), open.take(2)),
            (None, Some(20), None)
        );
        open.put(4, 41);
        assert_eq!((open.all.len(), open.forgotten), (2, 2), "opened anew");
        assert_eq!((open.knows(3), open.take(4)), (true, Some(41)));
    }
}
