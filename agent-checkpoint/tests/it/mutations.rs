//! Logs with frames of every kind, bent in every way that comes to mind: nothing panics, and nothing comes back that
//! was never saved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use agent_checkpoint::{
    Checkpointer, Claim, Error, MemoryStore, Message, Reader, Resume, Retention, Sealing,
    SessionState, Snapshot, Store, TakeOver,
};
use agent_primitives::{CheckpointId, CheckpointKind, ManualClock, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// A release build tries more.
const ROUNDS: u64 = if cfg!(debug_assertions) { 20 } else { 4_000 };
/// Most that a log of these tests inflates to, in bytes.
const LIMIT: u64 = 16 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Table(Vec<String>);

impl Snapshot for Table {
    const KIND: &'static str = "table";
    const VERSION: u16 = 1;
}

fn table(version: usize) -> Table {
    let row = |n: usize| {
        if n % 50 == version % 50 {
            format!("row {n}, changed in {version}")
        } else {
            format!("row {n} as it was, {:x}", n * n * 7919)
        }
    };
    Table((0..700).map(row).collect())
}

type Segments = BTreeMap<u32, Vec<u8>>;
type Known = BTreeMap<CheckpointId, (SessionState, Option<Table>)>;

/// A session as it lies in a store, and every state of it that was saved.
struct Log {
    name: SessionId,
    segments: Segments,
    known: Known,
}

fn named(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn try_open(store: &MemoryStore, name: &SessionId, resume: Resume) -> Result<Checkpointer, Error> {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
    Checkpointer::builder(store.clone(), name.clone())
        .clock(Arc::new(clock))
        .sealing(Sealing::Never)
        .retention(Retention::all())
        .resume(resume)
        .read_limit(LIMIT)
        .take_over(TakeOver::Force)
        .open()
}

fn open(store: &MemoryStore, name: &str) -> Checkpointer {
    try_open(store, &named(name), Resume::Whole).unwrap()
}

fn seen(session: &Checkpointer) -> Option<(SessionState, Option<Table>)> {
    let table = session.component().ok()?;
    Some((session.state().clone(), table))
}

fn save(session: &mut Checkpointer, known: &mut Known, text: &str) -> CheckpointId {
    session.push(Message::user(text)).unwrap();
    let id = session.save(CheckpointKind::Manual).unwrap();
    known.insert(id.clone(), seen(session).unwrap());
    id
}

/// Two sessions that between them hold frames of every kind, plain and sealed.
fn logs() -> (MemoryStore, Vec<Log>) {
    let store = MemoryStore::new();
    let long = "a long text that lies in the log once. ".repeat(1_000);
    let mut known = Known::new();
    let mut parent = open(&store, "parent");
    for n in 0..12 {
        parent.put(&table(n)).unwrap();
        save(&mut parent, &mut known, &format!("message {n}"));
        parent.push(Message::user("by flag")).unwrap();
        let id = parent.save(CheckpointKind::Auto).unwrap();
        known.insert(id, seen(&parent).unwrap());
    }
    save(&mut parent, &mut known, &long);
    let old = parent.list()[6].id.clone();
    let backup_of = seen(&parent).unwrap();
    let backup = parent.restore(&old).unwrap();
    known.insert(backup, backup_of);
    known.insert(parent.latest().unwrap().id, seen(&parent).unwrap());
    parent.seal().unwrap();
    parent.put(&table(33)).unwrap();
    let labelled = save(&mut parent, &mut known, &long);
    parent.label(&labelled, "kept").unwrap();
    parent.seal().unwrap();
    // Another owner, whose segment voids an end.
    let mut parent = open(&store, "parent");
    for n in 0..8 {
        save(&mut parent, &mut known, &format!("later {n}"));
    }
    let forked = parent.list()[2].id.clone();
    let mut child_known = known.clone();
    let mut child = parent.fork(&forked, named("child")).unwrap();
    for n in 0..8 {
        child.put(&table(n)).unwrap();
        save(&mut child, &mut child_known, &format!("of the child {n}"));
    }
    child.seal().unwrap();
    save(&mut child, &mut child_known, "the end");
    // Nothing of its own is sealed.
    let mut twig_known = child_known.clone();
    let newest = child.latest().unwrap().id;
    let mut twig = child.fork(&newest, named("twig")).unwrap();
    twig.update(|work| work.next_steps.push("a step".into()));
    twig.push(Message::user(long.to_uppercase())).unwrap();
    twig.put(&table(40)).unwrap();
    save(&mut twig, &mut twig_known, "on the twig");
    drop((parent, child, twig));
    // Some of it is dropped, and left out.
    let mut parent = Checkpointer::builder(store.clone(), named("parent"))
        .sealing(Sealing::Never)
        .retention(Retention::last(5.try_into().unwrap()))
        .open()
        .unwrap();
    parent.compact().unwrap();
    for n in 0..3 {
        save(&mut parent, &mut known, &format!("after compacting {n}"));
    }
    parent.prune().unwrap();
    drop(parent);
    let logs = [
        ("parent", known),
        ("child", child_known),
        ("twig", twig_known),
    ];
    let logs = logs.map(|(name, known)| {
        let name = named(name);
        let segments = store.segments(&name).unwrap().into_iter();
        let segments = segments
            .map(|n| (n, store.read(&name, n, usize::MAX).unwrap()))
            .collect();
        Log {
            name,
            segments,
            known,
        }
    });
    (store, logs.into())
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }
}

/// Where frames begin.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let is_frame = |at: &usize| bytes[*at..].starts_with(b"\x9eckf");
    (0..bytes.len()).filter(is_frame).collect()
}

