//! How the crates hear of each other: one trait, called inline.

use std::fmt;
use std::sync::Arc;

use crate::{AgentId, Event, SessionId, Timestamp};

/// When something happened, and to whom. Borrowed and `Copy`: who only looks pays nothing.
///
/// ```
/// use agent_primitives::{SessionId, Stamp, Timestamp};
///
/// let session = SessionId::new("s1")?;
/// let stamp = Stamp::at(Timestamp::UNIX_EPOCH).of_session(&session);
/// assert_eq!(stamp.session, Some(&session));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stamp<'a> {
    /// When.
    pub at: Timestamp,
    /// In which session, where known.
    pub session: Option<&'a SessionId>,
    /// By which agent, where known.
    pub agent: Option<&'a AgentId>,
}

impl<'a> Stamp<'a> {
    /// A time and no more.
    pub const fn at(at: Timestamp) -> Self {
        Self {
            at,
            session: None,
            agent: None,
        }
    }

    /// Sets the session.
    #[must_use]
    pub const fn of_session(mut self, session: &'a SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Sets the agent.
    #[must_use]
    pub const fn of_agent(mut self, agent: &'a AgentId) -> Self {
        self.agent = Some(agent);
        self
    }
}

/// Hears what happens.
///
/// Called inline by the thread that made it happen, after that thread released its locks. An
/// observer must return fast, must not block, and cannot fail or steer; a panic in it is its own bug
/// and is not caught.
///
/// Implemented for closures, `()` (hears nothing), `Arc<T>`, [`Fanout`] and [`Scoped`].
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
/// use agent_primitives::{Attempt, Event, Observer, ProviderId, Stamp, Timestamp};
///
/// let heard = Mutex::new(Vec::new());
/// let observer = |_: Stamp<'_>, event: &Event| heard.lock().unwrap().push(event.clone());
///
/// let event = Event::from(Attempt::new(ProviderId::new("groq")?, 1, Duration::ZERO));
/// observer.observe(Stamp::at(Timestamp::UNIX_EPOCH), &event);
/// assert_eq!(*heard.lock().unwrap(), [event]);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
pub trait Observer: Send + Sync {
    /// `event` happened at `stamp`.
    fn observe(&self, stamp: Stamp<'_>, event: &Event);
}

impl<F> Observer for F
where
    F: Fn(Stamp<'_>, &Event) + Send + Sync,
{
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        self(stamp, event);
    }
}

impl Observer for () {
    fn observe(&self, _: Stamp<'_>, _: &Event) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        (**self).observe(stamp, event);
    }
}

/// Passes every event to several observers, in the order in which they were added.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use agent_primitives::{ContextPressure, Event, Fanout, Observer, Stamp, Timestamp};
///
/// let heard = Arc::new(Mutex::new(Vec::new()));
/// let listener = |name: &'static str| {
///     let heard = Arc::clone(&heard);
///     move |_: Stamp<'_>, _: &Event| heard.lock().unwrap().push(name)
/// };
/// let both = Fanout::new().with(listener("first")).with(listener("second"));
/// both.observe(Stamp::at(Timestamp::UNIX_EPOCH), &ContextPressure::new(7, 10).into());
/// assert_eq!(*heard.lock().unwrap(), ["first", "second"]);
/// ```
#[derive(Clone, Default)]
pub struct Fanout(Vec<Arc<dyn Observer>>);

impl Fanout {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an observer behind the others.
    #[must_use]
    pub fn with(mut self, observer: impl Observer + 'static) -> Self {
        self.0.push(Arc::new(observer));
        self
    }
}

impl Observer for Fanout {
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        for observer in &self.0 {
            observer.observe(stamp, event);
        }
    }
}

impl fmt::Debug for Fanout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fanout({} observers)", self.0.len())
    }
}

/// Adds a session, and an agent where given, to every stamp that has none, so that the code which
/// emits need not know whose work it does.
///
/// ```
/// use agent_primitives::{ContextPressure, Event, Observer, Scoped, SessionId, Stamp, Timestamp};
///
/// let session = SessionId::new("s1")?;
/// let inner = |stamp: Stamp<'_>, _: &Event| assert_eq!(stamp.session.unwrap().as_str(), "s1");
/// let scoped = Scoped::new(inner, session);
/// scoped.observe(Stamp::at(Timestamp::UNIX_EPOCH), &ContextPressure::new(7, 10).into());
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scoped<O> {
    inner: O,
    session: SessionId,
    agent: Option<AgentId>,
}

impl<O: Observer> Scoped<O> {
    /// Stamps with `session`.
    pub const fn new(inner: O, session: SessionId) -> Self {
        Self {
            inner,
            session,
            agent: None,
        }
    }

    /// Stamps with `agent` as well.
    #[must_use]
    pub fn agent(mut self, agent: AgentId) -> Self {
        self.agent = Some(agent);
        self
    }
}

impl<O: Observer> Observer for Scoped<O> {
    fn observe(&self, stamp: Stamp<'_>, event: &Event) {
        let stamp = Stamp {
            at: stamp.at,
            session: stamp.session.or(Some(&self.session)),
            agent: stamp.agent.or(self.agent.as_ref()),
        };
        self.inner.observe(stamp, event);
    }
}
