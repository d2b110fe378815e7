//! Scripts of what an agent does with its sessions, and what it may count on after each step.

use std::collections::BTreeMap;
use std::fmt;

use agent_primitives::{CheckpointId, CheckpointKind};
use serde::{Deserialize, Serialize};

use super::points::Points;
use super::script::{Act, Step};
use super::settings::Settings;
use crate::fs::sim::SimFiles;
use crate::{Checkpointer, Durability, Error, FileStore, Message, SessionState, Snapshot, Store};

pub(super) const ROOT: &str = "/store";
pub(super) const SESSIONS: [&str; 2] = ["a", "b"];
/// A store's file, so that each run of a script writes the same bytes.
pub(super) const FORMAT: &[u8] = include_bytes!("../../tests/fixtures/v1/store/FORMAT");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Count(u64);

impl Snapshot for Count {
    const KIND: &'static str = "count";
    const VERSION: u16 = 1;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Large(Vec<String>);

impl Snapshot for Large {
    const KIND: &'static str = "large";
    const VERSION: u16 = 1;
}

impl Large {
    /// About 17 KiB, of which little differs from one to the next.
    fn of(counter: usize) -> Self {
        let entry = |n: usize| {
            let version = if n % 40 == counter % 40 { counter } else { 0 };
            format!(
                "entry {n} in version {version} of the value {:x}",
                n * n * 7919
            )
        };
        Self((0..400).map(entry).collect())
    }
}

/// All of a session that a save keeps.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) state: SessionState,
    context: Vec<Message>,
    count: Option<Count>,
    large: Option<Large>,
}

impl fmt::Debug for Seen {
    /// Short enough to find the difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = |message: &Message| message.content.chars().take(8).collect::<String>();
        let history: Vec<_> = self.state.conversation.iter().map(begin).collect();
        let context: Vec<_> = self.context.iter().map(begin).collect();
        let steps = self.state.work.next_steps.iter();
        let steps: Vec<_> = steps.map(|step| &*step.text).collect();
        write!(
            f,
            "{history:?}, context {context:?}, {steps:?}, {:?}",
            self.count
        )
    }
}

