//! When a save is due: rules, what happened since the last save, and the decision, which is pure.

use std::time::Duration;

use agent_primitives::{Monotonic, TokenUsage};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Why;
use super::setting::{Senseless, optional_time, refuse_if, time};
use crate::{Message, Role};

/// When [`save_if_due`](crate::Checkpointer::save_if_due) saves: as soon as any of these holds and the last
/// save is at least [`pause`](Self::pause) ago. What comes within the pause is not dropped: it saves
/// once, when the pause has ended.
///
/// In JSON a field that is left out is at its default, `null` turns a rule off, an unknown field is refused, and times are
/// written as `{"secs": 1800, "nanos": 0}`, as in all settings of this family. A limit of zero, a share above 100 % and a pause that
/// is longer than the interval are refused, by [`Builder::open`](crate::Builder::open) as well.
///
/// ```
/// use std::time::Duration;
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message, Triggers, Why};
/// use agent_primitives::{ManualClock, SessionId};
///
/// let triggers: Triggers = serde_json::from_str(r#"{"interactions": 2, "bytes": null}"#)?;
/// assert_eq!(triggers.interval, Some(Duration::from_secs(30 * 60)));
/// let hourly: Triggers = serde_json::from_str(r#"{"interval": {"secs": 3600, "nanos": 0}}"#)?;
/// assert_eq!(hourly.interval, Some(Duration::from_secs(3_600)));
/// let wrong = serde_json::from_str::<Triggers>(r#"{"interval": 3600}"#).unwrap_err().to_string();
/// assert!(wrong.contains(r#"a time written as {"secs": 1800, "nanos": 0}"#), "{wrong}");
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?)
///     .triggers(triggers)
///     .open()?;
/// session.push(Message::assistant("one"))?;
/// assert_eq!(session.save_if_due()?, None);
/// session.push(Message::assistant("two"))?;
/// assert!(session.save_if_due()?.is_some());
/// assert_eq!(session.latest().unwrap().why, Some(Why::Interactions));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
// The derived functions are called by the implementations below, which refuse what cannot be meant.
#[serde(default, deny_unknown_fields, remote = "Self")]
#[non_exhaustive]
pub struct Triggers {
    /// Something changed, and the last save is so long ago. 30 minutes unless set.
    #[serde(deserialize_with = "optional_time")]
    pub interval: Option<Duration>,
    /// So many messages of the model came since the last save. 10 unless set.
    pub interactions: Option<u64>,
    /// So many tokens were used since, as [`Work::usage`](crate::Work::usage) counts them. 100 000 unless set.
    pub tokens: Option<u64>,
    /// So many bytes of text came with messages since. 1 MiB unless set.
    pub bytes: Option<u64>,
    /// The [`Signal`](crate::Signal) heard of a context at least so full, in percent. 70 unless set.
    pub context_pressure: Option<u8>,
    /// The signal heard of a breaker that opened or of a cooldown. True unless set.
    pub errors: bool,
    /// The signal heard of a handoff. True unless set.
    pub handoffs: bool,
    /// [`workflow_boundary`](crate::Checkpointer::workflow_boundary) saves. True unless set.
    pub workflow: bool,
    /// Least time between a save of whatever kind and the next one of these. None unless set, since a save
    /// costs what changed. [`before_risky`](crate::Checkpointer::before_risky) and what the host saves
    /// by itself do not wait.
    #[serde(deserialize_with = "time")]
    pub pause: Duration,
}

impl Triggers {
    /// Whether each rule can hold, and none holds always.
    pub(super) fn check(&self) -> Result<(), Senseless> {
        let is_zero = |limit: Option<u64>| limit == Some(0);
        refuse_if([
            (
                self.interval.is_some_and(|interval| interval.is_zero()),
                "an `interval` of 0 would save at each call; set a time, or null to turn it off",
            ),
            (
                is_zero(self.interactions),
                "`interactions` of 0 would save at each call; set 1 or more, or null to turn it off",
            ),
            (
                is_zero(self.tokens),
                "`tokens` of 0 would save at each call; set 1 or more, or null to turn it off",
            ),
            (
                is_zero(self.bytes),
                "`bytes` of 0 would save at each call; set 1 or more, or null to turn it off",
            ),
            (
                self.context_pressure
                    .is_some_and(|percent| !(1..=100).contains(&percent)),
                "`context_pressure` is a share in percent; set 1 to 100, or null to turn it off",
            ),
            (
                self.interval.is_some_and(|interval| interval < self.pause),
                "a `pause` longer than the `interval` makes the interval mean nothing; make it shorter",
            ),
        ])
    }
}

impl<'de> Deserialize<'de> for Triggers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let triggers = Self::deserialize(deserializer)?;
        triggers.check().map_err(D::Error::custom)?;
        Ok(triggers)
    }
}

impl Serialize for Triggers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_secs(30 * 60)),
            interactions: Some(10),
            tokens: Some(100_000),
            bytes: Some(1 << 20),
            context_pressure: Some(70),
            errors: true,
            handoffs: true,
            workflow: true,
            pause: Duration::ZERO,
        }
    }
}

/// What happened since the last save.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// The last save, or the opening.
    since: Monotonic,
    /// There was a save, from which a pause counts.
    has_saved: bool,
    interactions: u64,
    bytes: u64,
    /// Tokens used until then.
    tokens: u64,
}

/// What there is beside the counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    pub(super) now: Monotonic,
    /// Tokens used so far.
    pub(super) tokens: u64,
    /// Something is not saved.
    pub(super) is_changed: bool,
    /// What was asked for by itself: a signal, a boundary.
    pub(super) asked: Option<Why>,
}

