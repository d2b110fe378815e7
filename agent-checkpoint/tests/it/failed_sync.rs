//! Syncs that fail in every combination: nothing acknowledged is lost, and what was not never shows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use agent_checkpoint::{
    Checkpointer, Claim, Durability, Error, Message, Position, Size, Store, StoreId, Tenure, Writer,
};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};

/// How much of a write reaches the device although its sync failed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Landing {
    Nothing,
    FirstHalf,
    LastHalf,
    All,
}

const LANDINGS: [Landing; 4] = [
    Landing::Nothing,
    Landing::FirstHalf,
    Landing::LastHalf,
    Landing::All,
];

#[derive(Debug, Clone, Default)]
struct Segment {
    /// What the system shows.
    cached: Vec<u8>,
    /// What is left after a power cut.
    device: Vec<u8>,
    /// Written since the last sync, failed or not: the system forgets what it could not write.
    dirty: Vec<Range<usize>>,
}

impl Segment {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        self.cached.resize(self.cached.len().max(end), 0);
        self.cached[at..end].copy_from_slice(bytes);
        self.dirty.push(at..end);
    }

    fn land(&mut self, landing: Landing) {
        for range in std::mem::take(&mut self.dirty) {
            let middle = range.start.midpoint(range.end);
            let part = match landing {
                Landing::Nothing => continue,
                Landing::FirstHalf => range.start..middle,
                Landing::LastHalf => middle..range.end,
                Landing::All => range,
            };
            self.device.resize(self.device.len().max(part.end), 0);
            self.device[part.clone()].copy_from_slice(&self.cached[part]);
        }
    }
}

#[derive(Debug, Clone)]
struct Disk {
    segments: BTreeMap<u32, Segment>,
    syncs: u32,
    /// Bit k: sync k fails.
    failing: u32,
    landing: Landing,
}

/// A store on a disk whose syncs fail as planned.
#[derive(Debug, Clone)]
struct Planned(Arc<Mutex<Disk>>);

impl Planned {
    fn new(failing: u32, landing: Landing) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            segments: BTreeMap::new(),
            syncs: 0,
            failing,
            landing,
        })))
    }

    /// The same bytes as another process finds them, after a power cut or without one.
    fn found(&self, is_cut: bool) -> Self {
        let mut disk = self.0.lock().unwrap().clone();
        disk.failing = 0;
        for segment in disk.segments.values_mut() {
            if is_cut {
                segment.cached = segment.device.clone();
                segment.dirty.clear();
            }
        }
        Self(Arc::new(Mutex::new(disk)))
    }

    fn sync(&self, segment: u32) -> bool {
        let mut disk = self.0.lock().unwrap();
        let is_failing = disk.failing & (1_u32.checked_shl(disk.syncs).unwrap_or(0)) != 0;
        let landing = if is_failing {
            disk.landing
        } else {
            Landing::All
        };
        disk.syncs += 1;
        disk.segments.get_mut(&segment).unwrap().land(landing);
        !is_failing
    }
}

impl Store for Planned {
    fn id(&self) -> StoreId {
        StoreId::from_bytes([7; 16])
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        Ok(vec![id()])
    }
    fn segments(&self, _: &SessionId) -> Result<Vec<u32>, Error> {
        Ok(self.0.lock().unwrap().segments.keys().copied().collect())
    }
    fn read(&self, _: &SessionId, segment: u32, _: usize) -> Result<Vec<u8>, Error> {
        Ok(self.0.lock().unwrap().segments[&segment].cached.clone())
    }
    fn claim(&self, _: &SessionId, _: &Claim) -> Result<Box<dyn Writer>, Error> {
        Ok(Box::new(PlannedWriter {
            store: self.clone(),
            end: None,
            is_poisoned: false,
        }))
    }
    fn remove(&self, _: &SessionId) -> Result<(), Error> {
        unreachable!("no test removes a session")
    }
}

