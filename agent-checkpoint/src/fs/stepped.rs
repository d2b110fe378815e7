//! A file system for tests in which two actors take turns, call by call, as a schedule says, and may die at any call.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::{Access, EntryKind, Facts, FileHandle, FileSystem, OsFiles};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor {
    First,
    Second,
}

impl Actor {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

/// When the turn passes: before the call of this number, counted from 1 for each actor.
pub(crate) type Switch = (Actor, usize);

#[derive(Debug, Default)]
struct State {
    turn: Option<Actor>,
    calls: [usize; 2],
    is_done: [bool; 2],
    is_dead: [bool; 2],
    /// Later first.
    switches: Vec<Switch>,
    death: Option<Switch>,
    broken_sync: Option<Actor>,
}

/// Decides which actor's call is next.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    /// From now on both take turns, the first actor first; the turn passes at each of the switches, and when
    /// an actor is [done](Self::done). The actor of `death` dies before its call of that number.
    pub(crate) fn start(&self, switches: &[Switch], death: Option<Switch>) {
        let mut state = self.state();
        *state = State {
            turn: Some(Actor::First),
            switches: switches.iter().rev().copied().collect(),
            death,
            broken_sync: state.broken_sync,
            ..State::default()
        };
    }

    /// This actor's next sync of a file's content fails.
    pub(crate) fn break_sync(&self, actor: Actor) {
        self.state().broken_sync = Some(actor);
    }

    /// The actor has no more to do; the other one has the turn until the end.
    pub(crate) fn done(&self, actor: Actor) {
        let mut state = self.state();
        state.is_done[actor.index()] = true;
        state.turn = Some(actor.other());
        self.changed.notify_all();
    }

    /// From now on calls go through as they come.
    pub(crate) fn open(&self) {
        let mut state = self.state();
        state.turn = None;
        state.death = None;
        state.switches.clear();
        self.changed.notify_all();
    }

    /// Whether every switch and death of the schedule happened.
    pub(crate) fn is_spent(&self) -> bool {
        let state = self.state();
        state.switches.is_empty()
            && state
                .death
                .is_none_or(|(actor, _)| state.is_dead[actor.index()])
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits for the actor's turn.
    fn step(&self, actor: Actor) -> io::Result<()> {
        let index = actor.index();
        let mut state = self.await_turn(self.state(), actor);
        state.calls[index] += 1;
        let call = (actor, state.calls[index]);
        if state.death == Some(call) {
            state.is_dead[index] = true;
        }
        if state.turn.is_some() && state.switches.last() == Some(&call) {
            state.switches.pop();
            if !state.is_done[actor.other().index()] {
                state.turn = Some(actor.other());
                self.changed.notify_all();
                state = self.await_turn(state, actor);
            }
        }
        if state.is_dead[index] {
            return Err(io::Error::other("this actor is dead"));
        }
        Ok(())
    }

    fn await_turn<'a>(&self, state: MutexGuard<'a, State>, actor: Actor) -> MutexGuard<'a, State> {
        let is_others = |state: &mut State| state.turn.is_some_and(|turn| turn != actor);
        self.changed.wait_while(state, is_others).unwrap()
    }

    fn sync_data(&self, actor: Actor) -> io::Result<()> {
        self.step(actor)?;
        let mut state = self.state();
        if state.broken_sync == Some(actor) {
            state.broken_sync = None;
            return Err(io::Error::other("this sync fails"));
        }
        Ok(())
    }
}

/// The machine's files as one actor sees them. Syncs do nothing: what power cuts do is not asked here, and real
/// ones would take most of the time.
#[derive(Debug)]
pub(crate) struct Stepped {
    actor: Actor,
    gate: Arc<Gate>,
}

impl Stepped {
    pub(crate) const fn new(actor: Actor, gate: Arc<Gate>) -> Self {
        Self { actor, gate }
    }

    fn step(&self) -> io::Result<()> {
        self.gate.step(self.actor)
    }
}

impl FileSystem for Stepped {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn FileHandle>> {
        self.step()?;
        Ok(Box::new(SteppedFile {
            file: OsFiles.open(path, access)?,
            actor: self.actor,
            gate: Arc::clone(&self.gate),
        }))
    }
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        OsFiles.make_folders(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.step()?;
        OsFiles.list(folder)
    }
    fn look(&self, path: &Path) -> io::Result<Facts> {
        self.step()?;
        OsFiles.look(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        OsFiles.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        OsFiles.hard_link(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        OsFiles.remove_file(path)
    }
    fn remove_folders(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        OsFiles.remove_folders(folder)
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.step()
    }
}

#[derive(Debug)]
struct SteppedFile {
    file: Box<dyn FileHandle>,
    actor: Actor,
    gate: Arc<Gate>,
}

impl SteppedFile {
    fn step(&self) -> io::Result<()> {
        self.gate.step(self.actor)
    }
}

impl FileHandle for SteppedFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.step()?;
        self.file.read_at(offset, bytes)
    }
    /// In two parts where it is long: other actors see the first half for a while.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.step()?;
        let len = if bytes.len() > 64 && bytes.len() < 4_096 {
            bytes.len() / 2
        } else {
            bytes.len()
        };
        self.file.write_at(offset, &bytes[..len])
    }
    fn len(&self) -> io::Result<u64> {
        self.step()?;
        self.file.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step()?;
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.gate.sync_data(self.actor)
    }
    fn sync_all(&self) -> io::Result<()> {
        self.step()
    }
    fn lock(&self) -> io::Result<()> {
        self.step()?;
        self.file.lock()
    }
    fn try_lock(&self) -> io::Result<bool> {
        self.step()?;
        self.file.try_lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        self.step()?;
        self.file.is_at(path)
    }
}
