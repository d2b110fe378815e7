//! Goes on in a fresh session before the context window is full.

use agent_primitives::{CheckpointKind, SessionId};
use std::sync::Arc;

use super::order::Order;
use super::{Builder, Checkpointer};
use crate::cycle::{Continued, Cycle, Cycled, NAME, Opening};
use crate::handoff::{Inherited, Package, Scenario};
use crate::{CountTokens, Durability, Error, Reader};

/// How many names are tried for a fresh session.
const SESSIONS_MAX: u32 = 10_000;

impl Checkpointer {
    /// Goes on in a fresh session where the context has come to the share of the window that `cycle` says;
    /// `None` where it has not.
    ///
    /// A session that was opened at its end ([`Resume::Last`](crate::Resume::Last)) and never cut is read whole first; it
    /// stays in memory where it is not due, and takes less of it than the window then.
    ///
    /// # Errors
    /// As [`cycle`](Self::cycle).
    pub fn cycle_if_due(
        &mut self,
        cycle: &Cycle,
        counter: &dyn CountTokens,
    ) -> Result<Option<Cycled>, Error> {
        let taken_in = self.take_in_context()?;
        if !cycle.is_due(self.context_tokens(counter)) {
            return Ok(None);
        }
        let cycled = self.cycle(cycle, counter);
        if cycled.is_err() {
            self.leave_out_again(taken_in);
        }
        cycled.map(Some)
    }

    /// Saves, and goes on in a fresh session of the same store, opened as this one was: from now on this is that
    /// session, and the other one is closed. It is called as the first one with a number behind: `s1`, `s1.2`, `s1.3`.
    ///
    /// Its first messages are the instructions, the task, a brief of all that was before, pinned messages and
    /// calls without results, and the newest messages as far as they fit. Its [`Work`](crate::Work) and the
    /// host's own components are those of this one, whole. What [`Inherited`] says goes along too, up to 16 MiB as JSON; where
    /// that would be more, texts are shortened and the oldest entries go, as [`Bounds`](crate::handoff::Bounds) say at the least, and what goes is
    /// counted. [`signal`](Self::signal)s and [`flush_handle`](Self::flush_handle)s of this session serve the fresh one.
    ///
    /// ```
    /// use agent_checkpoint::cycle::{Continued, Cycle};
    /// use agent_checkpoint::{Checkpointer, EstimateTokens, MemoryStore, Message, Reader};
    /// use agent_primitives::SessionId;
    ///
    /// let store = MemoryStore::new();
    /// let mut session = Checkpointer::builder(store.clone(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("Count to a thousand."))?;
    /// session.update(|work| work.next_steps.push("go on counting".into()));
    /// let cycle = Cycle::of_window(1_000);
    /// let mut n = 0;
    /// let cycled = loop {
    ///     n += 1;
    ///     session.push(Message::assistant(format!("This is number {n}.")))?;
    ///     if let Some(cycled) = session.cycle_if_due(&cycle, &EstimateTokens)? {
    ///         break cycled;
    ///     }
    /// };
    /// assert_eq!((cycled.from.as_str(), session.session().as_str()), ("s1", "s1.2"));
    /// assert!(cycled.tokens_before >= 700 && cycled.tokens <= 350);
    /// assert_eq!(session.context()[0].content, "Count to a thousand.");
    /// assert!(session.context()[1].content.contains("go on counting"));
    /// assert_eq!(session.context().last().unwrap().content, format!("This is number {n}."));
    ///
    /// let before = Reader::open(store, SessionId::new("s1")?)?.state()?;
    /// assert_eq!(Continued::of(&before.work).unwrap().session, *session.session());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// This session goes on as if nothing had been asked, with everything in memory. [`Error::is_invalid`] for settings
    /// that cannot be meant, and for a window so small that what must be there makes the next cycle due already; all
    /// that [`save`](Self::save) and [`Builder::open`] give.
    pub fn cycle(&mut self, cycle: &Cycle, counter: &dyn CountTokens) -> Result<Cycled, Error> {
        let next = self.next_session()?;
        self.cycle_into(&next, cycle, counter)
    }

    /// As [`cycle`](Self::cycle), into a session that the host names.
    ///
    /// # Errors
    /// As [`cycle`](Self::cycle), and [`Error::is_taken`] where there is such a session.
    pub fn cycle_into(
        &mut self,
        next: &SessionId,
        cycle: &Cycle,
        counter: &dyn CountTokens,
    ) -> Result<Cycled, Error> {
        let what = || format!("the cycle of session {}", self.session);
        cycle.check().map_err(|why| Error::invalid(what(), why))?;
        if *next == self.session || self.has_checkpoints(next)? {
            return Err(Error::taken(
                format!("session {next}"),
                "another conversation",
            ));
        }
        let taken_in = self.take_in()?;
        let cycled = self.cycle_whole(next, cycle, counter);
        if cycled.is_err() {
            self.leave_out_again(taken_in);
        }
        cycled
    }