#[derive(Debug)]
struct PlannedWriter {
    store: Planned,
    end: Option<Position>,
    is_poisoned: bool,
}

impl PlannedWriter {
    fn sync(&mut self, segment: u32) -> Result<(), Error> {
        self.is_poisoned |= !self.store.sync(segment);
        if self.is_poisoned {
            Err(Error::poisoned())
        } else {
            Ok(())
        }
    }
}

impl Writer for PlannedWriter {
    fn tenure(&self) -> Tenure {
        Tenure {
            epoch: 1,
            is_takeover: false,
        }
    }
    fn outrank(&mut self, _: u64) -> Result<(), Error> {
        Ok(())
    }
    fn renew(&mut self, _: Timestamp) -> Result<(), Error> {
        Ok(())
    }
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        let last = self
            .store
            .0
            .lock()
            .unwrap()
            .segments
            .keys()
            .next_back()
            .copied();
        if let (Some(last), false) = (last, self.is_poisoned) {
            self.sync(last)?;
        }
        let mut begun = Segment::default();
        begun.write(0, header);
        let before = self.store.0.lock().unwrap().segments.insert(segment, begun);
        assert!(before.is_none(), "segment {segment} is there");
        if !self.store.sync(segment) {
            self.store.0.lock().unwrap().segments.remove(&segment);
            return Err(Error::unavailable("syncing", "planned"));
        }
        self.is_poisoned = false;
        let offset = u64::try_from(header.len()).unwrap();
        self.end = Some(Position { segment, offset });
        Ok(())
    }
    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.end = Some(at);
        Ok(())
    }
    fn cut(&mut self, at: Position) -> Result<(), Error> {
        let len = usize::try_from(at.offset).unwrap();
        let mut disk = self.store.0.lock().unwrap();
        let segment = disk.segments.get_mut(&at.segment).unwrap();
        segment.cached.truncate(len);
        segment.device.truncate(len);
        segment.dirty.retain(|range| range.end <= len);
        drop(disk);
        self.end = Some(at);
        self.sync(at.segment)
    }
    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        if self.is_poisoned {
            return Err(Error::poisoned());
        }
        if self.end != Some(at) {
            return Err(Error::conflict(id()));
        }
        let offset = usize::try_from(at.offset).unwrap();
        let mut disk = self.store.0.lock().unwrap();
        disk.segments
            .get_mut(&at.segment)
            .unwrap()
            .write(offset, bytes);
        drop(disk);
        self.end = Some(Position {
            offset: u64::try_from(offset + bytes.len()).unwrap(),
            ..at
        });
        if durability.is_synced() {
            self.sync(at.segment)
        } else {
            Ok(())
        }
    }
    fn set_aside(&mut self, _: Position, _: &[u8]) -> Result<String, Error> {
        Ok("aside".into())
    }
    fn size(&self) -> Result<Size, Error> {
        Ok(Size::default())
    }
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &Planned) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn texts(session: &Checkpointer) -> Vec<String> {
    let texts = session
        .history()
        .iter()
        .map(|message| message.content.clone());
    texts.collect()
}

/// What a host was told.
#[derive(Debug, Default)]
struct Told {
    buffered: usize,
    synced: usize,
    pushed: usize,
}

impl Told {
    fn save(&mut self, session: &mut Checkpointer, durability: Durability) {
        let text = format!("message {}", self.pushed);
        session.push(Message::user(text)).unwrap();
        self.pushed += 1;
        match session.save_with(CheckpointKind::Auto, durability) {
            Ok(_) => {
                self.buffered = self.pushed;
                if durability.is_synced() {
                    self.synced = self.pushed;
                }
            }
            Err(error) => assert!(error.is_poisoned() || error.is_unavailable(), "{error}"),
        }
    }

