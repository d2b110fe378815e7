//! Errors of a session that is at work.

use std::ops::Range;

use agent_primitives::CheckpointKind;

use super::log;
use super::opening::{branch_of, failed, settle};
use super::{Failure, Finding, Held, Outcome, Recovery, RecoveryReport, Strategy};
use crate::{Checkpointer, Error, TakeOver};

impl Checkpointer {
    /// Answers an error that a save gave: everything in memory stays, and is saved where that can be done.
    ///
    /// - A log that cannot be gone on with ([`Error::is_poisoned`], [`Error::is_conflict`], [`Error::is_removed`]) is
    ///   opened anew in place.
    /// - A disk that is full is relieved of what no checkpoint needs, by [`compact`](Self::compact).
    /// - A session that somebody took over is left to them, taken over in turn, or gone on with as a branch of its own,
    ///   as [`Recovery::held`] says. After a branch this is that session: [`session`](Self::session) has another
    ///   id.
    /// - What may pass by itself is tried once more.
    ///
    /// The rest needs the host, as does what still fails after it. Where only the end of the session is in memory
    /// ([`Resume::Last`](crate::Resume::Last)) and the log has lost what is before it, a mark stands in front of what is in
    /// memory, and nothing is saved before the host says so.
    ///
    /// ```
    /// use agent_checkpoint::recover::{Held, Recovery, Strategy};
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, TakeOver};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let (store, id) = (MemoryStore::new(), SessionId::new("s1")?);
    /// let mut mine = Checkpointer::builder(store.clone(), id.clone()).open()?;
    /// mine.push(Message::user("hello"))?;
    /// mine.save(CheckpointKind::Auto)?;
    /// let theirs = Checkpointer::builder(store, id).take_over(TakeOver::Force).open()?;
    ///
    /// mine.push(Message::user("and on"))?;
    /// let error = mine.save(CheckpointKind::Auto).unwrap_err();
    /// let report = mine.recover_from(&error, &Recovery::default().held(Held::Branch));
    /// assert_eq!(report.findings[0].strategy, Strategy::Branch);
    /// assert_eq!(mine.session().as_str(), "s1-branch-1");
    /// assert_eq!((mine.history().len(), mine.unsaved().len()), (2, 0));
    /// assert_eq!(theirs.history().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recover_from(&mut self, error: &Error, policy: &Recovery) -> RecoveryReport {
        let mut report = RecoveryReport::default();
        let (skipped, first) = (self.skipped(), self.first_number());
        let is_unusable = error.is_poisoned() || error.is_conflict() || error.is_removed();
        let answered = if error.is_fenced() || error.is_locked() {
            self.answer_held(error, policy)
        } else if is_unusable {
            self.answer_unusable(error, policy)
        } else if error.is_disk_full() {
            Ok(self.answer_full(error))
        } else if error.is_blocked() || error.is_not_replicated() || error.is_unavailable() {
            let detail = format!("{error}; tried once more");
            Ok(Finding::new(Failure::FailedWrite, Strategy::Reopen, detail))
        } else {
            Ok(failed(error))
        };
        let gone = skipped.saturating_sub(self.skipped());
        let answered = answered.map(|finding| match gone {
            0 => finding,
            gone => without_history(finding, gone, self.mark_before(first)),
        });
        match answered {
            Ok(finding) => {
                let is_recovered = finding.outcome == Outcome::Recovered;
                let is_reopened = is_unusable || finding.strategy == Strategy::TakeOver;
                report.push(finding);
                if is_reopened {
                    log::tell_reopened(self.report(), &mut report);
                }
                if is_recovered {
                    let saved = self.save(CheckpointKind::Error);
                    settle(self, saved, &mut report);
                }
            }
            Err(error) => report.push(failed(&error)),
        }
        report
    }

    fn answer_held(&mut self, error: &Error, policy: &Recovery) -> Result<Finding, Error> {
        let how = match policy.held {
            Held::Refuse => {
                let finding = Finding::new(Failure::LostLease, Strategy::Refuse, error.to_string());
                return Ok(finding.outcome(Outcome::NeedsHost));
            }
            Held::Branch => return self.answer_with_branch(error),
            Held::TakeOverExpired => TakeOver::Expired,
            Held::TakeOver => TakeOver::Force,
        };
        self.take_over(how)?;
        let detail = format!(
            "{error}; taken over in turn, in epoch {}: the other's saves stay in the list",
            self.epoch()
        );
        Ok(Finding::new(Failure::LostLease, Strategy::TakeOver, detail))
    }

    fn answer_with_branch(&mut self, error: &Error) -> Result<Finding, Error> {
        let ask = |detail: String| {
            let finding = Finding::new(Failure::LostLease, Strategy::Refuse, detail);
            Ok(finding.outcome(Outcome::NeedsHost))
        };
        let Some(from) = self.head_id() else {
            return ask(format!(
                "{error}; nothing is saved that a branch could begin with"
            ));
        };
        let Some(branch) = branch_of(&self.shared_store(), self.session(), &from) else {
            return ask(format!("{error}; no name for a branch is free"));
        };
        let before = self.session().clone();
        self.branch(branch.clone(), &from)?;
        let detail = format!(
            "{error}; goes on as {branch} from {from} of {before}, and both stay: choose one, or merge"
        );
        Ok(Finding::new(Failure::LostLease, Strategy::Branch, detail))
    }

    fn answer_unusable(&mut self, error: &Error, policy: &Recovery) -> Result<Finding, Error> {
        let mut reopened = self.reopen();
        for _ in 1..policy.rounds {
            match &reopened {
                Err(again) if again.is_conflict() || again.is_poisoned() => {
                    reopened = self.reopen();
                }
                _ => break,
            }
        }
        reopened?;
        let detail = format!("{error}; opened anew, with all that was in memory");
        Ok(Finding::new(Failure::FailedWrite, Strategy::Reopen, detail))
    }

    fn answer_full(&mut self, error: &Error) -> Finding {
        let before = self.figures().map_or(0, |figures| figures.stored_bytes);
        let freed = self.compact().and_then(|_| self.figures());
        let freed = freed.map_or(0, |after| before.saturating_sub(after.stored_bytes));
        if freed == 0 {
            return failed(error);
        }
        let detail = format!("{error}; {freed} bytes that no checkpoint needs were given back");
        Finding::new(Failure::FailedWrite, Strategy::FreeSpace, detail)
    }
}

/// Of a session of which only the end is in memory, and the log has lost what is before it.
fn without_history(mut finding: Finding, gone: usize, lost: Range<u64>) -> Finding {
    finding.detail = format!(
        "{}; {gone} messages that were saved are neither in the log nor in memory: bring the log back and open the session anew, or save, with a mark in their place",
        finding.detail
    );
    finding.lost([lost]).outcome(Outcome::NeedsHost)
}
