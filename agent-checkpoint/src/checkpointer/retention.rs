//! Which checkpoints stay in the listing: rules, and a pure plan with a reason for each checkpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use agent_primitives::{AgentId, CheckpointKind};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Checkpoint;
use super::ruling::{Reason, Ruling};
use super::setting::{Senseless, refuse_if, time};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// 1970-01-01 was a Thursday; weeks begin on Monday.
const DAYS_BEFORE_MONDAY: i64 = 3;

/// Which checkpoints of a session stay restorable. A checkpoint stays when any rule keeps it; the newest,
/// pinned and labelled ones always do.
///
/// The rules are those of restic's `forget`: `last` is `--keep-last`, `hourly` `--keep-hourly`, and so on.
/// They apply to each agent's checkpoints by themselves, and need no clock: `within` counts back from the
/// newest checkpoint, so that a session that nobody opened for a year loses nothing. Hours, days and
/// weeks are those of UTC; weeks begin on Monday.
///
/// In JSON a field that is left out is at its default, an unknown one is refused, and `within` is written as
/// `{"secs": 86400, "nanos": 0}`, as times are in all settings of this family. Rules that mean nothing beside `"last": null`, and a
/// size cap of zero, are refused, by [`Builder::open`](crate::Builder::open) as well.
///
/// Retention trims the listing, never the conversation: messages of dropped checkpoints stay in the log.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Retention};
/// use agent_primitives::{CheckpointKind, SessionId};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .retention(Retention::last(2.try_into()?))
///     .open()?;
/// for text in ["one", "two", "three"] {
///     session.push(Message::user(text))?;
///     session.save(CheckpointKind::Auto)?;
/// }
/// let messages: Vec<_> = session.list().iter().map(|checkpoint| checkpoint.messages).collect();
/// assert_eq!(messages, [3, 2]);
/// assert_eq!(session.history().len(), 3);
///
/// let written: Retention = serde_json::from_str(r#"{"last": 20, "hourly": 24}"#)?;
/// assert_eq!(written, Retention::last(20.try_into()?).hourly(24));
/// let day: Retention = serde_json::from_str(r#"{"within": {"secs": 86400, "nanos": 0}}"#)?;
/// assert_eq!(day.within.as_secs(), 24 * 60 * 60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
// The derived functions are called by the implementations below, which refuse what cannot be meant.
#[serde(default, deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub struct Retention {
    /// The newest of each agent, the states that restores replaced not counted; all where absent. 10 unless
    /// set.
    pub last: Option<NonZeroUsize>,
    /// All that are at most so much older than the newest of the agent. Zero unless set: none.
    #[serde(deserialize_with = "time")]
    pub within: Duration,
    /// The newest of each of the last so many hours that have one. 0 unless set.
    pub hourly: usize,
    /// The newest of each of the last so many days that have one. 0 unless set.
    pub daily: usize,
    /// The newest of each of the last so many weeks that have one. 0 unless set.
    pub weekly: usize,
    /// The newest states that restores replaced; all where absent. 10 unless set.
    pub backups: Option<NonZeroUsize>,
    /// Only those behind which at most so many bytes were written, as [`Checkpoint::stored_bytes`] says,
    /// their own included, whatever other rules keep; no limit where absent, which is the default.
    pub size_cap: Option<u64>,
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let retention = Self::deserialize(deserializer)?;
        retention.check().map_err(D::Error::custom)?;
        Ok(retention)
    }
}

impl Serialize for Retention {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Default for Retention {
    /// The last ten of each agent, and the last ten states that restores replaced.
    fn default() -> Self {
        Self {
            last: NonZeroUsize::new(10),
            within: Duration::ZERO,
            hourly: 0,
            daily: 0,
            weekly: 0,
            backups: NonZeroUsize::new(10),
            size_cap: None,
        }
    }
}

impl Retention {
    /// The newest `count` of each agent.
    pub fn last(count: NonZeroUsize) -> Self {
        Self {
            last: Some(count),
            ..Self::default()
        }
    }

    /// All of them.
    pub fn all() -> Self {
        Self {
            last: None,
            backups: None,
            ..Self::default()
        }
    }

    /// Sets [`within`](Self::within).
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Sets [`hourly`](Self::hourly).
    #[must_use]
    pub const fn hourly(mut self, hours: usize) -> Self {
        self.hourly = hours;
        self
    }

    /// Sets [`daily`](Self::daily).
    #[must_use]
    pub const fn daily(mut self, days: usize) -> Self {
        self.daily = days;
        self
    }

    /// Sets [`weekly`](Self::weekly).
    #[must_use]
    pub const fn weekly(mut self, weeks: usize) -> Self {
        self.weekly = weeks;
        self
    }

