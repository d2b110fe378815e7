//! A hash table that only grows, read without a lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::key::Key;
use super::labels::LabelSet;

const FIRST_SLOTS: usize = 16;
/// Each table has twice the slots of the one before: the last has 2¹⁸.
const TABLES: usize = 15;
/// What the last table takes, half full.
pub(super) const ENTRIES_MAX: usize = FIRST_SLOTS << (TABLES - 2);

#[derive(Debug)]
struct Entry<M> {
    hash: u64,
    key: Arc<Key>,
    handle: M,
}

type Slots<M> = Box<[OnceLock<Entry<M>>]>;

/// Handles by their labels. Readers see the newest table whole; entries never leave.
#[derive(Debug)]
pub(super) struct Table<M> {
    entries: AtomicUsize,
    newest: AtomicUsize,
    tables: [OnceLock<Slots<M>>; TABLES],
}

impl<M: Clone> Table<M> {
    pub(super) fn new() -> Self {
        Self {
            entries: AtomicUsize::new(0),
            newest: AtomicUsize::new(0),
            tables: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, labels: &impl LabelSet) -> Option<&M> {
        let slots = self.newest()?;
        let mask = slots.len().wrapping_sub(1);
        let mut at = start(hash);
        loop {
            // Half of the slots are empty, so this ends.
            let entry = slots.get(at & mask)?.get()?;
            if entry.hash == hash && entry.key.is_of(labels) {
                return Some(&entry.handle);
            }
            at = at.wrapping_add(1);
        }
    }

    #[inline]
    fn newest(&self) -> Option<&Slots<M>> {
        self.tables.get(self.newest.load(Ordering::Acquire))?.get()
    }

    /// Adds what is not in it yet. One caller at a time.
    pub(super) fn insert(&self, hash: u64, labels: &impl LabelSet, handle: M) {
        let entry = Entry {
            hash,
            key: Arc::new(Key::of(labels)),
            handle,
        };
        let count = self.entries.fetch_add(1, Ordering::Relaxed);
        let newest = self.newest.load(Ordering::Relaxed);
        let old = self.newest();
        match old {
            Some(slots) if count < slots.len() / 2 => put(slots, entry),
            _ => {
                let next = if old.is_some() { newest + 1 } else { newest };
                let slots: Slots<M> = (0..FIRST_SLOTS << next).map(|_| OnceLock::new()).collect();
                for entry in old.into_iter().flatten().filter_map(OnceLock::get) {
                    let (hash, key) = (entry.hash, Arc::clone(&entry.key));
                    let handle = entry.handle.clone();
                    put(&slots, Entry { hash, key, handle });
                }
                put(&slots, entry);
                if let Some(place) = self.tables.get(next) {
                    // Only this caller sets it.
                    let _ = place.set(slots);
                    self.newest.store(next, Ordering::Release);
                }
            }
        }
    }
}

/// The upper bits are mixed best.
#[inline]
fn start(hash: u64) -> usize {
    (hash >> 32) as usize
}

fn put<M>(slots: &Slots<M>, entry: Entry<M>) {
    let mask = slots.len().wrapping_sub(1);
    let mut entry = entry;
    for at in 0..slots.len() {
        let Some(slot) = slots.get(start(entry.hash).wrapping_add(at) & mask) else {
            return;
        };
        match slot.set(entry) {
            Ok(()) => return,
            Err(back) => entry = back,
        }
    }
}

#[cfg(all(test, not(agent_model)))]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_while_the_table_grows() {
        let table = Table::new();
        for count in 0..3_000_usize {
            let name = count.to_string();
            // Many fall on one place.
            let hash = (count as u64 % 700) << 32;
            assert!(table.find(hash, &(name.as_str(),)).is_none());
            table.insert(hash, &(name.as_str(),), count);
            if count.is_multiple_of(500) || count == 2_999 {
                for earlier in 0..=count {
                    let hash = (earlier as u64 % 700) << 32;
                    let name = earlier.to_string();
                    assert_eq!(table.find(hash, &(name.as_str(),)), Some(&earlier));
                }
            }
        }
    }

    #[test]
    fn same_hash_with_other_labels_is_not_found() {
        let table = Table::new();
        table.insert(1, &("a",), 1);
        assert_eq!(table.find(1, &("a",)), Some(&1));
        assert_eq!(table.find(1, &("b",)), None);
    }
}