fn bend(segments: &mut Segments, other: &Segments, dice: &mut Dice) -> String {
    let numbers: Vec<u32> = segments.keys().copied().collect();
    let number = numbers[dice.roll(numbers.len())];
    let way = dice.roll(10);
    let len = segments[&number].len();
    let (at, width) = (dice.roll(len), 1 + dice.roll(200));
    let end = (at + width).min(len);
    let bytes = segments.get_mut(&number).unwrap();
    match way {
        0 => bytes[at] ^= 1 << dice.roll(8),
        1 => bytes[at..end].fill(0),
        2 => bytes[at..end].fill_with(|| u8::try_from(dice.roll(256)).unwrap()),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let copy = bytes[at..end].to_vec();
            let to = dice.roll(len);
            drop(bytes.splice(to..to, copy));
        }
        6 => drop(segments.remove(&number)),
        7 => {
            let partner = numbers[dice.roll(numbers.len())];
            let (a, b) = (segments[&number].clone(), segments[&partner].clone());
            segments.extend([(number, b), (partner, a)]);
        }
        8 => {
            // A whole frame is lost, or stands where another one stood.
            let places = frames(bytes);
            let Some(frame) = places.get(dice.roll(places.len())).copied() else {
                return "no frame to take".to_owned();
            };
            let next = places.iter().find(|place| **place > frame);
            let next = next.copied().unwrap_or(len);
            let to = places[dice.roll(places.len())];
            let taken: Vec<u8> = bytes.drain(frame..next).collect();
            if dice.roll(2) == 0 && to <= bytes.len() {
                drop(bytes.splice(to..to, taken));
            }
        }
        _ => {
            let theirs = other.get(&number).cloned().unwrap_or_default();
            segments.insert(number, theirs);
        }
    }
    format!("way {way}, segment {number}, {at}..{end}")
}

fn lay(origin: &MemoryStore, name: &SessionId, segments: &Segments) -> MemoryStore {
    let store = MemoryStore::with_id(origin.id());
    let claim = Claim::at(Timestamp::UNIX_EPOCH);
    let mut writer = store.claim(name, &claim).unwrap();
    for (number, bytes) in segments {
        writer.start(*number, bytes).unwrap();
    }
    drop(writer);
    store
}

#[test]
fn the_logs_hold_frames_of_every_kind() {
    let (_, logs) = logs();
    let kinds: BTreeSet<u8> = logs
        .iter()
        .flat_map(|log| log.segments.values())
        .flat_map(|bytes| frames(bytes).into_iter().map(|at| bytes[at + 5]))
        .collect();
    // Skip frames lie in packs, and so may the rest in sealed segments.
    for kind in [1, 2, 3, 4, 5, 6, 7, 9, 11, 12] {
        assert!(kinds.contains(&kind), "{kind} of {kinds:?}");
    }
    for log in &logs {
        assert!(log.segments.len() > 2, "{}", log.name);
    }
}

