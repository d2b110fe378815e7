//! Requests that wait on disk, one in each file.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_128;

use super::request::Request;
use super::stats::OtlpStats;
use super::style::OtlpSignal;
use crate::file_lock::FileLock;

/// Of the layout: these, signal, compression, six zeros, items, length of the body, hash of all that; then the body.
/// Numbers are in little-endian order.
const MAGIC: [u8; 8] = *b"OTLPQ\0\0\x01";
const HASHED: usize = 32;
const HEADER: usize = 48;
/// What a small file takes on a disk.
const BLOCK: u64 = 4_096;

/// A folder of requests, the oldest first. One process has it.
#[derive(Debug)]
pub(super) struct Queue {
    folder: PathBuf,
    /// Held while the queue lives.
    _lock: FileLock,
    bytes_max: u64,
    files: VecDeque<Entry>,
    bytes: u64,
    next: u64,
    stats: OtlpStats,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    bytes: u64,
    signal: OtlpSignal,
    items: u64,
}

impl Queue {
    /// The queue in this folder, which is made where there is none. What is not whole there is removed and counted.
    pub(super) fn open(folder: &Path, bytes_max: u64, stats: OtlpStats) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        // A later change of the working directory does not move it.
        let folder = std::path::absolute(folder)?;
        let lock = private(&folder.join("lock"), false)?;
        let lock = FileLock::take(lock).map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::ResourceBusy.into(),
            TryLockError::Error(error) => error,
        })?;
        let mut queue = Self {
            folder,
            _lock: lock,
            bytes_max,
            files: VecDeque::new(),
            bytes: 0,
            next: 1,
            stats,
        };
        queue.read_folder()?;
        queue.make_room(0);
        queue.tell();
        Ok(queue)
    }

    fn read_folder(&mut self) -> io::Result<()> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|it| it.to_str());
            let Some((number, ending)) = name.and_then(|it| it.split_once('.')) else {
                continue;
            };
            let is_number = number.len() == 20 && number.bytes().all(|it| it.is_ascii_digit());
            match ending {
                // Its batch was not acknowledged, and is offered again or lost with its process.
                "new" if is_number => fs::remove_file(&path)?,
                "otlp" if is_number => numbers.extend(number.parse::<u64>().ok()),
                _ => {}
            }
        }
        numbers.sort_unstable();
        for number in numbers {
            let path = self.path(number, "otlp");
            if let Some(entry) = entry(&path, number) {
                self.bytes = self.bytes.saturating_add(entry.bytes);
                self.files.push_back(entry);
            } else {
                self.stats.damaged();
                fs::remove_file(&path)?;
            }
            self.next = number.saturating_add(1);
        }
        Ok(())
    }

    /// Keeps a request behind all others. Once this returns it survives a crash, also of the machine. The oldest make
    /// room for it.
    pub(super) fn push(&mut self, request: &Request) -> io::Result<()> {
        let bytes = size((HEADER as u64).saturating_add(request.body.len() as u64));
        if bytes > self.bytes_max {
            self.stats
                .refused(request, super::answer::Refusal::TooLarge);
            return Ok(());
        }
        self.make_room(bytes);
        let number = self.next;
        let (new, path) = (self.path(number, "new"), self.path(number, "otlp"));
        let written = write(&new, request).and_then(|()| fs::rename(&new, &path));
        let written = written.and_then(|()| sync_folder(&self.folder));
        if let Err(error) = written {
            // It is offered again, and must not be there twice.
            let _ = fs::remove_file(&new);
            let _ = fs::remove_file(&path);
            self.tell();
            return Err(error);
        }
        self.next = number.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        self.files.push_back(Entry {
            number,
            bytes,
            signal: request.signal,
            items: request.items,
        });
        self.tell();
        Ok(())
    }

    /// The oldest request and its number. What is not whole is removed and counted.
    pub(super) fn first(&mut self) -> Option<(u64, Request)> {
        loop {
            let entry = *self.files.front()?;
            let path = self.path(entry.number, "otlp");
            if let Some(request) = read(&path, entry.bytes) {
                return Some((entry.number, request));
            }
            self.stats.damaged();
            self.remove_first();
        }
    }

    /// The request of this number is settled.
    pub(super) fn settle(&mut self, number: u64) {
        // It may have made room in the meantime.
        if self.files.front().is_some_and(|it| it.number == number) {
            self.remove_first();
        }
    }

    fn remove_first(&mut self) {
        if let Some(entry) = self.files.pop_front() {
            let _ = fs::remove_file(self.path(entry.number, "otlp"));
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            self.tell();
        }
    }

    fn make_room(&mut self, bytes: u64) {
        while self.bytes.saturating_add(bytes) > self.bytes_max
            && let Some(oldest) = self.files.front()
        {
            self.stats.pushed_out(oldest.signal, oldest.items);
            self.remove_first();
        }
    }

    fn tell(&self) {
        self.stats.queued(self.files.len(), self.bytes);
    }

    fn path(&self, number: u64, ending: &str) -> PathBuf {
        self.folder.join(format!("{number:020}.{ending}"))
    }
}

