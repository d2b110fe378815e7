//! A state that the host does not accept.

use agent_primitives::CheckpointId;

use super::policy::Accept;
use super::{Failure, Finding, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use crate::{Checkpointer, Error, SessionState};

pub(super) fn mend(
    session: &mut Checkpointer,
    policy: &Recovery,
    hooks: &Hooks<'_>,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let Some(accept) = hooks.accept else {
        return Ok(());
    };
    let Err(why) = accept(session.state()) else {
        return Ok(());
    };
    let finding = match roll_back(session, accept, &why)? {
        Some(finding) => finding,
        None => step_back(session, policy, accept, &why)?,
    };
    report.push(finding);
    Ok(())
}

/// Takes the newest restore back, where it is what is refused and what it replaced is accepted.
fn roll_back(
    session: &mut Checkpointer,
    accept: &Accept<'_>,
    why: &str,
) -> Result<Option<Finding>, Error> {
    let latest = session.latest();
    let is_restored = latest.is_some_and(|latest| latest.restored.is_some());
    if !is_restored || session.is_changed() {
        return Ok(None);
    }
    let replaced = match session.replaced() {
        Ok(replaced) => replaced,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_accepted(session, &replaced, accept)? {
        return Ok(None);
    }
    let now = session.undo_restore()?.now;
    let detail = format!("{why}; the restore was taken back, and {now} is as it was before");
    let finding = Finding::new(Failure::RefusedState, Strategy::RollBack, detail);
    Ok(Some(finding))
}

/// Whether a checkpoint reads back as a state that is accepted.
fn is_accepted(
    session: &Checkpointer,
    id: &CheckpointId,
    accept: &Accept<'_>,
) -> Result<bool, Error> {
    match session.state_of(id) {
        Ok(state) => Ok(accept(&state).is_ok()),
        Err(error) if error.is_damaged() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Restores the newest of the checkpoints before the state that is accepted.
fn step_back(
    session: &mut Checkpointer,
    policy: &Recovery,
    accept: &Accept<'_>,
    why: &str,
) -> Result<Finding, Error> {
    let tried = usize::try_from(policy.steps_back).unwrap_or(usize::MAX);
    // What was changed since the newest checkpoint, as by a salvage, is refused, and that one may not be.
    let refused = usize::from(!session.is_changed());
    let earlier: Vec<CheckpointId> = session
        .list()
        .into_iter()
        .skip(refused)
        .take(tried)
        .map(|checkpoint| checkpoint.id)
        .collect();
    for id in &earlier {
        if is_accepted(session, id, accept)? {
            let backup = session.restore(id)?;
            let detail =
                format!("{why}; {id} is accepted and restored, {backup} holds the state before");
            return Ok(Finding::new(
                Failure::RefusedState,
                Strategy::StepBack,
                detail,
            ));
        }
    }
    let detail = format!(
        "{why}; none of the {} checkpoints before is accepted either: mend the state, or accept it",
        earlier.len()
    );
    let finding = Finding::new(Failure::RefusedState, Strategy::AskHost, detail);
    Ok(finding.outcome(Outcome::NeedsHost))
}

impl Checkpointer {
    /// Goes back to a checkpoint and takes that back where `accept` says why its state is not one to go on with:
    /// the state is then byte for byte that which was replaced, what is masked in the log included, and the report
    /// says so. An accepted restore has a clean report.
    ///
    /// ```
    /// use agent_checkpoint::recover::Strategy;
    /// use agent_checkpoint::{Checkpointer, MemoryStore, Message, SessionState};
    /// use agent_primitives::{CheckpointKind, SessionId};
    ///
    /// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
    /// session.push(Message::user("one"))?;
    /// let first = session.save(CheckpointKind::Auto)?;
    /// session.push(Message::user("two"))?;
    ///
    /// let has_two = |state: &SessionState| match state.conversation.len() {
    ///     2 => Ok(()),
    ///     count => Err(format!("{count} messages")),
    /// };
    /// let report = session.restore_if(&first, &has_two)?;
    /// assert_eq!(report.findings[0].strategy, Strategy::RollBack);
    /// assert_eq!(session.history().len(), 2);
    ///
    /// assert!(session.restore_if(&first, &|_: &SessionState| Ok(()))?.is_clean());
    /// assert_eq!(session.history().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`restore`](Self::restore). Where taking it back fails, the restored state is there, and
    /// [`undo_restore`](Self::undo_restore) may be tried again.
    pub fn restore_if(
        &mut self,
        id: &CheckpointId,
        accept: &dyn Fn(&SessionState) -> Result<(), String>,
    ) -> Result<RecoveryReport, Error> {
        let mut report = RecoveryReport::default();
        let (done, replaced) = self.plan_restore(id)?.commit_keeping()?;
        let backup = done.backup;
        let Err(why) = accept(self.state()) else {
            return Ok(report);
        };
        let undone = self.undo_restore_to(replaced)?;
        let is_same = self.is_state_of(&backup)?;
        let detail = format!("{why}; the restore of {id} was taken back to {backup}");
        let finding = Finding::new(Failure::RefusedState, Strategy::RollBack, detail);
        report.push(if is_same {
            finding
        } else {
            finding.outcome(Outcome::Failed)
        });
        report.checkpoint = Some(undone.now);
        Ok(report)
    }
}