#[test]
fn bent_logs_give_back_what_was_saved_or_say_what_is_wrong() {
    let (origin, logs) = logs();
    let mut dice = Dice(1);
    let mut refused = 0;
    let mut restored = 0;
    for round in 0..ROUNDS {
        let which = dice.roll(3);
        let (log, other) = (&logs[which], &logs[(which + 1) % 3]);
        let mut segments = log.segments.clone();
        let mut what = format!("round {round}, {}", log.name);
        for _ in 0..=dice.roll(3) {
            if !segments.is_empty() {
                what = format!(
                    "{what}; {}",
                    bend(&mut segments, &other.segments, &mut dice)
                );
            }
            segments.retain(|_, bytes| !bytes.is_empty());
        }
        let store = lay(&origin, &log.name, &segments);
        let is_known = |seen: &(SessionState, Option<Table>)| {
            seen.0 == SessionState::default() || log.known.values().any(|known| known == seen)
        };
        // Reading alone, first: it changes nothing.
        if let Ok(reader) = Reader::open(store.clone(), log.name.clone())
            && let Ok(state) = reader.state()
        {
            let states = || log.known.values().map(|known| &known.0);
            let is_known = state == SessionState::default() || states().any(|s| *s == state);
            assert!(is_known, "{what}: a reader");
        }
        let Ok(mut session) = try_open(&store, &log.name, Resume::Whole) else {
            refused += 1;
            continue;
        };
        let Some(first) = seen(&session) else {
            continue;
        };
        assert!(is_known(&first), "{what}");
        for checkpoint in session.list().into_iter().take(4) {
            let Some(known) = log.known.get(&checkpoint.id) else {
                continue;
            };
            if session.restore(&checkpoint.id).is_ok() {
                restored += 1;
                assert_eq!(
                    seen(&session).as_ref(),
                    Some(known),
                    "{what}: {}",
                    checkpoint.id
                );
            }
        }
        session.push(Message::user("goes on")).unwrap();
        session
            .save(CheckpointKind::Manual)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let before = seen(&session);
        drop(session);
        let again = try_open(&store, &log.name, Resume::Whole);
        let again = again.unwrap_or_else(|error| panic!("{what}: again: {error}"));
        assert_eq!(seen(&again), before, "{what}: again");
        drop(again);
        let last = try_open(&store, &log.name, Resume::Last(2));
        let last = last.unwrap_or_else(|error| panic!("{what}: the end: {error}"));
        assert!(
            before.unwrap().0.conversation.ends_with(last.history()),
            "{what}"
        );
    }
    assert!(refused * 2 < ROUNDS, "{refused} refused");
    assert!(restored > ROUNDS / 2, "{restored} restored");
    println!("damage: {ROUNDS} bent logs, {refused} refused, {restored} checkpoints restored");
}

/// The sum that ties a frame to its segment.
fn seed(store: &MemoryStore, name: &SessionId, segment: u32) -> u32 {
    let sum = crc32c::crc32c(store.id().as_bytes());
    let sum = crc32c::crc32c_append(sum, &segment.to_le_bytes());
    crc32c::crc32c_append(sum, name.as_str().as_bytes())
}

#[test]
fn forged_frames_panic_nobody() {
    let (origin, logs) = logs();
    let mut dice = Dice(2);
    let (mut opened, mut restored) = (0, 0);
    for round in 0..ROUNDS {
        let log = &logs[dice.roll(3)];
        let mut segments = log.segments.clone();
        for _ in 0..=dice.roll(2) {
            let numbers: Vec<u32> = segments.keys().copied().collect();
            let number = numbers[dice.roll(numbers.len())];
            let bytes = segments.get_mut(&number).unwrap();
            let places = frames(bytes);
            let Some(at) = places.get(dice.roll(places.len())).copied() else {
                continue;
            };
            let stored = u32::from_le_bytes(bytes[at + 20..at + 24].try_into().unwrap());
            let end = at + 32 + usize::try_from(stored).unwrap();
            if stored == 0 || end + 8 > bytes.len() {
                continue;
            }
            let value = u8::try_from([0, 1, 8, 64, 127, 128, 255][dice.roll(7)]).unwrap();
            let target = match dice.roll(3) {
                0 => at + [5, 6, 7, 8, 9, 10, 12, 13, 16, 24, 25, 26, 27][dice.roll(13)],
                1 => at + 32 + dice.roll(40.min(end - at - 32)),
                _ => at + 32 + dice.roll(end - at - 32),
            };
            bytes[target] = value;
            let is_raw = bytes[at + 7] == 0;
            if is_raw {
                bytes.copy_within(at + 20..at + 24, at + 24);
            }
            // Shared segments are the parent's.
            for owner in &logs {
                let seed = seed(&origin, &owner.name, number);
                let length = usize::from(bytes[36]);
                if bytes[64..64 + length] == *owner.name.as_str().as_bytes() {
                    let sum = crc32c::crc32c_append(seed, &bytes[at..at + 28]);
                    bytes[at + 28..at + 32].copy_from_slice(&sum.to_le_bytes());
                    let sum = crc32c::crc32c_append(sum, &bytes[at + 32..end]);
                    bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
                }
            }
        }
        let store = lay(&origin, &log.name, &segments);
        if let Ok(reader) = Reader::open(store.clone(), log.name.clone()) {
            let _ = reader.state();
            let _ = reader.verify();
        }
        let _ = try_open(&store, &log.name, Resume::Last(2)).map(drop);
        let Ok(mut session) = try_open(&store, &log.name, Resume::Whole) else {
            continue;
        };
        opened += 1;
        for checkpoint in session.list() {
            if session.restore(&checkpoint.id).is_ok() {
                restored += 1;
                let _ = seen(&session);
            }
        }
        let _ = session.seal();
        let _ = session.compact();
        drop(session);
        let again = try_open(&store, &log.name, Resume::Whole);
        assert!(again.is_ok(), "round {round}: {:?}", again.map(drop));
    }
    assert!(opened > ROUNDS / 2, "{opened} opened");
    println!("damage: {ROUNDS} forged logs, {opened} opened, {restored} checkpoints restored");
}
