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

#[cfg(test)]
mod tests {
    use agent_primitives::{CheckpointKind, SessionId};

    use crate::format::segment::{Opening, Place, VOID_WHOLE};
    use crate::{Checkpointer, MemoryStore, Message, Store};

    fn id() -> SessionId {
        SessionId::new("s").unwrap()
    }

    fn open(store: impl Store + 'static) -> Checkpointer {
        Checkpointer::builder(store, id()).open().unwrap()
    }

    fn say(session: &mut Checkpointer, text: &str) {
        session.push(Message::user(text)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }

    /// Begins a segment as a writer of this epoch would.
    fn begin(store: &MemoryStore, segment: u32, epoch: u64, void_from: u64) {
        let session = id();
        let place = Place {
            store: store.id(),
            session: &session,
            segment,
        };
        let opening = Opening {
            epoch,
            void_from,
            ..Opening::default()
        };
        let mut writer = store.writer(&session).unwrap();
        writer.start(segment, &place.header(opening)).unwrap();
    }

    #[test]
    fn a_segment_of_a_lower_epoch_than_one_before_it_does_not_count() {
        let store = MemoryStore::new();
        say(&mut open(store.clone()), "one");
        begin(&store, 2, 60, 0);
        begin(&store, 3, 40, 0);
        for text in ["two", "three"] {
            let mut session = open(store.clone());
            assert_eq!(session.report().superseded, [3]);
            assert!(session.report().is_clean(), "{}", session.report());
            assert!(session.epoch() > 60, "{}", session.epoch());
            say(&mut session, text);
        }
        assert_eq!(store.segments(&id()).unwrap(), [1, 2, 3, 4]);
        assert_eq!(open(store).history().len(), 3);
    }

    #[test]
    fn a_segment_that_is_void_as_a_whole_is_no_damage() {
        let store = MemoryStore::new();
        say(&mut open(store.clone()), "one");
        let mut writer = store.writer(&id()).unwrap();
        writer.start(2, b"half a header").unwrap();
        drop(writer);
        begin(&store, 3, 9, VOID_WHOLE);
        let mut session = open(store.clone());
        assert!(session.report().is_clean(), "{}", session.report());
        say(&mut session, "two");
        drop(session);
        assert_eq!(open(store).history().len(), 2);
    }

    #[cfg(feature = "fs")]
    #[test]
    fn an_epoch_is_above_those_in_the_log_when_the_lease_is_lost() {
        use crate::{FileStore, TakeOver};
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path()).unwrap();
        let mut first = None;
        for behind in 0..4 {
            let builder = Checkpointer::builder(store.clone(), id());
            let mut session = builder.take_over(TakeOver::Force).open().unwrap();
            say(&mut session, "again");
            let first = *first.get_or_insert(session.epoch());
            assert_eq!(session.epoch(), first + behind);
        }
        let first = first.unwrap();
        let lock = store.session_folder(&id()).unwrap().join("lock");
        std::fs::write(&lock, [7; 300]).unwrap();
        let marked = open(store.clone()).epoch();
        assert!(marked > first + 3, "a mark that cannot be read");
        std::fs::remove_file(lock).unwrap();
        let session = open(store);
        assert!(session.epoch() > marked, "{} {marked}", session.epoch());
        assert_eq!(session.history().len(), 4);
    }
}