const fn size(bytes: u64) -> u64 {
    if bytes < BLOCK { BLOCK } else { bytes }
}

/// For its owner only.
fn private(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .create_new(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn header(request: &Request) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let signal = u8::try_from(request.signal.index()).unwrap_or(u8::MAX);
    let length = request.body.len() as u64;
    let parts = [
        &MAGIC[..],
        &[signal, u8::from(request.is_gzip), 0, 0, 0, 0, 0, 0],
        &request.items.to_le_bytes(),
        &length.to_le_bytes(),
    ];
    let hash = hash(&parts.concat(), &request.body).to_le_bytes();
    let bytes = parts.into_iter().flatten().chain(&hash);
    for (place, byte) in header.iter_mut().zip(bytes) {
        *place = *byte;
    }
    header
}

fn hash(header: &[u8], body: &[u8]) -> u128 {
    let mut all = XxHash3_128::with_seed(0);
    all.write(header);
    all.write(body);
    all.finish_128()
}

fn write(path: &Path, request: &Request) -> io::Result<()> {
    // What an earlier attempt left there, or somebody put there, is not written into.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(path, true)?;
    file.write_all(&header(request))?;
    file.write_all(&request.body)?;
    file.sync_all()
}

/// What the first bytes of a file say, if they can be true.
struct Head {
    signal: OtlpSignal,
    is_gzip: bool,
    items: u64,
    length: u64,
}

fn head(bytes: &[u8]) -> Option<Head> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (flags, rest) = rest.split_first_chunk::<8>()?;
    let (items, rest) = rest.split_first_chunk::<8>()?;
    let (length, _) = rest.split_first_chunk::<8>()?;
    let &[signal, gzip, ..] = flags;
    Some(Head {
        signal: *OtlpSignal::ALL.get(usize::from(signal))?,
        is_gzip: gzip == 1,
        items: u64::from_le_bytes(*items),
        length: u64::from_le_bytes(*length),
    })
    .filter(|_| *magic == MAGIC)
}

/// Looks at the head and the length alone: a queue may be long.
fn entry(path: &Path, number: u64) -> Option<Entry> {
    let mut file = File::open(path).ok()?;
    let mut bytes = [0; HEADER];
    file.read_exact(&mut bytes).ok()?;
    let head = head(&bytes)?;
    let length = file.metadata().ok()?.len();
    let is_whole = head.length.checked_add(HEADER as u64) == Some(length);
    is_whole.then_some(Entry {
        number,
        bytes: size(length),
        signal: head.signal,
        items: head.items,
    })
}

