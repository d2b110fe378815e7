//! Scripts of what an agent does with its sessions, and what it may count on after each step.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use agent_primitives::{CheckpointId, CheckpointKind, ManualClock, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fs::sim::SimFiles;
use crate::{
    Checkpointer, Durability, Error, FileStore, Message, Resume, Retention, Sealing, SessionState,
    Snapshot, Store,
};

pub(super) const ROOT: &str = "/store";
pub(super) const SESSIONS: [&str; 2] = ["a", "b"];
/// A store's file, so that each run of a script writes the same bytes.
pub(super) const FORMAT: &[u8] = include_bytes!("../../tests/fixtures/v1/store/FORMAT");

/// Numbers that look random and are the same each time.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    pub(super) fn is_one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Act {
    Push(usize),
    Update,
    Put,
    Cut,
    Save(CheckpointKind, Durability),
    /// Goes back to the checkpoint at this place in the list.
    Restore(usize),
    Prune,
    Reopen,
    /// Drops the session; the next act opens it.
    Close,
    Remove,
    /// Packs what is full.
    Seal,
    /// Leaves out what no checkpoint needs.
    Compact,
    /// A checkpoint with a label.
    Label,
    /// Holds the checkpoint at this place in the list.
    Pin(usize),
    /// Begins the other session with this one's newest checkpoint, where the other one was never saved.
    Fork,
}

/// An act, and which session does it.
pub(super) type Step = (usize, Act);

/// What is in a script beside saves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Extra {
    pub(super) removes: bool,
    /// In the middle, before the second session is used.
    pub(super) forks: bool,
}

pub(super) fn random_script(seed: u64, len: usize, extra: Extra) -> Vec<Step> {
    let mut dice = Dice(seed);
    let mut script = Vec::new();
    while script.len() < len {
        let is_first_alone = extra.forks && script.len() <= len / 2;
        if extra.forks && script.len() == len / 2 {
            script.push((0, Act::Save(CheckpointKind::Auto, Durability::Buffered)));
            script.push((0, Act::Fork));
            continue;
        }
        let who = usize::from(dice.is_one_in(4) && !is_first_alone);
        let durability = match dice.roll(3) {
            0 => Durability::Synced,
            _ => Durability::Buffered,
        };
        let size = [3, 30, 200, 700, 3_000][dice.roll(5)];
        let act = match dice.roll(29) {
            0..8 => Act::Push(size),
            8..10 => Act::Update,
            10 => Act::Put,
            11 => Act::Cut,
            12..18 => Act::Save(CheckpointKind::Auto, durability),
            18 => Act::Save(CheckpointKind::Manual, durability),
            19 => Act::Restore(dice.roll(3)),
            20 => Act::Prune,
            21 => Act::Reopen,
            22 if extra.removes => Act::Remove,
            23..25 => Act::Seal,
            25 => Act::Compact,
            26 => Act::Label,
            27 => Act::Pin(dice.roll(3)),
            _ => Act::Close,
        };
        script.push((who, act));
    }
    script
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Count(u64);

impl Snapshot for Count {
    const KIND: &'static str = "count";
    const VERSION: u16 = 1;
}

/// All of a session that a save keeps.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) state: SessionState,
    context: Vec<Message>,
    count: Option<Count>,
}

impl Seen {
    pub(super) fn of(session: &Checkpointer) -> Self {
        Self {
            state: session.state().clone(),
            context: session.context().into_iter().cloned().collect(),
            count: session.component().unwrap(),
        }
    }
}

/// Which of a session's saved states may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(super) struct Expected {
    /// The oldest after a power cut.
    pub(super) synced: usize,
    /// The oldest after the end of the process.
    pub(super) acknowledged: usize,
    /// The newest: its save began.
    pub(super) begun: usize,
}

/// One session of a script.
#[derive(Debug, Default)]
pub(super) struct Actor {
    pub(super) session: Option<Checkpointer>,
    /// Every state that a save began to write; first the empty one.
    pub(super) saves: Vec<Seen>,
    pub(super) expected: Expected,
    pub(super) known: BTreeMap<CheckpointId, Seen>,
}

/// How sessions are opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) segment_target: usize,
    pub(super) durability: Durability,
    /// Length of a journal that takes all synced appends it can, where there is one.
    pub(super) journal: Option<u64>,
}

impl Settings {
    fn store(&self, files: &SimFiles) -> Result<FileStore, Error> {
        let files = Arc::new(files.clone());
        match self.journal {
            Some(room) => FileStore::open_grouped(files, ROOT, (1, room)),
            None => FileStore::open_on(files, ROOT),
        }
    }

    pub(super) fn id(who: usize) -> SessionId {
        SessionId::new(SESSIONS[who]).unwrap()
    }

    /// With no more than its last messages in memory.
    pub(super) fn open_last(
        &self,
        store: &FileStore,
        who: usize,
        messages: usize,
    ) -> Result<Checkpointer, Error> {
        Checkpointer::builder(store.clone(), Self::id(who))
            .segment_target(self.segment_target)
            .resume(Resume::Last(messages))
            .sealing(Sealing::Never)
            .open()
    }

    pub(super) fn open(&self, store: &FileStore, who: usize) -> Result<Checkpointer, Error> {
        self.open_keeping(store, who, Retention::last(NonZeroUsize::new(3).unwrap()))
    }