impl Progress {
    pub(super) fn starting_at(now: Monotonic, usage: &TokenUsage) -> Self {
        Self {
            since: now,
            tokens: usage.total(),
            ..Self::default()
        }
    }

    /// Counts a message.
    pub(super) fn came(&mut self, message: &Message) {
        if message.role == Role::Assistant {
            self.interactions = self.interactions.saturating_add(1);
        }
        let calls = message.tool_calls.iter().map(|call| call.arguments.len());
        let len = calls.fold(message.content.len(), usize::saturating_add);
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(len);
    }

    /// What was counted up to a save that is about to be made.
    pub(super) fn with(&self, usage: &TokenUsage) -> Self {
        Self {
            tokens: usage.total(),
            ..*self
        }
    }

    /// Counts on from a save that was made at `now` and holds what was `counted` then.
    pub(super) fn saved(&mut self, now: Monotonic, counted: Self) {
        self.since = now;
        self.has_saved = true;
        self.interactions = self.interactions.saturating_sub(counted.interactions);
        self.bytes = self.bytes.saturating_sub(counted.bytes);
        self.tokens = counted.tokens;
    }

    /// Whether the last save is too near for the next.
    pub(super) fn is_paused(&self, triggers: &Triggers, now: Monotonic) -> bool {
        self.has_saved && now.since(self.since) < triggers.pause
    }

    /// Why a save is due now, if it is. Of several reasons the weightiest.
    pub(super) fn due(&self, triggers: &Triggers, standing: &Standing) -> Option<Why> {
        if self.is_paused(triggers, standing.now) {
            return None;
        }
        let passed = standing.now.since(self.since);
        let tokens = standing.tokens.saturating_sub(self.tokens);
        let reached = |have: u64, limit: Option<u64>| limit.is_some_and(|limit| have >= limit);
        let reasons = [
            (
                Why::Interval,
                triggers.interval.is_some_and(|interval| passed >= interval),
            ),
            (
                Why::Interactions,
                reached(self.interactions, triggers.interactions),
            ),
            (Why::Tokens, reached(tokens, triggers.tokens)),
            (Why::Bytes, reached(self.bytes, triggers.bytes)),
        ];
        let counted = reasons
            .into_iter()
            .filter(|(_, holds)| *holds && standing.is_changed);
        counted.map(|(why, _)| why).chain(standing.asked).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn only(change: impl FnOnce(&mut Triggers)) -> Triggers {
        let mut triggers = Triggers {
            interval: None,
            interactions: None,
            tokens: None,
            bytes: None,
            ..Triggers::default()
        };
        change(&mut triggers);
        triggers
    }

    fn standing(seconds: u64) -> Standing {
        Standing {
            now: Monotonic::default() + SECOND * u32::try_from(seconds).unwrap(),
            is_changed: true,
            ..Standing::default()
        }
    }

    #[test]
    fn each_rule_holds_from_its_limit_on_and_not_before() {
        let start = Progress::starting_at(Monotonic::default(), &TokenUsage::new(100, 0));
        let interval = only(|t| t.interval = Some(60 * SECOND));
        assert_eq!(start.due(&interval, &standing(59)), None);
        assert_eq!(start.due(&interval, &standing(60)), Some(Why::Interval));
        let unchanged = Standing {
            is_changed: false,
            ..standing(60)
        };
        assert_eq!(start.due(&interval, &unchanged), None, "nothing to save");

        let mut progress = start;
        progress.came(&Message::user("12345"));
        progress.came(&Message::assistant("678"));
        let interactions = only(|t| t.interactions = Some(2));
        let bytes = only(|t| t.bytes = Some(9));
        assert_eq!(progress.due(&interactions, &standing(0)), None);
        assert_eq!(progress.due(&bytes, &standing(0)), None);
        progress.came(&Message::assistant("9"));
        assert_eq!(
            progress.due(&interactions, &standing(0)),
            Some(Why::Interactions)
        );
        assert_eq!(progress.due(&bytes, &standing(0)), Some(Why::Bytes));

        let tokens = only(|t| t.tokens = Some(50));
        let used = |tokens| Standing {
            tokens,
            ..standing(0)
        };
        assert_eq!(start.due(&tokens, &used(149)), None);
        assert_eq!(start.due(&tokens, &used(150)), Some(Why::Tokens));
        assert_eq!(start.due(&tokens, &used(1)), None, "a counter set back");
    }

    #[test]
    fn what_comes_within_the_pause_is_due_when_it_ends() {
        let triggers = only(|t| {
            t.pause = 10 * SECOND;
            t.bytes = Some(1);
        });
        let mut progress = Progress::starting_at(Monotonic::default(), &TokenUsage::ZERO);
        progress.came(&Message::user("x"));
        assert_eq!(
            progress.due(&triggers, &standing(0)),
            Some(Why::Bytes),
            "no save was before it"
        );
        progress.saved(Monotonic::default(), progress);
        assert_eq!(progress.due(&triggers, &standing(10)), None, "saved");
        progress.came(&Message::user("x"));
        let asked = |seconds| Standing {
            asked: Some(Why::Handoff),
            ..standing(seconds)
        };
        assert_eq!(progress.due(&triggers, &asked(9)), None);
        assert_eq!(progress.due(&triggers, &asked(10)), Some(Why::Handoff));
        assert_eq!(progress.due(&triggers, &standing(10)), Some(Why::Bytes));
    }
}
