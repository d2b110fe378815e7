//! Holding a session: the lease kept alive, and the session taken back from another writer.

use super::Checkpointer;
use crate::{Claim, Error, TakeOver};

impl Checkpointer {
    /// Number of this tenure: each opening of the session, by whatever process, has a greater one than those
    /// before. Fit to be sent along with what the agent does elsewhere, so that others can tell who came later.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore};
    /// use agent_primitives::SessionId;
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// assert_eq!(Checkpointer::builder(store.clone(), id.clone()).open()?.epoch(), 1);
    /// assert_eq!(Checkpointer::builder(store, id).open()?.epoch(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Extends the lease, and asks whether the session is still this writer's. Saves do it by themselves; a
    /// host calls it while it saves nothing for longer than the [lease](super::Builder::lease), such as
    /// during a long answer.
    ///
    /// # Errors
    /// [`Error::is_fenced`] when another writer took the session over; [`Error::is_blocked`] while a save is
    /// under way.
    pub fn renew(&mut self) -> Result<(), Error> {
        let now = self.clock.timestamp();
        self.desk.appender()?.renew(now)
    }

    /// As [`reopen`](Self::reopen), and takes the session from a writer that holds it: the answer to
    /// [`Error::is_fenced`] of one who wants the session back.
    ///
    /// Everything in memory stays, and becomes the state with the next save. What the other writer saved is
    /// in the log and in the [list](Self::list); what this one has not is no longer the newest state.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, TakeOver};
    /// use agent_primitives::SessionId;
    ///
    /// let store = MemoryStore::new();
    /// let id = SessionId::new("s1")?;
    /// let mut first = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// let second = Checkpointer::builder(store, id).take_over(TakeOver::Force).open()?;
    /// assert!(first.renew().unwrap_err().is_fenced());
    /// assert!(first.take_over(TakeOver::Expired).unwrap_err().is_locked());
    /// drop(second);
    /// assert!(first.reopen().unwrap_err().is_fenced(), "not unasked");
    /// first.take_over(TakeOver::Expired)?;
    /// assert_eq!(first.epoch(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](super::Builder::open).
    pub fn take_over(&mut self, how: TakeOver) -> Result<(), Error> {
        self.land()?;
        let claim = self.claim_now().take_over(how);
        self.attach(&claim)
    }

    pub(super) fn claim_now(&self) -> Claim {
        Claim {
            now: self.clock.timestamp(),
            ..self.claim
        }
    }
}
