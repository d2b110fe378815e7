//! Who may write a session: what is known of its owner, and the rules by which a claim is granted.

use std::fmt;
use std::time::Duration;

use agent_primitives::Timestamp;

/// How long a lease lasts unless set.
const LEASE: Duration = Duration::from_secs(30);
/// A lease is renewed when one in so many parts of it has passed.
const RENEWALS_PER_LEASE: u32 = 3;

/// A request to take a session from a writer that still holds it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, TakeOver};
/// use agent_primitives::{CheckpointKind, ManualClock, SessionId};
///
/// let clock = Arc::new(ManualClock::default());
/// let store = MemoryStore::new();
/// let builder = || {
///     let id = SessionId::new("s1").expect("a plain id");
///     Checkpointer::builder(store.clone(), id).clock(clock.clone())
/// };
/// let mut stale = builder().open()?;
/// stale.push(Message::user("hello"))?;
/// stale.save(CheckpointKind::Auto)?;
///
/// assert!(builder().take_over(TakeOver::Expired).open().unwrap_err().is_locked());
/// clock.advance(Duration::from_secs(31));
/// let owner = builder().take_over(TakeOver::Expired).open()?;
/// assert_eq!(owner.history(), [Message::user("hello")]);
///
/// stale.push(Message::user("too late"))?;
/// assert!(stale.save(CheckpointKind::Auto).unwrap_err().is_fenced());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TakeOver {
    /// Only once the writer's lease has run out, by the clock of whoever asks. A writer whose lease cannot be
    /// read is taken to be alive.
    Expired,
    /// Whatever the writer is doing. What it was told is saved stays; what it has under way is refused.
    Force,
}

/// What a writer is asked for with.
///
/// ```
/// use std::time::Duration;
/// use agent_checkpoint::{Claim, TakeOver};
/// use agent_primitives::Timestamp;
///
/// let claim = Claim::at(Timestamp::from_unix_seconds(7)).take_over(TakeOver::Expired);
/// assert_eq!(claim.lease, Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The time.
    pub now: Timestamp,
    /// How long the writer counts as alive without a renewal; 30 s unless set.
    pub lease: Duration,
    /// Whether a writer that holds the session is to give way; it is not unless set.
    pub take_over: Option<TakeOver>,
}

impl Claim {
    /// A claim that takes nothing from anybody.
    pub const fn at(now: Timestamp) -> Self {
        Self {
            now,
            lease: LEASE,
            take_over: None,
        }
    }

    /// With another lease.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// With a request to take the session over.
    #[must_use]
    pub const fn take_over(mut self, how: TakeOver) -> Self {
        self.take_over = Some(how);
        self
    }

    /// The same, taking nothing from anybody.
    pub(crate) const fn giving_way(mut self) -> Self {
        self.take_over = None;
        self
    }

    /// Whether a lease renewed at `renewed` is due for renewal. A clock that stepped back far makes it due
    /// as well, so that the record follows the clock.
    pub(crate) fn is_due(&self, renewed: Timestamp, now: Timestamp) -> bool {
        now.since(renewed).max(renewed.since(now)) >= self.lease / RENEWALS_PER_LEASE
    }
}

/// A writer's standing.
///
/// ```
/// use agent_checkpoint::{MemoryStore, Store};
/// use agent_primitives::SessionId;
///
/// let store = MemoryStore::new();
/// let session = SessionId::new("s1")?;
/// assert_eq!(store.writer(&session)?.tenure().epoch, 1);
/// assert_eq!(store.writer(&session)?.tenure().epoch, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    /// Number of the tenure: each writer of a session has a greater one than those before it.
    pub epoch: u64,
    /// An earlier writer may still have a write under way. The log must go on in a new segment, which voids
    /// what lies behind the bytes that were read of the one before.
    pub is_takeover: bool,
}

