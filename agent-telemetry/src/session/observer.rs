//! Events of code that does not know the session.

use std::fmt;
use std::sync::Arc;

use agent_primitives::{Event, Observer, Stamp};

use super::Origin;
use crate::Record;

/// Records events in the name of a session: project, session and agent are those of the session,
/// unless an event brings a session or an agent of its own. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, ContextPressure, Observer, SessionId, Stamp, Timestamp};
/// use agent_telemetry::{MemorySink, SessionStart, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let event = ContextPressure::new(150_000, 200_000).into();
/// session.observer().observe(Stamp::at(Timestamp::UNIX_EPOCH), &event);
///
/// telemetry.flush(Duration::from_secs(5))?;
/// assert_eq!(sink.records()[1].session, Some(SessionId::new("s1")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionObserver(pub(super) Arc<Origin>);

impl Observer for SessionObserver {
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        let it = &*self.0;
        let stamp = Stamp::at(stamp.at)
            .of_session(stamp.session.unwrap_or(&it.session))
            .of_agent(stamp.agent.unwrap_or(&it.agent));
        match Record::of_event(stamp, event) {
            Some(mut record) => {
                record.project.clone_from(&it.project);
                it.telemetry.queue().push(None, record);
            }
            None => it.telemetry.queue().count_unrecognised(),
        }
    }
}

impl fmt::Debug for SessionObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionObserver")
            .field("session", &self.0.session)
            .field("agent", &self.0.agent)
            .finish_non_exhaustive()
    }
}
