//! Components of earlier and of later versions.

use super::{Failure, Finding, Outcome, Strategy};
use crate::{Checkpointer, Error, Snapshot};

/// Brings a component up to its type's version, where it is of another.
pub(super) type ComponentCheck = fn(&mut Checkpointer) -> Option<Finding>;

pub(super) fn check_component<T: Snapshot>(session: &mut Checkpointer) -> Option<Finding> {
    let stored = session.component_version(T::KIND)?;
    match session.component::<T>() {
        Ok(None) => None,
        Ok(Some(_)) if stored == T::VERSION => None,
        Ok(Some(value)) => Some(migrated::<T>(session, &value, stored)),
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

/// Sets the value at its type's version, which proves that it reads back. The value before stays in the log, and
/// its checkpoint is pinned.
fn migrated<T: Snapshot>(session: &mut Checkpointer, value: &T, stored: u16) -> Finding {
    let pinned = match session.latest() {
        Some(latest) => session.pin(&latest.id).map(|()| Some(latest.id)),
        None => Ok(None),
    };
    match pinned.and_then(|pinned| session.put(value).map(|()| pinned)) {
        Ok(pinned) => {
            let before = pinned.map_or_else(String::new, |id| format!("; {id} keeps it as it was"));
            let (kind, version) = (T::KIND, T::VERSION);
            let detail = format!("component {kind} from version {stored} to {version}{before}");
            Finding::new(Failure::OldSchema, Strategy::Migrate, detail)
        }
        Err(error) => unread::<T>(stored, &error),
    }
}