/// A whole request of at most so many bytes.
fn read(path: &Path, bytes_max: u64) -> Option<Request> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    let (start, body) = bytes.split_at_checked(HEADER)?;
    let (hashed, expected) = start.split_at_checked(HASHED)?;
    let head = head(hashed)?;
    let is_whole = head.length == body.len() as u64 && expected == hash(hashed, body).to_le_bytes();
    is_whole.then(|| Request {
        signal: head.signal,
        items: head.items,
        is_gzip: head.is_gzip,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u8, bytes: usize) -> Request {
        Request {
            signal: OtlpSignal::ALL[usize::from(number) % 3],
            items: u64::from(number),
            is_gzip: number.is_multiple_of(2),
            body: vec![number; bytes],
        }
    }

    /// All that a queue gives, and how many files it found damaged.
    fn drained(folder: &Path) -> (Vec<Request>, u64) {
        let stats = OtlpStats::default();
        let mut queue = Queue::open(folder, 1 << 20, stats.clone()).unwrap();
        let mut all = Vec::new();
        while let Some((number, request)) = queue.first() {
            all.push(request);
            queue.settle(number);
        }
        assert_eq!((stats.counts().queued, stats.counts().queued_bytes), (0, 0));
        (all, stats.counts().damaged)
    }

    fn with(folder: &Path, numbers: std::ops::Range<u8>) -> Queue {
        let mut queue = Queue::open(folder, 1 << 20, OtlpStats::default()).unwrap();
        for number in numbers {
            queue.push(&request(number, 100)).unwrap();
        }
        queue
    }

    #[test]
    fn requests_come_in_order_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        drop(with(folder.path(), 0..5));
        drop(with(folder.path(), 5..9));
        let expected: Vec<Request> = (0..9).map(|number| request(number, 100)).collect();
        assert_eq!(drained(folder.path()), (expected, 0));
        assert_eq!(drained(folder.path()), (vec![], 0));
    }

    #[test]
    fn process_that_dies_at_any_byte_leaves_what_was_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        drop(with(folder.path(), 0..2));
        let whole = fs::read(folder.path().join("00000000000000000002.otlp")).unwrap();
        let new = folder.path().join("00000000000000000003.new");
        let acknowledged = vec![request(0, 100), request(1, 100)];
        for end in 0..=whole.len() {
            // Before the name is given, it is no request.
            fs::write(&new, &whole[..end]).unwrap();
            let queue = with(folder.path(), 0..0);
            assert_eq!(queue.files.len(), 2, "{end}");
            assert!(!new.exists());
        }
        assert_eq!(drained(folder.path()), (acknowledged, 0));
    }

    #[test]
    fn torn_and_altered_files_are_skipped_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        drop(with(folder.path(), 0..3));
        let path = folder.path().join("00000000000000000002.otlp");
        let whole = fs::read(&path).unwrap();
        let files: Vec<(PathBuf, Vec<u8>)> = [1, 2, 3]
            .map(|number| folder.path().join(format!("{number:020}.otlp")))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .into();
        let mut cases = 0;
        let mut check = |bytes: &[u8]| {
            for (path, bytes) in &files {
                fs::write(path, bytes).unwrap();
            }
            fs::write(&path, bytes).unwrap();
            let expected = (vec![request(0, 100), request(2, 100)], 1);
            assert_eq!(drained(folder.path()), expected, "{bytes:?}");
            cases += 1;
        };
        for end in 0..whole.len() {
            check(&whole[..end]);
        }
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1 << (at % 8);
            check(&altered);
        }
        let mut longer = whole.clone();
        longer.push(0);
        check(&longer);
        assert_eq!(cases, 2 * (HEADER + 100) + 1);
    }

    #[test]
    fn oldest_make_room_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let stats = OtlpStats::default();
        let mut queue = Queue::open(folder.path(), 3 * BLOCK, stats.clone()).unwrap();
        for number in 1..=5 {
            queue.push(&request(number, 100)).unwrap();
        }
        let counts = stats.counts();
        assert_eq!((counts.queued, counts.queued_bytes), (3, 3 * BLOCK));
        assert_eq!((counts.metrics.queue_full, counts.logs.queue_full), (1, 2));
        assert_eq!(queue.first().map(|it| it.1.items), Some(3));
        // One that was sent while it was pushed out settles nothing else.
        queue.settle(2);
        assert_eq!(queue.first().map(|it| it.1.items), Some(3));
        // As large as the whole queue, and larger than it.
        queue.push(&request(6, 3 * 4_096 - HEADER)).unwrap();
        assert_eq!(
            (stats.counts().queued, stats.counts().queued_bytes),
            (1, 3 * BLOCK)
        );
        queue.push(&request(7, 3 * 4_096 - HEADER + 1)).unwrap();
        assert_eq!(stats.counts().queued, 1);
        assert_eq!(stats.counts().metrics.too_large, 7);
        drop(queue);
        // Of a smaller bound.
        let queue = Queue::open(folder.path(), 2 * BLOCK, OtlpStats::default()).unwrap();
        assert_eq!(queue.files.len(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn queue_is_for_its_owner_and_one_process() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("queue");
        let queue = with(&folder, 0..1);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        let error = Queue::open(&folder, 1, OtlpStats::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        drop(queue);
        assert!(Queue::open(&folder, 1, OtlpStats::default()).is_ok());
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["notes.txt", "1.otlp", "0000000000000000000x.otlp", "new"] {
            fs::write(folder.path().join(name), "mine").unwrap();
        }
        drop(with(folder.path(), 0..1));
        assert_eq!(drained(folder.path()).0.len(), 1);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            5,
            "with the lock"
        );
    }
}