    /// What any process finds is a start of the conversation, with all in it that was acknowledged.
    fn check(&self, store: &Planned, context: &str) {
        for (is_cut, least) in [(false, self.buffered), (true, self.synced)] {
            let found = store.found(is_cut);
            let session = open(&found);
            let texts = texts(&session);
            let all: Vec<String> = (0..texts.len()).map(|n| format!("message {n}")).collect();
            assert_eq!(texts, all, "{context}, power cut: {is_cut}");
            assert!(
                (least..=self.pushed).contains(&texts.len()),
                "{context}, power cut: {is_cut}: {} of {least}",
                texts.len()
            );
            // A power cut may leave a later write without an earlier one, neither acknowledged.
            assert!(
                is_cut || session.report().missing.is_empty(),
                "{context}: {}",
                session.report()
            );
        }
    }
}

use Durability::{Buffered, Synced};

#[test]
fn any_set_of_failed_syncs_loses_nothing_acknowledged_and_shows_nothing_else() {
    for landing in LANDINGS {
        for failing in 0..64 {
            let store = Planned::new(failing << 2, landing);
            let mut session = open(&store);
            let mut told = Told::default();
            for (at, durability) in [Synced, Buffered, Synced, Buffered, Buffered, Synced, Synced]
                .into_iter()
                .enumerate()
            {
                told.save(&mut session, durability);
                assert_eq!(session.unsaved().len(), told.pushed - told.buffered);
                told.check(&store, &format!("{landing:?} {failing:b}, save {at}"));
            }
        }
    }
}

#[test]
fn what_an_earlier_process_left_unsynced_is_written_elsewhere_too() {
    for landing in LANDINGS {
        for failing in 0..32 {
            let store = Planned::new(0, landing);
            let mut told = Told::default();
            let mut earlier = open(&store);
            told.save(&mut earlier, Synced);
            told.save(&mut earlier, Buffered);
            drop(earlier);
            {
                let mut disk = store.0.lock().unwrap();
                disk.failing = failing << disk.syncs;
            }
            let mut session = open(&store);
            for durability in [Buffered, Synced, Synced] {
                told.save(&mut session, durability);
                told.check(&store, &format!("{landing:?} {failing:b}"));
            }
        }
    }
}

#[test]
fn a_session_opened_again_after_failed_syncs_believes_the_device_and_not_the_system() {
    for landing in LANDINGS {
        for failing in 0..64 {
            let store = Planned::new(failing << 2, landing);
            let mut session = open(&store);
            let mut told = Told::default();
            for durability in [Synced, Buffered, Synced] {
                told.save(&mut session, durability);
                session.reopen().unwrap();
                assert_eq!(session.history().len(), told.pushed);
            }
            told.save(&mut session, Synced);
            told.check(&store, &format!("{landing:?} {failing:b}"));
        }
    }
}

#[test]
fn a_failed_sync_is_told_although_the_save_succeeds() {
    let store = Planned::new(0b100, Landing::Nothing);
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.health().failed_syncs, 0);
    session.push(Message::user("two")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let health = session.health();
    assert_eq!((health.failed_syncs, health.abandoned_segments), (1, 1));
    assert_eq!(health.unsynced_bytes, 0);
    assert!(health.last_error.unwrap().contains("sync"));
    assert_eq!(store.segments(&id()).unwrap(), [1, 2]);
}

#[test]
fn buffered_saves_are_synced_before_too_much_waits_for_it() {
    let store = Planned::new(0, Landing::All);
    let mut session = open(&store);
    // Text that does not shrink.
    let mut noise = 1_u64;
    let mut text = || {
        let mut next = || {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + u8::try_from((noise >> 40) % 90).unwrap())
        };
        (0..1_000_000).map(|_| next()).collect::<String>()
    };
    for _ in 0..6 {
        session.push(Message::user(text())).unwrap();
        session.save_with(CheckpointKind::Auto, Buffered).unwrap();
        assert!(session.health().unsynced_bytes <= 4 << 20);
    }
}
