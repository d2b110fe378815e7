//! What each failure is, and the sentence that says what to do next.

use std::time::Duration;

use agent_primitives::{CheckpointId, SessionId};

use super::{Source, by};
use crate::store::Owner;

#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error("{what} failed; mend the cause and try again, nothing in memory is lost")]
    Unavailable { what: String, source: Source },
    #[error("no space left while {what}; free some and try again, nothing in memory is lost")]
    DiskFull { what: String, source: Source },
    #[error("session {session} has a writer already{}; close it, wait until its process ends, or ask to take over", by(owner.as_ref()))]
    Locked {
        session: SessionId,
        owner: Option<Owner>,
    },
    #[error("session {session} was taken over{}, so nothing more is saved from here; open it anew, or take it over in turn", by(owner.as_ref()))]
    Fenced {
        session: SessionId,
        owner: Option<Owner>,
    },
    #[error("{what} is refused, since it may only be read; open it for writing or save elsewhere")]
    ReadOnly { what: String, source: Source },
    #[error("{what} is refused for want of permission; grant it and try again")]
    PermissionDenied { what: String, source: Source },
    #[error(
        "{what} is {found} where the store needs {wanted} of its own; move it away and try again"
    )]
    Obstructed {
        what: String,
        found: &'static str,
        wanted: &'static str,
    },
    #[error(
        "the store has not answered within {0:?}; the write is under way, the next save asks for its outcome"
    )]
    Blocked(Duration),
    #[error("the mirror does not hold this yet; it is safe in the store itself, save again")]
    NotReplicated { source: Source },
    #[error("this store has no mirror; save with another durability, or open a mirrored store")]
    NoMirror,
    #[error(
        "a sync to disk failed, and so did writing elsewhere what it was for; save again, or reopen the session"
    )]
    Poisoned,
    #[error(
        "{what} was removed under its writer; reopen the session, which saves again all that is in memory"
    )]
    Removed { what: String },
    #[error("the log of session {0} was changed under this writer; reopen the session")]
    Conflict(SessionId),
    #[error("{what} belongs to {owner}; open it there")]
    Foreign { what: String, owner: String },
    #[error(
        "{what} was written by a newer version of this library; upgrade, or read with `Reader` what this one understands"
    )]
    Newer { what: String },
    #[error(
        "{what} needs a part that this build lacks; build with it, or read the rest with `Reader`"
    )]
    Unsupported { what: String },
    #[error("{what} has {len} bytes where {max} are the limit; make it smaller")]
    TooLarge { what: String, len: u64, max: u64 },
    #[error(
        "{what} takes {len} bytes or more when read, and {max} are the limit set; where the log is to be trusted, raise the limit with which it is opened"
    )]
    BeyondLimit { what: String, len: u64, max: u64 },
    #[error("the {what} is in {len} pieces where {max} are the limit; cut the context shorter")]
    TooManyRanges {
        what: &'static str,
        len: usize,
        max: usize,
    },
    #[error("{what} is taken by {by}; take another, or free it first")]
    Taken { what: String, by: String },
    #[error("several checkpoints begin with {0}; give more of the id")]
    Ambiguous(String),
    #[error("there are {len} labels or pins where {max} are the limit; take some away")]
    TooManyHeld { len: usize, max: usize },
    #[error("nothing was restored; there is nothing to take back")]
    NothingRestored,
    #[error("there is no checkpoint {0}; list the session to see which there are")]
    NotFound(CheckpointId),
    #[error("checkpoint {0} needs bytes that are damaged; restore an older one")]
    Damaged(CheckpointId),
    #[error("{what} cannot be turned into JSON; change the value")]
    Encode { what: String, source: Source },
    #[error("{what} does not read as the type asked for; ask for the type that was saved")]
    Decode { what: String, source: Source },
    #[error("{what} has a field {field} of its own; give the additional one another name")]
    Reserved { what: String, field: String },
    #[error("{what} is nested more than {max} deep; flatten it")]
    TooDeep { what: String, max: usize },
    #[error("{what}: {reason}")]
    Invalid { what: String, reason: &'static str },
    #[error(
        "{0} holds what looks like a secret where a mask would not read back; take it out, or allow it in the redaction"
    )]
    Secret(String),
    #[error("{what} cannot be saved as {codec}: {path} {reason}; change the value or its type")]
    Unsavable {
        what: String,
        codec: &'static str,
        path: String,
        reason: String,
    },
    #[error(
        "{what} does not read as the type asked for: {path} {reason}; ask for the type that was saved"
    )]
    Unread {
        what: String,
        path: String,
        reason: String,
    },
    #[error("{what}: {reason}")]
    Migration { what: String, reason: String },
    #[error(
        "component {0} was saved by a newer version of its type, which this one would destroy; upgrade, or `replace` it"
    )]
    NewerComponent(String),
    #[error(
        "a record is encrypted with key {0}, which the keyring lacks; open the session with that key, nothing was changed"
    )]
    WrongKey(String),
    #[error(
        "a record is not encrypted, and may be anybody's; where the session was written before it had keys, open it once with `Keyring::accept_plain` and call `rekey`"
    )]
    Unencrypted,
}