    /// What an attempt that failed left behind has none.
    fn has_checkpoints(&self, session: &SessionId) -> Result<bool, Error> {
        let (store, keys) = (Arc::clone(&self.store), self.keys.clone());
        let reader = Reader::open_as(store, session.clone(), self.limit, keys)?;
        Ok(reader.latest()?.is_some())
    }

    fn cycle_whole(
        &mut self,
        next: &SessionId,
        cycle: &Cycle,
        counter: &dyn CountTokens,
    ) -> Result<Cycled, Error> {
        let package = Package::carried(&self.handoff_source(), counter);
        let package = package.with_scenario(Scenario::ContextFull);
        let what = || format!("the cycle of session {}", self.session);
        let opening = Opening::of(&self.context(), &package, cycle, counter)
            .map_err(|_| Error::invalid(what(), WINDOW_TOO_SMALL))?;
        let tokens_before = self.context_tokens(counter);
        let began = self.give_to(next, package, &opening);
        if began.is_err() {
            // The next save says that this session is the one to go on with.
            self.update(|work| work.extra.remove(NAME));
        }
        let mut session = began?;
        session.succeed(self);
        let earlier = std::mem::replace(self, session);
        let checkpoint = earlier.latest().map(|checkpoint| checkpoint.id);
        let unsaved = || Error::invalid("a session without a checkpoint", "it cannot be given on");
        Ok(Cycled {
            checkpoint: checkpoint.ok_or_else(unsaved)?,
            from: earlier.session.clone(),
            tokens_before,
            tokens: opening.tokens,
        })
    }

    fn give_to(
        &mut self,
        next: &SessionId,
        mut package: Package,
        opening: &Opening,
    ) -> Result<Self, Error> {
        let continued = Continued::into(next.clone(), self.session.clone());
        let continued = serde_json::to_value(continued);
        let continued = continued.map_err(|e| Error::encode("where a session goes on", e))?;
        self.update(|work| work.extra.insert(NAME.to_owned(), continued));
        // On the device before the other session is: a power cut may not leave that one alone.
        let durability = match self.durability {
            Durability::Buffered => Durability::Synced,
            other => other,
        };
        let checkpoint = self.commit(&Order {
            keeps_continued: true,
            ..Order::of(CheckpointKind::Handoff, durability)
        })?;
        package.from = package.from.with_checkpoint(checkpoint);
        let builder = Builder::like(self, next.clone());
        package.begin_after(self, builder, &opening.messages)
    }

    /// Is from now on what the handles of another session serve.
    pub(super) fn succeed(&mut self, earlier: &Self) {
        self.signal = earlier.signal.clone();
        self.desk.succeed(&earlier.desk);
    }

    /// Takes over the host's own components of another session.
    pub(crate) fn adopt_components(&mut self, other: &Self) {
        self.current
            .hosts
            .values
            .clone_from(&other.current.hosts.values);
        self.current.is_work_touched = true;
    }

    fn context_tokens(&self, counter: &dyn CountTokens) -> u64 {
        let context = self.context();
        let tokens = context.iter().map(|message| counter.count(message));
        tokens.fold(0, u64::saturating_add)
    }

    /// The first name for a fresh session that is free.
    fn next_session(&self) -> Result<SessionId, Error> {
        let id = self.session.as_str();
        let given = Inherited::of(&self.current.state.work);
        let numbered = id.rsplit_once('.').filter(|_| given.is_some());
        let numbered =
            numbered.and_then(|(name, number)| Some((name, number.parse::<u32>().ok()?)));
        let (name, number) = numbered.unwrap_or((id, 1));
        for number in (number..).skip(1).take(SESSIONS_MAX as usize) {
            let next = SessionId::new(format!("{name}.{number}"));
            let next = next.map_err(|_| Error::invalid(format!("session {id}"), NO_NAME))?;
            if self.store.segments(&next)?.is_empty() {
                return Ok(next);
            }
        }
        Err(Error::invalid(format!("session {id}"), NO_NAME))
    }
}

const WINDOW_TOO_SMALL: &str = "instructions, task, brief, pinned messages and the newest one take so much of the window \
                                that the next cycle would be due at once; set a larger window or share";

const NO_NAME: &str = "no name is left for a session after it; name one";
