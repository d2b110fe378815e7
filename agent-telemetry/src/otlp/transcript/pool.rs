//! Finds files, and works on several at a time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::super::seen::Seen;

/// Folders within folders.
const DEPTH: usize = 4;
/// Files, and other entries of folders, that are looked at.
const FILES: usize = 1 << 18;
/// Threads at most.
const THREADS: usize = 8;
/// What a thread gives at once.
const BATCH: usize = 256;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Transcript {
    /// Its path within the folder.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) length: u64,
}

/// Transcripts in order of their names, and how many entries were left out.
pub(super) fn files(folder: &Path) -> io::Result<(Vec<Transcript>, u64)> {
    let (mut files, mut looked, mut left_out) = (Vec::new(), 0, 0);
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((path, depth)) = folders.pop() {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            // Swept in between, or not ours to read.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            looked += 1;
            if looked > FILES {
                left_out += 1;
                break;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                if depth < DEPTH {
                    folders.push((path, depth + 1));
                } else {
                    left_out += 1;
                }
            } else if path.extension().is_some_and(|it| it == "jsonl")
                && let Ok(about) = fs::metadata(&path)
                && about.is_file()
            {
                let name = path.strip_prefix(folder).unwrap_or(&path);
                let name = name.to_string_lossy().into_owned();
                files.push(Transcript {
                    name,
                    path,
                    length: about.len(),
                });
            }
        }
    }
    files.sort_unstable();
    Ok((files, left_out))
}

/// What threads send.
enum Sent<D> {
    Seen(Vec<Seen>),
    Done(D),
}

/// Works on all of `work` with as many threads as the machine has cores. What they give comes back to this one.
pub(super) fn each<W: Sync, D: Send>(
    work: &[W],
    one: impl Fn(&W, &mut dyn FnMut(Seen)) -> D + Sync,
    mut seen: impl FnMut(Seen),
    mut done: impl FnMut(D),
) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(THREADS).min(work.len());
    if threads <= 1 {
        for it in work {
            done(one(it, &mut seen));
        }
        return;
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(4 * threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, one) = (sender.clone(), &next, &one);
            scope.spawn(move || {
                while let Some(it) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut batch = Vec::new();
                    let result = one(it, &mut |seen| {
                        batch.push(seen);
                        if batch.len() == BATCH {
                            // Fails only if the receiver panicked, which the scope tells of.
                            let _ = sender.send(Sent::Seen(std::mem::take(&mut batch)));
                        }
                    });
                    let _ = sender.send(Sent::Seen(batch));
                    let _ = sender.send(Sent::Done(result));
                }
            });
        }
        drop(sender);
        for sent in receiver {
            match sent {
                Sent::Seen(batch) => batch.into_iter().for_each(&mut seen),
                Sent::Done(result) => done(result),
            }
        }
    });
}