impl Seen {
    pub(super) fn of(session: &Checkpointer) -> Self {
        Self {
            state: session.state().clone(),
            context: session.context().into_iter().cloned().collect(),
            count: session.component().unwrap(),
            large: session.component().unwrap(),
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
    /// What was listed after each of them, where that is known.
    pub(super) points: Vec<Option<Points>>,
    pub(super) expected: Expected,
    pub(super) known: BTreeMap<CheckpointId, Seen>,
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
    /// Acts so far, which makes what each of them writes its own.
    pub(super) counter: usize,
    /// Sealings that were under way when an act began that does not wait for them.
    pub(super) under_way: usize,
}

impl Drop for Play {
    fn drop(&mut self) {
        // A session that goes waits for the thread that seals.
        self.files.hold_sealing(false);
    }
}

impl Play {
    pub(super) fn new(files: &SimFiles, settings: Settings) -> Result<Self, Error> {
        let actor = || Actor {
            saves: vec![Seen::default()],
            points: vec![Some(Points::default())],
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
        files.hold_sealing(settings.seals);
        Ok(Self {
            files: files.clone(),
            settings,
            store,
            actors,
            marks,
            counter: 0,
            under_way: 0,
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
        actor.points.resize(actor.saves.len(), None);
        actor.expected.begun = actor.saves.len() - 1;
        self.mark();
    }

    /// The session is about to write something that leaves its newest saved state as it is.
    fn begin_aside(&mut self, who: usize) {
        let newest = self.actors[who].saves.last().cloned().unwrap();
        self.begin(who, [newest]);
    }

    fn end(&mut self, who: usize, durability: Durability) {
        let actor = &mut self.actors[who];
        let points = match &actor.session {
            Some(session) if session.skipped() > 0 => Points::at_end_of(session),
            Some(session) => Points::of(session),
            None => Points::default(),
        };
        *actor.points.last_mut().unwrap() = Some(points);
        actor.expected.acknowledged = actor.expected.begun;
        if durability == Durability::Synced {
            actor.expected.synced = actor.expected.begun;
        }
        self.mark();
    }

    pub(super) fn step(&mut self, (who, act): Step) -> Result<(), Error> {
        if self.settings.seals {
            self.before(who, act);
        }
        let done = self.act((who, act));
        if self.settings.seals {
            self.files.hold_sealing(true);
            self.settle();
        }
        done
    }

    /// Lets the sealing be where the act would wait for it.
    fn before(&mut self, who: usize, act: Act) {
        match act {
            Act::SealOn(operations) => self.files.let_seal(operations),
            // The one who takes over waits for nobody.
            Act::Push(_)
            | Act::Update
            | Act::Put
            | Act::PutLarge
            | Act::Save(..)
            | Act::Label
            | Act::TakeOver => {
                self.under_way += usize::from(who == 0 && self.is_sealing());
            }
            _ if who == 0 || act == Act::Fork => {
                self.files.hold_sealing(false);
                self.settle();
            }
            _ => {}
        }
    }

    fn is_sealing(&self) -> bool {
        let session = self.actors[0].session.as_ref();
        session.is_some_and(Checkpointer::is_sealing)
    }

    /// Until the thread that seals waits for its turn, or has ended.
    fn settle(&self) {
        while self.is_sealing() && !self.files.is_sealing_held() {
            std::thread::yield_now();
        }
    }

    fn act(&mut self, (who, act): Step) -> Result<(), Error> {
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
                session.update(|work| work.next_steps.push(format!("step {counter}").into()));
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
            Act::Prune => {
                self.begin_aside(who);
                self.session(who)?.prune()?;
                // Where nothing goes, nothing is written.
                self.end(who, Durability::Buffered);
            }
            Act::Reopen => session.reopen()?,
            Act::Seal => drop(session.seal()?),
            Act::Compact => {
                self.begin_aside(who);
                self.session(who)?.compact()?;
                self.end(who, Durability::Buffered);
            }
            Act::Label | Act::Pin(_) | Act::MoveLabel(_) | Act::Fork => {
                self.step_point(who, act)?;
            }
            Act::PushBlob | Act::PutLarge | Act::TakeOver | Act::SaveFromEnd | Act::FailSync => {
                self.step_wild(who, act)?;
            }
            Act::Close => self.actors[who].session = None,
            Act::SealOn(_) => {}
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

    fn step_point(&mut self, who: usize, act: Act) -> Result<(), Error> {
        let counter = self.counter;
        let durability = self.settings.durability;
        let session = self.session(who)?;
        match act {
            Act::Label => {
                let now = Seen::of(session);
                // The name comes behind the checkpoint.
                self.begin(who, [now.clone(), now.clone()]);
                let id = self
                    .session(who)?
                    .save_labelled(&format!("label {counter}"))?;
                self.actors[who].known.insert(id, now);
                self.end(who, durability);
            }
            Act::Pin(place) => {
                if let Some(one) = session.list().get(place).cloned() {
                    self.begin_aside(who);
                    let session = self.session(who)?;
                    if one.pinned {
                        session.unpin(&one.id)?;
                    } else {
                        session.pin(&one.id)?;
                    }
                    self.end(who, durability);
                }
            }
            Act::MoveLabel(place) => {
                let newest = session.latest().map(|newest| newest.id);
                let list = session.list();
                let label = list.iter().flat_map(|one| one.labels.iter()).next();
                if let (Some(one), Some(label)) = (list.get(place), label) {
                    let (id, label) = (one.id.clone(), label.clone());
                    self.begin_aside(who);
                    let session = self.session(who)?;
                    if Some(&id) == newest.as_ref() {
                        session.unlabel(&label)?;
                    } else {
                        session.move_label(&id, &label)?;
                    }
                    self.end(who, durability);
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
            _ => {}
        }
        Ok(())
    }

    fn step_wild(&mut self, who: usize, act: Act) -> Result<(), Error> {
        let counter = self.counter;
        let session = self.session(who)?;
        match act {
            Act::PushBlob => {
                let text = format!("long text {} ", counter % 3).repeat(3_000);
                session.push(Message::user(text)).unwrap();
            }
            Act::PutLarge => session.put(&Large::of(counter)).unwrap(),
            Act::TakeOver => {
                let mut before = self.actors[who].session.take().unwrap();
                let after = self.settings.open_over(&self.store, who)?;
                before.push(Message::user("too late")).unwrap();
                let late = before.save_with(CheckpointKind::Auto, Durability::Synced);
                assert!(late.is_err_and(|error| error.is_fenced()), "fenced");
                // Whatever it has under way comes to nothing as well.
                self.files.hold_sealing(false);
                assert!(before.seal().is_err_and(|error| error.is_fenced()));
                self.actors[who].session = Some(after);
            }
            Act::SaveFromEnd => {
                let mut then = self.actors[who].saves.last().unwrap().clone();
                self.actors[who].session = None;
                let last = self.settings.open_last(&self.store, who, 2)?;
                self.actors[who].session = Some(last);
                let message = Message::user(format!("{counter} said at the end"));
                then.state.conversation.push(message.clone());
                then.context.push(message.clone());
                self.begin(who, [then.clone()]);
                let session = self.session(who)?;
                session.push(message).unwrap();
                let id = session.save_with(CheckpointKind::Manual, Durability::Synced)?;
                self.actors[who].known.insert(id, then);
                self.end(who, Durability::Synced);
                self.actors[who].session = None;
            }
            Act::FailSync => {
                let now = Seen::of(session);
                self.begin(who, [now.clone()]);
                // The system may let go of what was buffered, until it is written again.
                let expected = &mut self.actors[who].expected;
                expected.acknowledged = expected.synced;
                self.mark();
                let files = self.files.clone();
                files.fail_next_sync();
                let session = self.session(who)?;
                let mut saved = session.save_with(CheckpointKind::Manual, Durability::Synced);
                files.heal();
                if saved.as_ref().is_err_and(Error::is_poisoned) {
                    // An earlier opening had left some of it buffered; memory has it all.
                    session.reopen()?;
                    saved = session.save_with(CheckpointKind::Manual, Durability::Synced);
                }
                self.actors[who].known.insert(saved?, now);
                self.end(who, Durability::Synced);
            }
            _ => {}
        }
        Ok(())
    }
}