    /// Sets [`backups`](Self::backups).
    #[must_use]
    pub const fn backups(mut self, count: NonZeroUsize) -> Self {
        self.backups = Some(count);
        self
    }

    /// Sets [`size_cap`](Self::size_cap), in bytes.
    #[must_use]
    pub const fn size_cap(mut self, bytes: u64) -> Self {
        self.size_cap = Some(bytes);
        self
    }

    /// Whether the rules can be meant together.
    pub(super) fn check(&self) -> Result<(), Senseless> {
        let is_finer =
            !self.within.is_zero() || self.hourly > 0 || self.daily > 0 || self.weekly > 0;
        refuse_if([
            (
                self.last.is_none() && is_finer,
                "without `last` all checkpoints stay, so `within`, `hourly`, `daily` and `weekly` mean nothing; set `last`, or leave them out",
            ),
            (
                self.size_cap == Some(0),
                "a `size_cap` of 0 keeps nothing; set a number of bytes, or null for no limit",
            ),
        ])
    }

    /// Whether no checkpoint ever goes.
    pub(super) const fn keeps_all(&self) -> bool {
        self.last.is_none() && self.backups.is_none() && self.size_cap.is_none()
    }

    /// A ruling for each of `checkpoints`, which are in order, oldest first.
    pub fn plan(&self, checkpoints: &[Checkpoint]) -> Vec<Ruling> {
        let ruled = checkpoints.iter().zip(self.reasons(checkpoints));
        ruled
            .map(|(checkpoint, reason)| Ruling::of(checkpoint, reason))
            .collect()
    }

    pub(super) fn reasons(&self, checkpoints: &[Checkpoint]) -> Vec<Reason> {
        let mut agents: BTreeMap<Option<&AgentId>, Slots> = BTreeMap::new();
        let (mut bytes, mut backups) = (0_u64, 0);
        let mut reasons = Vec::with_capacity(checkpoints.len());
        for checkpoint in checkpoints.iter().rev() {
            bytes = bytes.saturating_add(checkpoint.stored_bytes);
            let by_rule = if checkpoint.kind == CheckpointKind::PreRestore {
                backups += 1;
                self.backup(backups)
            } else {
                let slots = agents.entry(checkpoint.agent.as_ref()).or_default();
                slots.rule(self, checkpoint)
            };
            reasons.push(if reasons.is_empty() {
                Reason::Newest { rank: 1 }
            } else if !checkpoint.labels.is_empty() {
                Reason::Labelled
            } else if checkpoint.pinned {
                Reason::Pinned
            } else if by_rule.keeps() && self.size_cap.is_some_and(|cap| bytes > cap) {
                Reason::OverSizeCap { bytes }
            } else {
                by_rule
            });
        }
        reasons.reverse();
        reasons
    }

    fn backup(&self, rank: usize) -> Reason {
        if rank <= self.backups.map_or(usize::MAX, NonZeroUsize::get) {
            Reason::Backup { rank }
        } else {
            Reason::Excess { rank }
        }
    }
}

/// What of one agent's allowance is used up, from the newest checkpoint backwards.
#[derive(Debug, Default)]
struct Slots {
    rank: usize,
    newest: Option<agent_primitives::Timestamp>,
    hours: BTreeSet<i64>,
    days: BTreeSet<i64>,
    weeks: BTreeSet<i64>,
}

impl Slots {
    fn rule(&mut self, policy: &Retention, checkpoint: &Checkpoint) -> Reason {
        self.rank += 1;
        let rank = self.rank;
        let seconds = checkpoint.at.unix_seconds();
        let days = seconds.div_euclid(DAY);
        // Each takes its slot whether or not another rule keeps the checkpoint already.
        let hour = take(&mut self.hours, seconds.div_euclid(HOUR), policy.hourly);
        let day = take(&mut self.days, days, policy.daily);
        let week = (days + DAYS_BEFORE_MONDAY).div_euclid(7);
        let week = take(&mut self.weeks, week, policy.weekly);
        let newest = *self.newest.get_or_insert(checkpoint.at);
        let is_recent = !policy.within.is_zero() && newest.since(checkpoint.at) <= policy.within;
        if rank <= policy.last.map_or(usize::MAX, NonZeroUsize::get) {
            Reason::Newest { rank }
        } else if is_recent {
            Reason::Within
        } else if let Some(slot) = hour {
            Reason::Hourly { slot }
        } else if let Some(slot) = day {
            Reason::Daily { slot }
        } else if let Some(slot) = week {
            Reason::Weekly { slot }
        } else {
            Reason::Excess { rank }
        }
    }
}

/// The rank of `bucket` where it is a new one and there are fewer than `max`.
fn take(taken: &mut BTreeSet<i64>, bucket: i64, max: usize) -> Option<usize> {
    (taken.len() < max && taken.insert(bucket)).then_some(taken.len())
}
