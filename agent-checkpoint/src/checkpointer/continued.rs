//! Which session is gone on with: followed from any of them, and forgotten where an earlier one is gone on with.

use std::collections::BTreeSet;

use agent_primitives::{CheckpointId, CheckpointKind};

use super::components::Changes;
use super::order::Order;
use super::{Builder, Checkpointer};
use crate::Error;
use crate::cycle::{Continued, NAME};

/// How many sessions are followed.
const SESSIONS_MAX: usize = 10_000;

impl Builder {
    /// Opens the session in which this one went on, if it did: the last of its [cycles](crate::cycle) that has a
    /// checkpoint. A host that knows the first session's id finds the one to go on with so, after a crash as well.
    ///
    /// Of each session on the way only the end is read, and of its state what says where it went on.
    ///
    /// ```
    /// use agent_checkpoint::cycle::Cycle;
    /// use agent_checkpoint::{Checkpointer, EstimateTokens, MemoryStore, Message};
    /// use agent_primitives::SessionId;
    ///
    /// let store = MemoryStore::new();
    /// let builder = || Checkpointer::builder(store.clone(), SessionId::new("s1").unwrap());
    /// let mut session = builder().continued()?.open()?;
    /// assert_eq!(session.session().as_str(), "s1");
    /// session.push(Message::user("the task"))?;
    /// session.cycle(&Cycle::of_window(10_000), &EstimateTokens)?;
    /// drop(session);
    /// assert_eq!(builder().continued()?.open()?.session().as_str(), "s1.2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A session on the way cannot be read. [`Error::is_invalid`] where one went on in one before it, which no cycle
    /// does, or where they are more than 10 000: open the one to go on with by its own name.
    pub fn continued(mut self) -> Result<Self, Error> {
        let first = self.id().clone();
        let astray = |why| Error::invalid(format!("where session {first} went on"), why);
        let mut followed = BTreeSet::new();
        let mut newest = self.reader(self.id())?.newest_with(NAME)?;
        while let Some(work) = newest {
            let next = Continued::of(&work).filter(|continued| continued.from == *self.id());
            let Some(Continued { session, .. }) = next else {
                break;
            };
            followed.insert(self.id().clone());
            if followed.contains(&session) {
                return Err(astray(RING));
            }
            if followed.len() > SESSIONS_MAX {
                return Err(astray(TOO_MANY));
            }
            newest = self.reader(&session)?.newest_with(NAME)?;
            if newest.is_some() {
                self = self.named(session);
            }
        }
        Ok(self)
    }
}

const RING: &str =
    "it leads back to where it came from; open the session to go on with by its own name";

const TOO_MANY: &str =
    "more than 10000 sessions follow; open the one to go on with by its own name";

impl Checkpointer {
    /// Saves what a recovery changed. That is no going on: where the session went on stays as it is.
    pub(crate) fn save_mended(&mut self) -> Result<CheckpointId, Error> {
        self.commit(&Order {
            keeps_continued: true,
            ..Order::of(CheckpointKind::Error, self.durability)
        })
    }

    /// What a save is to write of components. A session with which something is done after it went on in another
    /// one is gone on with itself, and does not say any more that another one is.
    pub(super) fn changes_for(&mut self, order: &Order<'_>) -> Result<Changes, Error> {
        let changes = self.current.changes(&self.redaction)?;
        // A restore puts things back as they were, and what it replaces is kept as it is.
        let keeps = order.keeps_continued
            || order.origin.is_some()
            || order.kind == CheckpointKind::PreRestore;
        let is_same = changes.is_empty()
            && !self.current.is_context_touched
            && self.current.pending().is_empty();
        if keeps || is_same || !self.current.state.work.extra.contains_key(NAME) {
            return Ok(changes);
        }
        self.update(|work| work.extra.remove(NAME));
        self.current.changes(&self.redaction)
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::SessionId;

    use super::*;
    use crate::{MemoryStore, Message};

    fn id(name: &str) -> SessionId {
        SessionId::new(name).unwrap()
    }

    fn builder(store: &MemoryStore, name: &str) -> Builder {
        Checkpointer::builder(store.clone(), id(name))
    }

    /// Writes, as no session does by itself, that `from` went on in `to`.
    fn lead(store: &MemoryStore, from: &str, to: &str) {
        let mut session = builder(store, from).open().unwrap();
        session.push(Message::user("hello")).unwrap();
        let continued = serde_json::to_value(Continued::into(id(to), id(from))).unwrap();
        session.update(|work| work.extra.insert(NAME.to_owned(), continued));
        session.save_mended().unwrap();
    }

    #[test]
    fn sessions_that_lead_in_a_ring_are_an_error_and_a_chain_is_followed() {
        let store = MemoryStore::new();
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "d")] {
            lead(&store, from, to);
        }
        let found = builder(&store, "a").continued().unwrap();
        assert_eq!(found.id(), &id("c"), "d has no checkpoint");
        lead(&store, "d", "b");
        for first in ["a", "b", "c", "d"] {
            let error = builder(&store, first).continued().unwrap_err();
            assert!(error.is_invalid(), "{error}");
            assert!(error.to_string().contains("its own name"), "{error}");
        }
        lead(&store, "e", "e");
        assert!(builder(&store, "e").continued().unwrap_err().is_invalid());
    }

    #[test]
    fn only_what_says_where_a_session_went_on_is_read_of_it() {
        let store = MemoryStore::new();
        let mut session = builder(&store, "a").open().unwrap();
        for n in 0..3_000 {
            let text = format!("{n} {}", "word ".repeat(40));
            session.push(Message::user(text)).unwrap();
        }
        session.update(|work| work.next_steps.push("on".into()));
        session.save(CheckpointKind::Auto).unwrap();
        drop(session);
        lead(&store, "a", "b");
        lead(&store, "b", "c");
        // Far less than the session inflates to.
        let limited = builder(&store, "a").read_limit(10_000);
        assert_eq!(limited.continued().unwrap().id(), &id("b"));
        let reader = builder(&store, "a").reader(&id("a")).unwrap();
        let work = reader.newest_with(NAME).unwrap().unwrap();
        assert_eq!(work.extra.len(), 1);
        assert!(work.next_steps.is_empty());
        assert_eq!(reader.newest_with("other").unwrap().unwrap().extra.len(), 0);
    }
}
