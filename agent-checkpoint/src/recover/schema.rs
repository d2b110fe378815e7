//! Components of earlier and of later versions.

use agent_primitives::{CheckpointId, CheckpointKind};

use super::{Failure, Finding, Outcome, Strategy};
use crate::{Checkpointer, Error, Snapshot};

/// Brings a component up to its type's version, where it is of another. Remembers the checkpoint before all of them.
pub(super) type ComponentCheck =
    fn(&mut Checkpointer, &mut Option<CheckpointId>) -> Option<Finding>;

pub(super) fn check_component<T: Snapshot>(
    session: &mut Checkpointer,
    before: &mut Option<CheckpointId>,
) -> Option<Finding> {
    let stored = session.component_version(T::KIND)?;
    match session.component::<T>() {
        Ok(None) => None,
        Ok(Some(_)) if stored == T::VERSION => None,
        Ok(Some(value)) => Some(migrated::<T>(session, before, &value, stored)),
        Err(error) if error.is_newer() => {
            let detail = format!("component {} has version {stored}: {error}", T::KIND);
            let finding = Finding::new(Failure::NewSchema, Strategy::Carry, detail);
            Some(finding.outcome(Outcome::NeedsHost))
        }
        Err(error) => Some(unread::<T>(stored, &error)),
    }
}

fn unread<T: Snapshot>(stored: u16, error: &Error) -> Finding {
    let detail = format!("component {} has version {stored}: {error}", T::KIND);
    Finding::new(Failure::OldSchema, Strategy::AskHost, detail).outcome(Outcome::NeedsHost)
}

/// The checkpoint of the state as it is, pinned. What was put together a moment ago has none yet.
fn pinned(session: &mut Checkpointer) -> Result<Option<CheckpointId>, Error> {
    if session.is_changed() {
        session.save(CheckpointKind::Error)?;
    }
    let Some(latest) = session.latest() else {
        return Ok(None);
    };
    session.pin(&latest.id)?;
    Ok(Some(latest.id))
}

/// Sets the value at its type's version, which proves that it reads back. The value before stays in the log, and
/// its checkpoint is pinned.
fn migrated<T: Snapshot>(
    session: &mut Checkpointer,
    before: &mut Option<CheckpointId>,
    value: &T,
    stored: u16,
) -> Finding {
    let kept = match before.take() {
        Some(before) => Ok(Some(before)),
        None => pinned(session),
    };
    match kept.and_then(|kept| session.put(value).map(|()| kept)) {
        Ok(kept) => {
            let (kind, version) = (T::KIND, T::VERSION);
            let keeps = kept
                .as_ref()
                .map_or_else(String::new, |id| format!("; {id} keeps it as it was"));
            *before = kept;
            let detail = format!("component {kind} from version {stored} to {version}{keeps}");
            Finding::new(Failure::OldSchema, Strategy::Migrate, detail)
        }
        Err(error) => unread::<T>(stored, &error),
    }
}
