//! A simulated device: what is durable, what is only written, and every state that a power cut may leave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) type Inode = u64;
pub(super) const ROOT: Inode = 0;

/// A file. `now` is what a reader sees; the device may hold other things in its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) now: Vec<u8>,
    /// For each sector that is not durable: what may lie there beside what is seen.
    others: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Lengths that the device may hold beside the one that is seen.
    lens: Vec<usize>,
    /// Sectors, and the length as `None`, that a failed sync gave up: a later one does not write them.
    forgotten: BTreeSet<Option<usize>>,
}

impl Content {
    fn sector(&self, index: usize, size: usize) -> Vec<u8> {
        let from = (index * size).min(self.now.len());
        let mut sector = self.now[from..(from + size).min(self.now.len())].to_vec();
        sector.resize(size, 0);
        sector
    }

    /// Makes a change to the bytes from `from` to `to`, which are then written and not durable.
    fn change(&mut self, from: usize, to: usize, size: usize, change: impl FnOnce(&mut Vec<u8>)) {
        let touched = from / size..to.div_ceil(size);
        let before: Vec<_> = touched
            .clone()
            .map(|index| self.sector(index, size))
            .collect();
        let len = self.now.len();
        change(&mut self.now);
        for (index, old) in touched.zip(before) {
            self.forgotten.remove(&Some(index));
            if old != self.sector(index, size) {
                let others = self.others.entry(index).or_default();
                if !others.contains(&old) {
                    others.push(old);
                }
            }
        }
        if len != self.now.len() {
            self.forgotten.remove(&None);
            if !self.lens.contains(&len) {
                self.lens.push(len);
            }
        }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], size: usize) {
        let end = offset + bytes.len();
        let from = offset.min(self.now.len());
        self.change(from, end, size, |now| {
            if now.len() < end {
                now.resize(end, 0);
            }
            now[offset..end].copy_from_slice(bytes);
        });
    }

    pub(super) fn set_len(&mut self, len: usize, size: usize) {
        let longest = len.max(self.now.len());
        self.change(len.min(self.now.len()), longest, size, |now| {
            now.resize(len, 0);
        });
    }

    /// All that is seen is on the device, but for what an earlier sync gave up.
    pub(super) fn sync(&mut self) {
        let forgotten = &self.forgotten;
        self.others
            .retain(|index, _| forgotten.contains(&Some(*index)));
        if !forgotten.contains(&None) {
            self.lens.clear();
        }
    }

    /// The system drops what it could not write, and says so once.
    pub(super) fn fail_sync(&mut self) {
        self.forgotten.extend(self.others.keys().copied().map(Some));
        if !self.lens.is_empty() {
            self.forgotten.insert(None);
        }
    }

    fn is_durable(&self) -> bool {
        self.others.is_empty() && self.lens.is_empty()
    }
}

/// A folder: names as they are seen, and as they are on the device.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub(super) now: BTreeMap<String, Inode>,
    durable: BTreeMap<String, Inode>,
}

/// Names that change together or not at all.
pub(super) type NameChange = Vec<(Inode, String, Option<Inode>)>;

/// All files and folders. Clones share what neither changes.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(super) files: BTreeMap<Inode, Arc<Content>>,
    pub(super) folders: BTreeMap<Inode, Arc<Folder>>,
    /// Changes of names that are not durable, in order.
    names: Vec<NameChange>,
    /// Bytes that the device writes whole or not at all.
    pub(super) sector: usize,
    next: Inode,
}

impl Disk {
    pub(super) fn new(sector: usize) -> Self {
        Self {
            files: BTreeMap::new(),
            folders: BTreeMap::from([(ROOT, Arc::default())]),
            names: Vec::new(),
            sector,
            next: ROOT + 1,
        }
    }

    pub(super) fn new_file(&mut self) -> Inode {
        self.next += 1;
        self.files.insert(self.next, Arc::default());
        self.next
    }

    pub(super) fn new_folder(&mut self) -> Inode {
        self.next += 1;
        self.folders.insert(self.next, Arc::default());
        self.next
    }

    pub(super) fn file(&mut self, inode: Inode) -> &mut Content {
        Arc::make_mut(self.files.get_mut(&inode).unwrap())
    }

    pub(super) fn rename(&mut self, change: NameChange) {
        for (folder, name, to) in &change {
            set(&mut self.folder(*folder).now, name, *to);
        }
        self.names.push(change);
    }

    fn folder(&mut self, inode: Inode) -> &mut Folder {
        Arc::make_mut(self.folders.get_mut(&inode).unwrap())
    }

    /// The names in the folder are durable, and with them what changed in the same step elsewhere.
    pub(super) fn sync_folder(&mut self, folder: Inode) {
        let mut folders = BTreeSet::from([folder]);
        loop {
            let joined = self
                .names
                .iter()
                .filter(|change| change.iter().any(|(folder, ..)| folders.contains(folder)));
            let all: BTreeSet<Inode> = joined.flatten().map(|(folder, ..)| *folder).collect();
            let before = folders.len();
            folders.extend(all);
            if folders.len() == before {
                break;
            }
        }
        for change in std::mem::take(&mut self.names) {
            if !change.iter().any(|(folder, ..)| folders.contains(folder)) {
                self.names.push(change);
                continue;
            }
            for (folder, name, to) in &change {
                set(&mut self.folder(*folder).durable, name, *to);
            }
        }
    }

