//! Names for checkpoints, and pins that hold them.

use agent_primitives::{CheckpointId, CheckpointKind};

use super::order::Order;
use super::save::Flight;
use super::{Checkpoint, Checkpointer};
use crate::Error;
use crate::format::point::{Tag, is_label, is_printable};
use crate::log::batch::Batch;

impl Checkpointer {
    /// Saves as [`save`](Self::save) does for [`CheckpointKind::Manual`], and gives the checkpoint a name in
    /// the same write. A label is a text of 1 to 128 bytes without control characters, without
    /// those that turn the direction of text (such as U+202E), and without blanks at its ends; no two checkpoints of a session have the same, and retention keeps what has one.
    /// Secrets in it are [masked](super::Builder::redaction), here and wherever the label is asked for.
    ///
    /// ```
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("hello"))?;
    /// let id = session.save_labelled("before the merge")?;
    /// assert_eq!(session.by_label("before the merge").unwrap().id, id);
    ///
    /// session.push(Message::user("on it goes"))?;
    /// let later = session.save(CheckpointKind::Manual)?;
    /// assert!(session.label(&later, "before the merge").unwrap_err().is_taken());
    /// session.move_label(&later, "before the merge")?;
    /// assert_eq!(session.by_label("before the merge").unwrap().id, later);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`save`](Self::save); [`Error::is_invalid`] for a text that is no label; [`Error::is_taken`] when another checkpoint has the label;
    /// [`Error::is_too_large`] when too many checkpoints have labels or pins. Nothing is saved then.
    pub fn save_labelled(&mut self, label: &str) -> Result<CheckpointId, Error> {
        let label = &*self.redaction.text(label).into_owned();
        check(label)?;
        self.know_all()?;
        self.points.check_room()?;
        if let Some(other) = self.points.with_label(label) {
            return Err(taken(label, other));
        }
        let order = Order {
            label: Some(label),
            ..Order::of(CheckpointKind::Manual, self.durability)
        };
        self.commit(&order)
    }

    /// Names a checkpoint; see [`save_labelled`](Self::save_labelled). It may have several labels.
    ///
    /// # Errors
    /// As [`save_labelled`](Self::save_labelled); [`Error::is_not_found`] when the id is not listed.
    pub fn label(&mut self, id: &CheckpointId, label: &str) -> Result<(), Error> {
        let label = &*self.redaction.text(label).into_owned();
        self.know_all()?;
        match self.points.with_label(label) {
            Some(other) if other.id != *id => Err(taken(label, other)),
            _ => self.move_label(id, label),
        }
    }

    /// Names a checkpoint, and takes the label from the one that has it.
    ///
    /// # Errors
    /// As [`label`](Self::label), but for [`Error::is_taken`].
    pub fn move_label(&mut self, id: &CheckpointId, label: &str) -> Result<(), Error> {
        let label = &*self.redaction.text(label).into_owned();
        check(label)?;
        self.know_all()?;
        let checkpoint = self.points.with_id(id)?;
        if checkpoint.labels.iter().any(|l| l == label) {
            return Ok(());
        }
        self.points.check_room()?;
        self.tag(Tag::label(id.clone(), label))
    }

    /// Takes a label away; the checkpoint stays as long as the retention keeps it otherwise. Whether there
    /// was one.
    ///
    /// # Errors
    /// As [`save`](Self::save); the label stays then.
    pub fn unlabel(&mut self, label: &str) -> Result<bool, Error> {
        let label = &*self.redaction.text(label).into_owned();
        self.know_all()?;
        if self.points.with_label(label).is_none() {
            return Ok(false);
        }
        self.tag(Tag {
            checkpoint: None,
            label: Some(label.to_owned()),
            pinned: None,
        })?;
        Ok(true)
    }

    /// The checkpoint that has the label.
    pub fn by_label(&self, label: &str) -> Option<&Checkpoint> {
        self.points.with_label(&self.redaction.text(label))
    }

    /// Holds a checkpoint against the retention, until [`unpin`](Self::unpin).
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; [`Error::is_too_large`] when too many checkpoints
    /// have labels or pins; and as [`save`](Self::save).
    pub fn pin(&mut self, id: &CheckpointId) -> Result<(), Error> {
        self.set_pin(id, true)
    }

    /// Leaves a checkpoint to the retention again.
    ///
    /// # Errors
    /// [`Error::is_not_found`] when the id is not listed; and as [`save`](Self::save).
    pub fn unpin(&mut self, id: &CheckpointId) -> Result<(), Error> {
        self.set_pin(id, false)
    }

    fn set_pin(&mut self, id: &CheckpointId, pinned: bool) -> Result<(), Error> {
        self.know_all()?;
        if self.points.with_id(id)?.pinned == pinned {
            return Ok(());
        }
        if pinned {
            self.points.check_room()?;
        }
        self.tag(Tag {
            checkpoint: Some(id.clone()),
            label: None,
            pinned: Some(pinned),
        })
    }

    /// What is under way, and what was not read yet, may have a label.
    fn know_all(&mut self) -> Result<(), Error> {
        self.land()?;
        self.complete()
    }

    fn tag(&mut self, tag: Tag) -> Result<(), Error> {
        let mut batch = Batch::starting_at(self.desk.appender()?.end.next);
        batch.tag(&mut self.packer, &tag)?;
        let flight = Flight::Tag(tag);
        self.run(batch.into_frames(), self.durability, flight)
    }
}

fn check(label: &str) -> Result<(), Error> {
    if is_label(label) && is_printable(label) {
        return Ok(());
    }
    Err(Error::invalid(
        format!("label {label:?}"),
        "give it 1 to 128 bytes, no control characters, none that turn the direction of text, and no blanks at its ends",
    ))
}

fn taken(label: &str, other: &Checkpoint) -> Error {
    Error::taken(
        format!("label {label:?}"),
        format!("checkpoint {}", other.id),
    )
}
