//! Saves when something asks for it.

use agent_primitives::CheckpointId;

use super::order::Order;
use super::trigger::Standing;
use super::{Checkpointer, Why};
use crate::format::point::bounded;
use crate::{Durability, Error};

impl Checkpointer {
    /// Saves if a [trigger](crate::Triggers) or the [`signal`](Self::signal) says so, and tells the reason in
    /// [`Checkpoint::why`](crate::Checkpoint::why). `None` when nothing is due. Call it wherever a save would
    /// not disturb, such as after each turn.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Why};
    /// use agent_primitives::{ManualClock, SessionId};
    ///
    /// let clock = ManualClock::default();
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
    ///     .clock(Arc::new(clock.clone()))
    ///     .open()?;
    /// session.push(Message::user("hello"))?;
    /// assert_eq!(session.save_if_due()?, None);
    /// clock.advance(Duration::from_secs(30 * 60));
    /// let id = session.save_if_due()?.expect("half an hour is the interval");
    /// assert_eq!(session.checkpoint(id.as_str())?.why, Some(Why::Interval));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save); what asked for it is kept then, and asks again.
    pub fn save_if_due(&mut self) -> Result<Option<CheckpointId>, Error> {
        let now = self.clock.monotonic();
        if self.progress.is_paused(&self.triggers, now) {
            return Ok(None);
        }
        // Taken before the save: a reason that comes while it runs is for the next one.
        let heard = self.signal.take();
        let step = self.postponed.take();
        let boundary = step.as_ref().map(|_| Why::Workflow);
        let standing = Standing {
            now,
            tokens: self.current.state.work.usage.total(),
            is_changed: self.current.is_changed(),
            asked: heard.max(boundary),
        };
        let Some(why) = self.progress.due(&self.triggers, &standing) else {
            return Ok(None);
        };
        let what = step.as_deref().filter(|_| why == Why::Workflow);
        let saved = self.save_because(why, what, self.durability);
        if saved.is_err() {
            if let Some(heard) = heard {
                self.signal.hear(heard);
            }
            self.postponed = step;
        }
        saved.map(Some)
    }

    /// Saves before something is done that may do harm, and returns when the bytes are on the device,
    /// and in the mirror where the session was opened for that: do the risky thing only after it. It makes a
    /// checkpoint also where nothing changed, so that there is one to go back to by that name.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Why};
    /// use agent_primitives::SessionId;
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// let id = session.before_risky("delete the branch")?;
    /// let checkpoint = session.checkpoint(id.as_str())?;
    /// assert_eq!(checkpoint.why, Some(Why::BeforeRisky));
    /// assert_eq!(checkpoint.what.as_deref(), Some("delete the branch"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save): there is no such checkpoint then, and the risky thing had better wait.
    pub fn before_risky(&mut self, what: &str) -> Result<CheckpointId, Error> {
        let durability = if self.durability.is_synced() {
            self.durability
        } else {
            Durability::Synced
        };
        self.save_because(Why::BeforeRisky, Some(what), durability)
    }

    /// Tells that `step` of a workflow begins or ends, and saves; within the
    /// [pause](crate::Triggers::pause) not yet, but at the first [`save_if_due`](Self::save_if_due) behind it.
    /// `None` when nothing was saved.
    ///
    /// # Errors
    /// As [`save`](Self::save); the next [`save_if_due`](Self::save_if_due) tries again.
    pub fn workflow_boundary(&mut self, step: &str) -> Result<Option<CheckpointId>, Error> {
        if !self.triggers.workflow {
            return Ok(None);
        }
        self.postponed = Some(bounded(&self.redaction.text(step)));
        self.save_if_due()
    }

    fn save_because(
        &mut self,
        why: Why,
        what: Option<&str>,
        durability: Durability,
    ) -> Result<CheckpointId, Error> {
        self.commit(&Order {
            why: Some((why, what)),
            ..Order::of(why.kind(), durability)
        })
    }
}