    /// All bytes that lie on the device or may: of files as they are seen, whether they have a name or not, and
    /// sectors that are older.
    pub(crate) fn images(&self) -> impl Iterator<Item = &[u8]> {
        self.files.values().flat_map(|content| {
            let others = content.others.values().flatten();
            std::iter::once(&content.now)
                .chain(others)
                .map(Vec::as_slice)
        })
    }

    /// In how many ways each thing that is not durable may have come out.
    pub(crate) fn choices(&self) -> Vec<usize> {
        let mut choices = Vec::new();
        for content in self.files.values().filter(|content| !content.is_durable()) {
            choices.extend(content.others.values().map(|others| others.len() + 1));
            choices.push(content.lens.len() + 1);
        }
        choices.extend(self.names.iter().map(|_| 2));
        choices
    }

    /// For each of [`choices`](Self::choices) whether it is about something below this folder of the root, or
    /// moves a name into it.
    pub(crate) fn choices_below(&self, name: &str) -> Vec<bool> {
        let mut below = BTreeSet::new();
        let mut rest: Vec<Inode> = self.folders[&ROOT]
            .now
            .get(name)
            .copied()
            .into_iter()
            .collect();
        while let Some(inode) = rest.pop() {
            below.insert(inode);
            if let Some(folder) = self.folders.get(&inode) {
                rest.extend(folder.now.values().chain(folder.durable.values()));
            }
        }
        let mut choices = Vec::new();
        for (inode, content) in self
            .files
            .iter()
            .filter(|(_, content)| !content.is_durable())
        {
            let count = content.others.len() + 1;
            choices.extend(std::iter::repeat_n(below.contains(inode), count));
        }
        let is_below =
            |change: &NameChange| change.iter().any(|(folder, ..)| below.contains(folder));
        choices.extend(self.names.iter().map(is_below));
        choices
    }

    /// What a power cut leaves, where the things of [`choices`](Self::choices) came out as `chosen`: 0 for
    /// what was seen, any other for an older state.
    pub(crate) fn after_power_cut(&self, chosen: &[usize]) -> Self {
        let mut chosen = chosen.iter().copied();
        let mut after = self.clone();
        after.names.clear();
        for (inode, content) in &self.files {
            if content.is_durable() {
                continue;
            }
            let mut image = content.now.clone();
            for (index, others) in &content.others {
                let choice = chosen.next().unwrap();
                if let Some(other) = choice.checked_sub(1).and_then(|at| others.get(at)) {
                    let from = index * self.sector;
                    if image.len() < from + self.sector {
                        image.resize(from + self.sector, 0);
                    }
                    image[from..from + self.sector].copy_from_slice(other);
                }
            }
            let len = chosen
                .next()
                .unwrap()
                .checked_sub(1)
                .map(|at| content.lens[at]);
            image.resize(len.unwrap_or(content.now.len()), 0);
            let content = Content {
                now: image,
                ..Content::default()
            };
            after.files.insert(*inode, Arc::new(content));
        }
        let mut folders: BTreeMap<Inode, Folder> = BTreeMap::new();
        for (inode, folder) in &self.folders {
            let names = folder.durable.clone();
            folders.insert(
                *inode,
                Folder {
                    now: names.clone(),
                    durable: names,
                },
            );
        }
        for change in &self.names {
            if chosen.next().unwrap() == 0 {
                for (folder, name, to) in change {
                    set(&mut folders.get_mut(folder).unwrap().now, name, *to);
                }
            }
        }
        for folder in folders.values_mut() {
            folder.durable = folder.now.clone();
        }
        after.folders = folders
            .into_iter()
            .map(|(at, folder)| (at, Arc::new(folder)))
            .collect();
        after
    }

    /// What the end of the process leaves: all that it wrote.
    pub(crate) fn after_kill(&self) -> Self {
        let mut after = self.clone();
        after.names.clear();
        for inode in self.files.keys() {
            let now = after.files[inode].now.clone();
            after.files.insert(
                *inode,
                Arc::new(Content {
                    now,
                    ..Content::default()
                }),
            );
        }
        for folder in after.folders.values_mut() {
            let now = folder.now.clone();
            *folder = Arc::new(Folder {
                now: now.clone(),
                durable: now,
            });
        }
        after
    }

    /// Tells two states apart by all that a reader can see.
    pub(crate) fn digest(&self) -> [u8; 32] {
        // Each opening writes a lease of its own there.
        self.digest_without("lock")
    }

    /// As [`digest`](Self::digest), leases included, but for files and folders of this name.
    pub(crate) fn digest_without(&self, name: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        self.hash(ROOT, name, &mut hasher);
        *hasher.finalize().as_bytes()
    }

    fn hash(&self, folder: Inode, without: &str, hasher: &mut blake3::Hasher) {
        for (name, inode) in &self.folders[&folder].now {
            if name == without {
                continue;
            }
            hasher.update(name.as_bytes()).update(&[0]);
            if let Some(content) = self.files.get(inode) {
                let bytes = &content.now;
                let written = bytes
                    .iter()
                    .rposition(|byte| *byte != 0)
                    .map_or(0, |at| at + 1);
                hasher.update(&[1]).update(&bytes.len().to_le_bytes());
                hasher.update(&bytes[..written]);
            } else {
                hasher.update(&[2]);
                self.hash(*inode, without, hasher);
                hasher.update(&[3]);
            }
        }
    }
}

fn set(names: &mut BTreeMap<String, Inode>, name: &str, to: Option<Inode>) {
    match to {
        Some(inode) => names.insert(name.to_owned(), inode),
        None => names.remove(name),
    };
}
