//! Secrets after a crash at every operation of a session: no state of the device has a piece of one.

use std::collections::HashSet;
use std::path::Path;

use super::*;
use crate::fs::FileSystem;
use crate::fs::sim::{Disk, SimFiles};
use needles::Sought;

const ROOT: &str = "/store";
const SECTOR: usize = 512;
/// One state of so many is opened, since what opening writes is looked through as well.
const OPENED: usize = 12;

fn store(files: &SimFiles, journal: Option<u64>) -> Arc<dyn Store> {
    let files = Arc::new(files.clone());
    let store = match journal {
        Some(room) => FileStore::open_grouped(files, ROOT, (1, room)),
        None => FileStore::open_on(files, ROOT),
    };
    Arc::new(store.unwrap())
}

/// A short life with something of everything in it.
fn live(files: &SimFiles, journal: Option<u64>, way: &Way, samples: &[Sample]) {
    files.make_folders(Path::new(ROOT)).unwrap();
    let store = store(files, journal);
    files.watch();
    let mut draw = Draw(9);
    let mut session = open(&store, "planted", way);
    for (at, sample) in samples.iter().enumerate() {
        plant(&mut session, sample, &mut draw);
        let id = session.save(CheckpointKind::Auto).unwrap();
        match at % 10 {
            1 => session.pin(&id).unwrap(),
            2 => put(&mut session, &samples[at..], 0),
            3 => session.reopen().unwrap(),
            4 => drop(session.fork(&id, self::id(&format!("fork-{at}"))).unwrap()),
            5 => drop(session.seal().unwrap()),
            6 => drop(session.restore(&id).unwrap()),
            8 => drop(session.compact().unwrap()),
            _ => {}
        }
    }
}

/// Looks through images that were not looked at before.
struct Seeker<'a> {
    needles: &'a Needles,
    seen: HashSet<[u8; 32]>,
    sought: Sought,
}

impl Seeker<'_> {
    fn look(&mut self, disk: &Disk, what: &str) {
        for image in disk.images() {
            // What is written ahead of its use is zero.
            let end = image.iter().rposition(|byte| *byte != 0);
            let image = &image[..end.map_or(0, |end| end + 1)];
            if self.seen.insert(*blake3::hash(image).as_bytes()) {
                self.sought += self.needles.seek(image, what);
            }
        }
    }
}

/// Every state that a crash may leave is looked through, and some are opened.
pub(super) fn crash_anywhere(
    what: &str,
    journal: Option<u64>,
    way: &Way,
    samples: &[Sample],
    needles: &Needles,
) {
    let files = SimFiles::new(SECTOR);
    live(&files, journal, way, samples);
    let mut seeker = Seeker {
        needles,
        seen: HashSet::new(),
        sought: Sought::default(),
    };
    let (mut states, mut opened) = (HashSet::new(), 0);
    let moments = files.moments();
    for moment in &moments {
        seeker.look(&moment.disk, what);
        let ways = moment.disk.choices();
        let chosen = |pick: fn(usize, usize) -> usize| -> Vec<usize> {
            let ways = ways.iter().enumerate();
            ways.map(|(at, ways)| pick(at, *ways)).collect()
        };
        let cuts = [
            chosen(|_, _| 0),
            chosen(|_, ways| ways - 1),
            chosen(|at, ways| at % ways),
        ];
        for cut in cuts {
            let disk = moment.disk.after_power_cut(&cut);
            if !states.insert(disk.digest()) {
                continue;
            }
            seeker.look(&disk, what);
            if states.len() % OPENED == 0 {
                let files = SimFiles::from_disk(disk);
                let mut session = open(&store(&files, journal), "planted", way);
                session.push(Message::user(&*samples[0].text)).unwrap();
                session.save(CheckpointKind::Auto).unwrap();
                drop(session);
                seeker.look(&files.disk(), "what was opened after a crash");
                opened += 1;
            }
        }
    }
    println!(
        "secrets: {what}: {} states after a crash at {} moments, {opened} opened",
        states.len(),
        moments.len()
    );
    seeker.sought.report(what);
    assert!(
        states.len() > 200 && opened > 10,
        "{what}: {}",
        states.len()
    );
}

#[test]
fn no_piece_of_a_secret_is_left_by_a_crash_anywhere() {
    let samples = samples(5);
    for (what, journal, samples) in [
        ("crashes", None, &samples[..40]),
        ("crashes with a journal", Some(8_192), &samples[40..60]),
    ] {
        let way = Way::plain(Durability::Synced);
        crash_anywhere(what, journal, &way, samples, &needles(samples));
    }
}