/// Who holds a session, as its lease tells.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let store = MemoryStore::new();
/// let id = SessionId::new("s1")?;
/// let _first = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// let refused = Checkpointer::builder(store, id).open().unwrap_err();
/// assert_eq!(refused.owner().map(|owner| owner.process), Some(std::process::id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// Number of its tenure.
    pub epoch: u64,
    /// Its process id, on its host.
    pub process: u32,
    /// Name of its host; empty where the system does not tell.
    pub host: String,
    /// When the lease was last renewed, by the owner's clock.
    pub renewed: Timestamp,
    /// Until when the lease runs, by the owner's clock.
    pub expires: Timestamp,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.process)?;
        if !self.host.is_empty() {
            write!(f, " on {}", self.host)?;
        }
        let Self {
            epoch,
            renewed,
            expires,
            ..
        } = self;
        write!(
            f,
            " (epoch {epoch}, renewed {renewed}, lease until {expires})"
        )
    }
}

/// How far a tenure has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Taken over, and the log not yet begun anew: whoever comes next must do it.
    Taking,
    Held,
    /// Given back by its owner.
    Released,
}

/// A lease as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) owner: Owner,
    pub(crate) stage: Stage,
    /// The machine since it was started; zeros where the system does not tell.
    pub(crate) boot: [u8; 16],
    /// Of this one tenure.
    pub(crate) token: [u8; 16],
}

impl Record {
    pub(crate) fn renew(&mut self, claim: &Claim, now: Timestamp) {
        self.owner.renewed = now;
        self.owner.expires = now + claim.lease;
    }

    /// Whether the owner ran on this machine since it was started, or on it before that: its lock tells
    /// then whether it lives.
    fn is_of(&self, here: &Self) -> bool {
        self.boot == here.boot || self.owner.host == here.owner.host
    }
}

/// What a claimant finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The last owner's lease; none where it cannot be read.
    pub(crate) record: Option<Record>,
    /// Epoch of one who took over from it and then came no further; 0 where that cannot be read.
    pub(crate) successor: Option<u64>,
    /// No process that this one can see holds the lock.
    pub(crate) is_free: bool,
}

/// What becomes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take(Tenure),
    Refuse(Option<Owner>),
}

