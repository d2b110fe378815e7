//! What can go wrong, and what to do next.

mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use agent_primitives::{CheckpointId, SessionId};

use crate::codec::Fault;
use crate::format::envelope::KEY_ID_LEN;
use crate::store::Owner;
use kind::Kind;

type Source = Box<dyn StdError + Send + Sync>;

/// Why an operation on a store or a session failed.
///
/// The message says what to do next; the predicates answer the questions that a program asks.
/// Whatever the error, the state in memory is unchanged: nothing pushed or updated is lost by it.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let store = MemoryStore::new();
/// let id = SessionId::new("s1")?;
/// let _first = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// let second = Checkpointer::builder(store, id).open().unwrap_err();
/// assert!(second.is_locked());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Error(Box<Kind>);

impl Error {
    /// The store could not be reached or refused for a reason that may pass. For stores outside this
    /// crate; `what` completes "… failed".
    pub fn unavailable(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Kind::Unavailable {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    /// No space is left. For stores outside this crate; `what` completes "no space left while …".
    pub fn disk_full(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Kind::DiskFull {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    /// What is to be written may only be read: a file system mounted so, say. For stores outside this
    /// crate; `what` completes "… is refused".
    pub fn read_only(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Kind::ReadOnly {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    /// A permission is lacking. For stores outside this crate; `what` completes "… is refused".
    pub fn permission_denied(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Kind::PermissionDenied {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    /// The store itself holds what was written, durably, and its mirror does not. For stores outside
    /// this crate.
    pub fn not_replicated(source: impl Into<Source>) -> Self {
        Kind::NotReplicated {
            source: source.into(),
        }
        .into()
    }

    /// Something else is where the store keeps its own: `what` is there, it is `found` and should be `wanted`.
    /// For stores outside this crate.
    ///
    /// ```
    /// use agent_checkpoint::Error;
    ///
    /// let error = Error::obstructed("sessions/a/lock", "a symbolic link", "a file");
    /// assert!(error.is_obstructed());
    /// ```
    pub fn obstructed(what: impl Into<String>, found: &'static str, wanted: &'static str) -> Self {
        Kind::Obstructed {
            what: what.into(),
            found,
            wanted,
        }
        .into()
    }

    pub(crate) fn blocked(patience: Duration) -> Self {
        Kind::Blocked(patience).into()
    }

    pub(crate) fn no_mirror() -> Self {
        Kind::NoMirror.into()
    }

    /// Somebody else writes this session. For stores outside this crate.
    pub fn locked(session: SessionId) -> Self {
        Kind::Locked {
            session,
            owner: None,
        }
        .into()
    }

    /// As [`locked`](Self::locked), where it is known who. For stores outside this crate.
    pub fn locked_by(session: SessionId, owner: Owner) -> Self {
        Kind::Locked {
            session,
            owner: Some(owner),
        }
        .into()
    }

    /// Somebody took the session over from this writer. For stores outside this crate.
    pub fn fenced(session: SessionId, owner: Option<Owner>) -> Self {
        Kind::Fenced { session, owner }.into()
    }

    /// A sync failed: what this writer appended since the last one may never reach the device. For stores
    /// outside this crate.
    pub fn poisoned() -> Self {
        Kind::Poisoned.into()
    }

    /// An append was not at the end of the log. For stores outside this crate.
    pub fn conflict(session: SessionId) -> Self {
        Kind::Conflict(session).into()
    }

    /// What the session is written to is gone: another program removed it. For stores outside this crate.
    ///
    /// ```
    /// assert!(agent_checkpoint::Error::removed("the row of session a").is_removed());
    /// ```
    pub fn removed(what: impl Into<String>) -> Self {
        Kind::Removed { what: what.into() }.into()
    }

    pub(crate) fn foreign(what: impl Into<String>, owner: impl Into<String>) -> Self {
        Kind::Foreign {
            what: what.into(),
            owner: owner.into(),
        }
        .into()
    }

    pub(crate) fn newer(what: impl Into<String>) -> Self {
        Kind::Newer { what: what.into() }.into()
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Kind::Unsupported { what: what.into() }.into()
    }

    pub(crate) fn too_large(what: impl Into<String>, len: usize, max: usize) -> Self {
        let widen = |n| u64::try_from(n).unwrap_or(u64::MAX);
        Kind::TooLarge {
            what: what.into(),
            len: widen(len),
            max: widen(max),
        }
        .into()
    }

    /// As [`too_large`](Self::too_large), of a log that is there and cannot be made smaller.
    pub(crate) fn beyond_limit(what: impl Into<String>, len: u64, max: u64) -> Self {
        let what = what.into();
        Kind::BeyondLimit { what, len, max }.into()
    }

    pub(crate) fn too_many_ranges(what: &'static str, len: usize, max: usize) -> Self {
        Kind::TooManyRanges { what, len, max }.into()
    }

    pub(crate) fn taken(what: impl Into<String>, by: impl Into<String>) -> Self {
        Kind::Taken {
            what: what.into(),
            by: by.into(),
        }
        .into()
    }

    pub(crate) fn ambiguous(text: &str) -> Self {
        Kind::Ambiguous(text.to_owned()).into()
    }

    pub(crate) fn too_many_held(len: usize, max: usize) -> Self {
        Kind::TooManyHeld { len, max }.into()
    }

    pub(crate) fn nothing_restored() -> Self {
        Kind::NothingRestored.into()
    }

    pub(crate) fn not_found(id: CheckpointId) -> Self {
        Kind::NotFound(id).into()
    }

    pub(crate) fn damaged(id: CheckpointId) -> Self {
        Kind::Damaged(id).into()
    }

    pub(crate) fn encode(what: impl Into<String>, source: serde_json::Error) -> Self {
        Kind::Encode {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    pub(crate) fn decode(what: impl Into<String>, source: serde_json::Error) -> Self {
        Kind::Decode {
            what: what.into(),
            source: source.into(),
        }
        .into()
    }

    /// A value that its codec would not bring back.
    pub(crate) fn unsavable(what: impl Into<String>, codec: &'static str, fault: Fault) -> Self {
        let Fault { path, reason } = fault;
        Kind::Unsavable {
            what: what.into(),
            codec,
            path: named(path),
            reason,
        }
        .into()
    }

    /// A value that would not read back with a mask in it.
    pub(crate) fn secret(what: impl Into<String>) -> Self {
        Kind::Secret(what.into()).into()
    }

    /// Bytes that are not of the type.
    pub(crate) fn unread(what: impl Into<String>, fault: Fault) -> Self {
        let Fault { path, reason } = fault;
        Kind::Unread {
            what: what.into(),
            path: named(path),
            reason,
        }
        .into()
    }

    pub(crate) fn migration(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Kind::Migration {
            what: what.into(),
            reason: reason.into(),
        }
        .into()
    }

    pub(crate) fn newer_component(name: impl Into<String>) -> Self {
        Kind::NewerComponent(name.into()).into()
    }

    pub(crate) fn reserved(what: impl Into<String>, field: impl Into<String>) -> Self {
        Kind::Reserved {
            what: what.into(),
            field: field.into(),
        }
        .into()
    }

    pub(crate) fn too_deep(what: impl Into<String>, max: usize) -> Self {
        Kind::TooDeep {
            what: what.into(),
            max,
        }
        .into()
    }

    pub(crate) fn wrong_key(id: [u8; KEY_ID_LEN]) -> Self {
        Kind::WrongKey(format!("{:016x}", u64::from_be_bytes(id))).into()
    }

    pub(crate) fn unencrypted() -> Self {
        Kind::Unencrypted.into()
    }

    pub(crate) fn invalid(what: impl Into<String>, reason: &'static str) -> Self {
        Kind::Invalid {
            what: what.into(),
            reason,
        }
        .into()
    }

    /// What was given means nothing here: a text that is no label, a [`Snapshot::KIND`](crate::Snapshot::KIND) that is no
    /// name, settings that contradict each other. The message says what is asked for.
    pub fn is_invalid(&self) -> bool {
        matches!(*self.0, Kind::Invalid { .. })
    }

    /// Another writer holds the session.
    pub fn is_locked(&self) -> bool {
        matches!(*self.0, Kind::Locked { .. })
    }

    /// Another writer took the session over: what was acknowledged before stays, and nothing more is
    /// saved from here. Open the session anew, or [`take_over`](crate::Checkpointer::take_over) in turn.
    pub fn is_fenced(&self) -> bool {
        matches!(*self.0, Kind::Fenced { .. })
    }

    /// Who holds the session, where the error [`is_locked`](Self::is_locked) or
    /// [`is_fenced`](Self::is_fenced) and it is known.
    pub fn owner(&self) -> Option<&Owner> {
        match &*self.0 {
            Kind::Locked { owner, .. } | Kind::Fenced { owner, .. } => owner.as_ref(),
            _ => None,
        }
    }

    /// A sync failed, and writing elsewhere what it was for did too: save again, or
    /// [`reopen`](crate::Checkpointer::reopen) the session.
    pub fn is_poisoned(&self) -> bool {
        matches!(*self.0, Kind::Poisoned)
    }

    /// Somebody removed the session's folder or a file of it while it was written to, and nothing was saved:
    /// [`reopen`](crate::Checkpointer::reopen) the session, and save again. What was saved before went with the files,
    /// unless it is in memory.
    pub fn is_removed(&self) -> bool {
        matches!(*self.0, Kind::Removed { .. })
    }

    /// The log is longer than this writer believes, or somebody cut it: [`reopen`](crate::Checkpointer::reopen) the session.
    pub fn is_conflict(&self) -> bool {
        matches!(*self.0, Kind::Conflict(_))
    }

    /// Space ran out; the same save may be tried again.
    pub fn is_disk_full(&self) -> bool {
        matches!(*self.0, Kind::DiskFull { .. })
    }

    /// The place may only be read; once it is writable again the same save may be tried again.
    pub fn is_read_only(&self) -> bool {
        matches!(*self.0, Kind::ReadOnly { .. })
    }

    /// A permission is lacking; once it is granted the same save may be tried again.
    pub fn is_permission_denied(&self) -> bool {
        matches!(*self.0, Kind::PermissionDenied { .. })
    }

    /// Something else lies where the store needs a file or a folder of its own: a symbolic link, which is never
    /// followed, a folder, a file, a pipe. Once it is moved away the same may be tried again.
    pub fn is_obstructed(&self) -> bool {
        matches!(*self.0, Kind::Obstructed { .. })
    }

    /// The store did not answer within the session's [`patience`](crate::Builder::patience). What was
    /// asked is under way, and the next save asks for its outcome.
    pub fn is_blocked(&self) -> bool {
        matches!(*self.0, Kind::Blocked(_))
    }

    /// [`Durability::Replicated`](crate::Durability::Replicated) was asked for and not reached: the mirror
    /// failed, and the store itself holds the save; or there is no mirror, and nothing was written.
    pub fn is_not_replicated(&self) -> bool {
        matches!(*self.0, Kind::NotReplicated { .. } | Kind::NoMirror)
    }

    /// The store failed for a reason that may pass: lack of space or permission, something in the way, or any other.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            *self.0,
            Kind::Unavailable { .. }
                | Kind::DiskFull { .. }
                | Kind::ReadOnly { .. }
                | Kind::PermissionDenied { .. }
                | Kind::Obstructed { .. }
        )
    }

    /// A newer version of the library, or a build with more features, reads this.
    pub fn is_newer(&self) -> bool {
        matches!(
            *self.0,
            Kind::Newer { .. } | Kind::Unsupported { .. } | Kind::NewerComponent(_)
        )
    }

    /// The files were moved here from another store or session.
    pub fn is_foreign(&self) -> bool {
        matches!(*self.0, Kind::Foreign { .. })
    }

    /// The session is encrypted with a key that was not given, or this build lacks the feature `encryption`.
    /// Nothing was read and nothing changed; [`wanted_key`](Self::wanted_key) tells which key it takes.
    pub fn is_wrong_key(&self) -> bool {
        matches!(*self.0, Kind::WrongKey(_))
    }

    /// Something in the session is not encrypted although keys were given: it was written before the session had
    /// any, or by somebody who has none. Nothing was read and nothing changed.
    pub fn is_unencrypted(&self) -> bool {
        matches!(*self.0, Kind::Unencrypted)
    }

    /// The id of the key that is asked for, where the error [`is_wrong_key`](Self::is_wrong_key): 16 hex digits.
    pub fn wanted_key(&self) -> Option<&str> {
        match &*self.0 {
            Kind::WrongKey(id) => Some(id),
            _ => None,
        }
    }

    /// A limit of the format or the file system was passed.
    pub fn is_too_large(&self) -> bool {
        matches!(
            *self.0,
            Kind::TooLarge { .. }
                | Kind::BeyondLimit { .. }
                | Kind::TooManyRanges { .. }
                | Kind::TooManyHeld { .. }
        )
    }

    /// The value cannot be saved as it is: an additional field has the name of one that the type has,
    /// it is nested too deep, or its codec would not bring it back. Change it; the message names the field.
    pub fn is_unsavable(&self) -> bool {
        matches!(
            *self.0,
            Kind::Reserved { .. }
                | Kind::TooDeep { .. }
                | Kind::Encode { .. }
                | Kind::Unsavable { .. }
                | Kind::Secret(_)
        )
    }

    /// What was saved does not read back; an older checkpoint may.
    pub(crate) fn is_decode(&self) -> bool {
        matches!(*self.0, Kind::Decode { .. } | Kind::Unread { .. })
    }

    /// An earlier version of a host's type could not be brought up to the present one: a step is missing,
    /// doubled or has failed. The bytes stay in the log; mend the type's migrations.
    pub fn is_migration(&self) -> bool {
        matches!(*self.0, Kind::Migration { .. })
    }

    /// The label or the session is somebody else's.
    pub fn is_taken(&self) -> bool {
        matches!(*self.0, Kind::Taken { .. })
    }

    /// So little of an id was given that several begin with it.
    pub fn is_ambiguous(&self) -> bool {
        matches!(*self.0, Kind::Ambiguous(_))
    }

    /// No such checkpoint is listed.
    pub fn is_not_found(&self) -> bool {
        matches!(*self.0, Kind::NotFound(_) | Kind::NothingRestored)
    }

    /// The bytes that this needs are damaged.
    pub fn is_damaged(&self) -> bool {
        matches!(*self.0, Kind::Damaged(_))
    }
}

fn by(owner: Option<&Owner>) -> String {
    owner.map_or_else(String::new, |owner| format!(" by {owner}"))
}

/// The whole value has no path.
fn named(path: String) -> String {
    if path.is_empty() {
        "it".to_owned()
    } else {
        path
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
