//! An observer that asks for a save.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use agent_primitives::{BreakerState, CheckpointKind, Event, Observer, Stamp};

use super::{Triggers, Why};

const QUIET: u8 = 0;
/// What may be heard, the weightiest last; a reason's weight is its place from 1 on.
const HEARD: [Why; 4] = [Why::ContextPressure, Why::Asked, Why::Error, Why::Handoff];

/// Listens to what other parts of a host report and remembers whether a save is due; the session's
/// [`Triggers`] say what counts. Clones share what they heard.
///
/// A handoff asks, a breaker that opens, a cooldown, and a context at least 70 % full. Of several reasons
/// the weightiest names the save: handoff, then error, then what the host [asked](Self::ask) for.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Message};
/// use agent_primitives::{ContextPressure, Observer, SessionId, Stamp, Timestamp};
///
/// let mut session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// let signal = session.signal();
/// session.push(Message::user("hello"))?;
/// assert_eq!(session.save_if_due()?, None);
/// signal.observe(Stamp::at(Timestamp::UNIX_EPOCH), &ContextPressure::new(8, 10).into());
/// assert!(session.save_if_due()?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signal {
    heard: Arc<AtomicU8>,
    triggers: Triggers,
}

impl Signal {
    pub(super) fn hearing(triggers: &Triggers) -> Self {
        Self {
            heard: Arc::default(),
            triggers: *triggers,
        }
    }

    /// Asks for a save, from any thread: no lock is taken and no memory allocated, so a signal handler may.
    pub fn ask(&self) {
        self.hear(Why::Asked);
    }

    /// What a save is asked for, if one is.
    pub fn asked(&self) -> Option<CheckpointKind> {
        reason(self.heard.load(Ordering::Acquire)).map(Why::kind)
    }

    /// The weightiest reason, which is forgotten.
    pub(super) fn take(&self) -> Option<Why> {
        reason(self.heard.swap(QUIET, Ordering::AcqRel))
    }

    /// Adds a reason to what was heard.
    pub(super) fn hear(&self, why: Why) {
        let weight = HEARD.iter().zip(1..).find(|(heard, _)| **heard == why);
        if let Some((_, weight)) = weight {
            self.heard.fetch_max(weight, Ordering::AcqRel);
        }
    }
}

fn reason(weight: u8) -> Option<Why> {
    let at = usize::from(weight).checked_sub(1)?;
    HEARD.get(at).copied()
}

impl Observer for Signal {
    fn observe(&self, _: Stamp<'_>, event: &Event) {
        let Triggers {
            errors,
            handoffs,
            context_pressure,
            ..
        } = self.triggers;
        let is_full = |percent: u64| context_pressure.is_some_and(|p| percent >= u64::from(p));
        match event {
            Event::Handoff(_) if handoffs => self.hear(Why::Handoff),
            Event::Breaker(change) if errors && change.to == BreakerState::Open => {
                self.hear(Why::Error);
            }
            Event::Cooldown(_) if errors => self.hear(Why::Error),
            Event::ContextPressure(pressure) if is_full(pressure.percent()) => {
                self.hear(Why::ContextPressure);
            }
            _ => {}
        }
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
        let signal = Signal::hearing(&Triggers::default());
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