    pub(super) fn open_keeping(
        &self,
        store: &FileStore,
        who: usize,
        retention: Retention,
    ) -> Result<Checkpointer, Error> {
        let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_000));
        Checkpointer::builder(store.clone(), Self::id(who))
            .clock(Arc::new(clock))
            .durability(self.durability)
            .retention(retention)
            // On a thread of its own it would do other things in each run.
            .sealing(Sealing::Never)
            .segment_target(self.segment_target)
            .open()
    }
}

/// A script on its way.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) files: SimFiles,
    pub(super) settings: Settings,
    store: FileStore,
    pub(super) actors: [Actor; 2],
    /// For each mark that the file system was given, what could be counted on.
    pub(super) marks: Vec<[Expected; 2]>,
    counter: usize,
}

impl Play {
    pub(super) fn new(files: &SimFiles, settings: Settings) -> Result<Self, Error> {
        let actor = || Actor {
            saves: vec![Seen::default()],
            ..Actor::default()
        };
        Self::from(files, settings, [actor(), actor()])
    }

    pub(super) fn from(
        files: &SimFiles,
        settings: Settings,
        actors: [Actor; 2],
    ) -> Result<Self, Error> {
        let marks = vec![[actors[0].expected, actors[1].expected]];
        let store = settings.store(files)?;
        Ok(Self {
            files: files.clone(),
            settings,
            store,
            actors,
            marks,
            counter: 0,
        })
    }

    fn mark(&mut self) {
        let expected = [self.actors[0].expected, self.actors[1].expected];
        self.files.mark(self.marks.len());
        self.marks.push(expected);
    }

    /// The session, opened where it is not.
    pub(super) fn session(&mut self, who: usize) -> Result<&mut Checkpointer, Error> {
        let actor = &mut self.actors[who];
        if actor.session.is_none() {
            actor.session = Some(self.settings.open(&self.store, who)?);
        }
        Ok(actor.session.as_mut().unwrap())
    }

    /// The states that the session is about to save.
    fn begin(&mut self, who: usize, states: impl IntoIterator<Item = Seen>) {
        let actor = &mut self.actors[who];
        actor.saves.extend(states);
        actor.expected.begun = actor.saves.len() - 1;
        self.mark();
    }

    fn end(&mut self, who: usize, durability: Durability) {
        let actor = &mut self.actors[who];
        actor.expected.acknowledged = actor.expected.begun;
        if durability == Durability::Synced {
            actor.expected.synced = actor.expected.begun;
        }
        self.mark();
    }

    pub(super) fn step(&mut self, (who, act): Step) -> Result<(), Error> {
        self.counter += 1;
        let counter = self.counter;
        let durability = self.settings.durability;
        let session = self.session(who)?;
        match act {
            Act::Push(len) => {
                let words = format!("{counter} some words ").repeat(len / 13 + 1);
                session.push(Message::user(&words[..len])).unwrap();
            }
            Act::Update => {
                session.update(|work| work.next_steps.push(format!("step {counter}").into()))
            }
            Act::Put => session.put(&Count(counter as u64)).unwrap(),
            // A limit that is too small changes nothing.
            Act::Cut => drop(session.cut(4, &|_: &Message| 1)),
            Act::Save(kind, durability) => {
                let now = Seen::of(session);
                self.begin(who, [now.clone()]);
                let id = self.session(who)?.save_with(kind, durability)?;
                self.actors[who].known.insert(id, now);
                self.end(who, durability);
            }
            Act::Restore(place) => {
                let list = session.list();
                let Some(target) = list.get(place).map(|checkpoint| checkpoint.id.clone()) else {
                    return Ok(());
                };
                let now = Seen::of(session);
                let Some(then) = self.actors[who].known.get(&target).cloned() else {
                    // Saved before a crash, and not acknowledged.
                    return Ok(());
                };
                self.begin(who, [now.clone(), then.clone()]);
                let session = self.session(who)?;
                let backup = session.restore(&target)?;
                let head = session.latest().unwrap().id;
                assert_eq!(Seen::of(session), then, "restored {target}");
                self.actors[who].known.extend([(backup, now), (head, then)]);
                self.end(who, durability);
            }
            Act::Prune => drop(session.prune()?),
            Act::Reopen => session.reopen()?,
            Act::Seal => drop(session.seal()?),
            Act::Compact => drop(session.compact()?),
            Act::Label => {
                let now = Seen::of(session);
                self.begin(who, [now.clone()]);
                let id = self
                    .session(who)?
                    .save_labelled(&format!("label {counter}"))?;
                self.actors[who].known.insert(id, now);
                self.end(who, durability);
            }
            Act::Pin(place) => {
                if let Some(id) = session.list().get(place).map(|one| one.id.clone()) {
                    session.pin(&id)?;
                }
            }
            Act::Fork => {
                let other = 1 - who;
                let Some(id) = session.latest().map(|newest| newest.id) else {
                    return Ok(());
                };
                let Some(then) = self.actors[who].known.get(&id).cloned() else {
                    return Ok(());
                };
                if self.actors[other].saves.len() > 1 {
                    return Ok(());
                }
                self.actors[other].session = None;
                self.begin(other, [then.clone()]);
                let forked = self.session(who)?.fork(&id, Settings::id(other))?;
                assert_eq!(Seen::of(&forked), then, "forked");
                self.actors[other].session = Some(forked);
                self.end(other, Durability::Synced);
            }
            Act::Close => self.actors[who].session = None,
            Act::Remove => {
                self.actors[who].session = None;
                self.begin(who, [Seen::default()]);
                self.store.remove(&Settings::id(who))?;
                self.actors[who].known.clear();
                self.end(who, Durability::Synced);
            }
        }
        Ok(())
    }
}