/// Decides a claim that `here` makes.
///
/// The system's lock tells of writers on this machine. Of one on another machine, which shares the files,
/// only the lease tells; so does it of one that is stopped or hangs, for those who ask to take over.
pub(crate) fn decide(found: &Found, here: &Record, claim: &Claim) -> Verdict {
    let record = found.record.as_ref();
    let last = record.map_or(0, |record| record.owner.epoch);
    let epoch = last.max(found.successor.unwrap_or(0)).saturating_add(1);
    let take = |is_takeover| Verdict::Take(Tenure { epoch, is_takeover });
    // Superseded: the owner learns of it at its next append, and nobody has the session.
    if found.successor.is_some() {
        return take(true);
    }
    let refuse = || Verdict::Refuse(record.map(|record| record.owner.clone()));
    let runs = |record: &Record| claim.now < record.owner.expires;
    match (found.is_free, record) {
        (true, None) => take(false),
        (true, Some(record)) => match record.stage {
            Stage::Taking => take(true),
            Stage::Held if !record.is_of(here) => {
                let is_forced = claim.take_over == Some(TakeOver::Force);
                if runs(record) && !is_forced {
                    refuse()
                } else {
                    take(true)
                }
            }
            Stage::Held | Stage::Released => take(false),
        },
        (false, record) => match (claim.take_over, record) {
            // Its owner is done; a process that it started may still hold a copy of the lock.
            (_, Some(record)) if record.stage == Stage::Released => take(true),
            (Some(TakeOver::Force), _) => take(true),
            (Some(TakeOver::Expired), Some(record)) if !runs(record) => take(true),
            _ => refuse(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [u8; 16] = [1; 16];
    const THERE: [u8; 16] = [2; 16];

    fn record(host: &str, boot: [u8; 16], stage: Stage, expires: i64) -> Record {
        Record {
            owner: Owner {
                epoch: 5,
                process: 9,
                host: host.into(),
                renewed: Timestamp::from_unix_millis(expires - 10),
                expires: Timestamp::from_unix_millis(expires),
            },
            stage,
            boot,
            token: [3; 16],
        }
    }

    /// Time is 100 throughout.
    fn decided(found: &Found, request: Option<TakeOver>) -> Verdict {
        let here = record("here", HERE, Stage::Held, 130);
        let claim = Claim {
            take_over: request,
            ..Claim::at(Timestamp::from_unix_millis(100))
        };
        decide(found, &here, &claim)
    }

    #[test]
    fn every_case_of_a_claim() {
        use Stage::{Held, Released, Taking};
        let (yes, anew, no) = (Some(false), Some(true), None);
        let mine = |stage, expires| Some(record("here", HERE, stage, expires));
        let rebooted = |stage, expires| Some(record("here", THERE, stage, expires));
        let theirs = |stage, expires| Some(record("there", THERE, stage, expires));
        // Lock free, lease, superseded; then what a plain claim, one for expired leases and a forced one get.
        let table = [
            (true, None, None, [yes, yes, yes]),
            (true, mine(Held, 120), None, [yes, yes, yes]),
            (true, mine(Held, 80), None, [yes, yes, yes]),
            (true, mine(Released, 120), None, [yes, yes, yes]),
            (true, mine(Taking, 120), None, [anew, anew, anew]),
            (true, mine(Held, 120), Some(6), [anew, anew, anew]),
            (true, rebooted(Held, 120), None, [yes, yes, yes]),
            (true, theirs(Held, 120), None, [no, no, anew]),
            (true, theirs(Held, 100), None, [anew, anew, anew]),
            (true, theirs(Released, 120), None, [yes, yes, yes]),
            (true, theirs(Taking, 120), None, [anew, anew, anew]),
            (false, None, None, [no, no, anew]),
            (false, mine(Held, 120), None, [no, no, anew]),
            (false, mine(Held, 101), None, [no, no, anew]),
            (false, mine(Held, 100), None, [no, anew, anew]),
            (false, mine(Taking, 120), None, [no, no, anew]),
            (false, mine(Taking, 80), None, [no, anew, anew]),
            (false, mine(Released, 120), None, [anew, anew, anew]),
            (false, theirs(Held, 120), None, [no, no, anew]),
            (false, mine(Held, 120), Some(6), [anew, anew, anew]),
            (false, None, Some(0), [anew, anew, anew]),
        ];
        for (is_free, record, successor, expected) in table {
            let found = Found {
                record,
                successor,
                is_free,
            };
            let requests = [None, Some(TakeOver::Expired), Some(TakeOver::Force)];
            for (request, expected) in requests.into_iter().zip(expected) {
                let last = found.record.as_ref().map_or(0, |r| r.owner.epoch);
                let verdict = match expected {
                    Some(is_takeover) => Verdict::Take(Tenure {
                        epoch: last.max(successor.unwrap_or(0)) + 1,
                        is_takeover,
                    }),
                    None => Verdict::Refuse(found.record.as_ref().map(|r| r.owner.clone())),
                };
                assert_eq!(decided(&found, request), verdict, "{found:?} {request:?}");
            }
        }
    }

    #[test]
    fn an_epoch_never_wraps() {
        let mut last = record("here", HERE, Stage::Held, 0);
        last.owner.epoch = u64::MAX;
        let found = Found {
            record: Some(last),
            successor: None,
            is_free: true,
        };
        let Verdict::Take(tenure) = decided(&found, None) else {
            panic!("free");
        };
        assert_eq!(tenure.epoch, u64::MAX);
    }

    #[test]
    fn a_lease_is_due_when_a_third_has_passed_forwards_or_back() {
        let claim = Claim::at(Timestamp::UNIX_EPOCH);
        let at = Timestamp::from_unix_seconds;
        assert!(!claim.is_due(at(100), at(109)));
        assert!(claim.is_due(at(100), at(110)));
        assert!(!claim.is_due(at(100), at(91)));
        assert!(claim.is_due(at(100), at(90)));
    }
}
