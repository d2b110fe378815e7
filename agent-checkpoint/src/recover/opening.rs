//! Opens a session and mends it.

use std::sync::Arc;

use agent_primitives::{CheckpointId, SessionId};

use super::{Failure, Finding, Held, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use super::{RecoveryError, log, messages, servers, state};
use crate::{Builder, Checkpointer, Claim, Error, Reader, Store, TakeOver};

/// A session that was opened, and what was found broken.
///
/// See [`Builder::recover`].
#[derive(Debug)]
#[must_use = "the report says what was lost, and whether the host is needed"]
#[non_exhaustive]
pub struct Recovered {
    /// The session. Where [`RecoveryReport::may_go_on`] says no, it is open all the same, and the host does what
    /// the findings say before it goes on.
    pub session: Checkpointer,
    /// What was found and done.
    pub report: RecoveryReport,
}

/// Names that are tried for a branch.
const BRANCHES_MAX: u32 = 8;

impl Builder {
    /// As [`open`](Self::open), and mends what is broken: looks at the log, at the state, at the messages and at
    /// the tools, answers each failure as `policy` allows, saves what was changed as a checkpoint of kind
    /// [`Error`](agent_primitives::CheckpointKind::Error), and reads it back. A sound session is opened as it is.
    /// Where something is found all of the session is in memory afterwards, whatever [`Resume`](crate::Resume) says; one that
    /// was never cut is read whole in any case, since a part of its messages cannot be judged.
    ///
    /// # Errors
    /// [`RecoveryError`] when the session cannot be opened for writing, with what it needs.
    pub fn recover(self, policy: &Recovery) -> Result<Recovered, RecoveryError> {
        self.recover_with(policy, &Hooks::default())
    }

    /// As [`recover`](Self::recover), with what only the host has.
    ///
    /// # Errors
    /// As [`recover`](Self::recover).
    pub fn recover_with(
        self,
        policy: &Recovery,
        hooks: &Hooks<'_>,
    ) -> Result<Recovered, RecoveryError> {
        let (store, id) = self.target();
        let (keys, limit) = (self.keying(), self.limit());
        let mut report = RecoveryReport::default();
        let mut session = match opened(self, policy, &mut report) {
            Ok(session) => session,
            Err(error) => {
                report.push(refused(&error));
                let reader = keys.and_then(|keys| Reader::open_as(store, id.clone(), limit, keys));
                return Err(RecoveryError::new(id, report, error, reader.ok()));
            }
        };
        let mut taken_in = 0;
        if let Err(error) = mend(&mut session, policy, hooks, &mut report, &mut taken_in) {
            report.push(failed(&error));
        }
        if report.is_clean() {
            session.leave_out_again(taken_in);
        }
        if !report.is_clean() && session.is_changed() {
            let saved = session.save_mended();
            settle(&session, saved, &mut report);
        }
        Ok(Recovered { session, report })
    }
}

fn mend(
    session: &mut Checkpointer,
    policy: &Recovery,
    hooks: &Hooks<'_>,
    report: &mut RecoveryReport,
    taken_in: &mut usize,
) -> Result<(), Error> {
    log::mend(session, policy, hooks, report)?;
    *taken_in = match hooks.accept {
        Some(_) => session.take_in()?,
        None => session.take_in_context()?,
    };
    state::mend(session, policy, hooks, report)?;
    // Of the state that is gone on with: going back would take a migration back as well.
    let mut before = None;
    for check in &hooks.components {
        if let Some(finding) = check(session, &mut before) {
            report.push(finding);
        }
    }
    servers::mend(session, policy, hooks, report)?;
    messages::mend(session, policy, hooks, report);
    Ok(())
}

/// Looks whether what was saved reads back.
pub(super) fn settle(
    session: &Checkpointer,
    saved: Result<CheckpointId, Error>,
    report: &mut RecoveryReport,
) {
    let id = match saved {
        Ok(id) => id,
        Err(error) => {
            report.push(failed(&error));
            return;
        }
    };
    match session.is_state_of(&id) {
        Ok(true) => report.checkpoint = Some(id),
        Ok(false) => {
            let detail =
                format!("{id} does not read back as it was saved; save again, or elsewhere");
            let finding = Finding::new(Failure::FailedWrite, Strategy::AskHost, detail);
            report.push(finding.outcome(Outcome::Failed));
        }
        Err(error) => report.push(failed(&error)),
    }
}

/// An error of the store that stands in the way.
pub(super) fn failed(error: &Error) -> Finding {
    let strategy = if error.is_disk_full() {
        Strategy::FreeSpace
    } else {
        Strategy::AskHost
    };
    Finding::new(Failure::FailedWrite, strategy, error.to_string()).outcome(Outcome::NeedsHost)
}

/// What an error says that kept the session from being opened.
fn refused(error: &Error) -> Finding {
    let (failure, strategy) = if error.is_newer() {
        (Failure::NewSchema, Strategy::ReadOnly)
    } else if error.is_locked() || error.is_fenced() {
        (Failure::LostLease, Strategy::Refuse)
    } else if error.is_wrong_key() || error.is_unencrypted() {
        (Failure::WrongKey, Strategy::AskHost)
    } else if error.is_disk_full() {
        (Failure::FailedWrite, Strategy::FreeSpace)
    } else {
        (Failure::FailedWrite, Strategy::AskHost)
    };
    Finding::new(failure, strategy, error.to_string()).outcome(Outcome::NeedsHost)
}

/// Opens the session, or what the policy wants in its place where somebody else has it.
fn opened(
    builder: Builder,
    policy: &Recovery,
    report: &mut RecoveryReport,
) -> Result<Checkpointer, Error> {
    if policy.held == Held::Refuse {
        return builder.open();
    }
    let (store, id) = builder.target();
    // Given back at once: whoever takes it in between makes the opening fail, and no harm.
    let held = store.claim(&id, &Claim::at(builder.now())).err();
    let Some(held) = held.filter(Error::is_locked) else {
        return builder.open();
    };
    let how = match policy.held {
        Held::Refuse => return Err(held),
        Held::TakeOverExpired => TakeOver::Expired,
        Held::TakeOver => TakeOver::Force,
        Held::Branch => return branched(builder, held, report),
    };
    let session = builder.take_over(how).open()?;
    let detail = format!(
        "{held}; taken over, in epoch {}: what the other was told is saved is there",
        session.epoch()
    );
    report.push(Finding::new(Failure::LostLease, Strategy::TakeOver, detail));
    Ok(session)
}

/// Opens a new session from the newest checkpoint of the one that somebody else has.
fn branched(
    builder: Builder,
    held: Error,
    report: &mut RecoveryReport,
) -> Result<Checkpointer, Error> {
    let (store, id) = builder.target();
    let reader = Reader::open_as(
        Arc::clone(&store),
        id.clone(),
        builder.limit(),
        builder.keying()?,
    )?;
    let newest = reader.latest()?;
    let Some(newest) = newest.map(|newest| newest.id) else {
        return Err(held);
    };
    let Some(branch) = branch_of(&store, &id, &newest) else {
        return Err(held);
    };
    let session = builder
        .named(branch.clone())
        .fork_of(id.clone(), newest.clone())
        .open()?;
    let detail =
        format!("{held}; goes on as {branch} from {newest}, and both stay: choose one, or merge");
    report.push(Finding::new(Failure::LostLease, Strategy::Branch, detail));
    Ok(session)
}

/// A name for a branch that no session has.
pub(super) fn branch_of(
    store: &Arc<dyn Store>,
    id: &SessionId,
    from: &CheckpointId,
) -> Option<SessionId> {
    let number = from.as_str().split('-').next().unwrap_or_default();
    (1..=BRANCHES_MAX).find_map(|attempt| {
        let more = if attempt == 1 {
            String::new()
        } else {
            format!("-{attempt}")
        };
        let branch = SessionId::new(format!("{id}-branch-{number}{more}")).ok()?;
        let segments = store.segments(&branch).ok()?;
        segments.is_empty().then_some(branch)
    })
}
