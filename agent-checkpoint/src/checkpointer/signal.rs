//! An observer that asks for a save.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use agent_primitives::{BreakerState, CheckpointKind, Event, Observer, Stamp};

/// A context at least this full, in percent, asks for a save.
const PRESSURE_PERCENT: u64 = 70;

const QUIET: u8 = 0;
const AUTO: u8 = 1;
const ERROR: u8 = 2;
const HANDOFF: u8 = 3;

/// Listens to what other parts of a host report and remembers whether a save is due. Clones share what
/// they heard.
///
/// A handoff asks, a breaker that opens, a cooldown, and a context at least 70 % full. Of several reasons
/// the weightiest names the save: handoff, then error, then auto.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
/// use agent_primitives::{ContextPressure, Observer, SessionId, Stamp, Timestamp};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// let signal = session.signal();
/// session.push(Message::user("hello"))?;
/// assert_eq!(session.save_if_asked()?, None);
/// signal.observe(Stamp::at(Timestamp::UNIX_EPOCH), &ContextPressure::new(8, 10).into());
/// assert!(session.save_if_asked()?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Signal(Arc<AtomicU8>);

/// What was heard, as the weight of a reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard(u8);

impl Heard {
    fn of(weight: u8) -> Option<Self> {
        (weight != QUIET).then_some(Self(weight))
    }

    pub(crate) fn kind(self) -> CheckpointKind {
        match self.0 {
            HANDOFF => CheckpointKind::Handoff,
            ERROR => CheckpointKind::Error,
            _ => CheckpointKind::Auto,
        }
    }
}

impl Signal {
    /// What a save is asked for, if one is.
    pub fn asked(&self) -> Option<CheckpointKind> {
        Heard::of(self.0.load(Ordering::Acquire)).map(Heard::kind)
    }

    /// The weightiest reason, which is forgotten.
    pub(crate) fn take(&self) -> Option<Heard> {
        Heard::of(self.0.swap(QUIET, Ordering::AcqRel))
    }

    /// Adds a reason to what was heard.
    pub(crate) fn hear(&self, reason: Heard) {
        self.0.fetch_max(reason.0, Ordering::AcqRel);
    }
}

impl Observer for Signal {
    fn observe(&self, _: Stamp<'_>, event: &Event) {
        let reason = match event {
            Event::Handoff(_) => HANDOFF,
            Event::Breaker(change) if change.to == BreakerState::Open => ERROR,
            Event::Cooldown(_) => ERROR,
            Event::ContextPressure(pressure) if pressure.percent() >= PRESSURE_PERCENT => AUTO,
            _ => return,
        };
        self.hear(Heard(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_primitives::{
        BreakerChange, ContextPressure, Handoff, HandoffReason, ProviderId, Timestamp,
    };

    #[test]
    fn the_weightiest_reason_names_the_save() {
        let signal = Signal::default();
        let hear = |event: Event| signal.observe(Stamp::at(Timestamp::UNIX_EPOCH), &event);
        let (a, b) = (ProviderId::new("a").unwrap(), ProviderId::new("b").unwrap());
        let breaker = |to| BreakerChange::new(a.clone(), BreakerState::HalfOpen, to).into();

        hear(ContextPressure::new(69, 100).into());
        hear(breaker(BreakerState::Closed));
        assert_eq!(signal.asked(), None);
        hear(ContextPressure::new(70, 100).into());
        assert_eq!(signal.asked(), Some(CheckpointKind::Auto));
        hear(breaker(BreakerState::Open));
        assert_eq!(signal.asked(), Some(CheckpointKind::Error));
        hear(Handoff::automatic(a.clone(), b, HandoffReason::ALL[0]).into());
        hear(ContextPressure::new(90, 100).into());
        assert_eq!(signal.asked(), Some(CheckpointKind::Handoff));
        let taken = signal.take().unwrap();
        assert_eq!(signal.asked(), None);
        hear(ContextPressure::new(90, 100).into());
        signal.hear(taken);
        assert_eq!(
            signal.asked(),
            Some(CheckpointKind::Handoff),
            "what a failed save gives back joins what came meanwhile"
        );
    }
}
