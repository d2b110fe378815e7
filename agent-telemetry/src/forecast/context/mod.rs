//! How many turns are left until a context window is full.

mod alike;
mod lines;
mod sessions;
mod turns;
mod watch;
mod workers;

use agent_primitives::{AgentId, ModelId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CountBand, Missing};
use crate::ProjectId;

pub use sessions::ContextSessions;
pub(super) use turns::{Growths, Turns};
pub use watch::{ContextUse, ContextWatch};

/// The share of a window at which it counts as full, where no compaction was seen and none is set.
const FULL_AT: f64 = 1.0;
/// Turns, of the session and of others, that are needed.
const NEEDED: usize = 5;

/// How many more turns a session has until its context window is full, or is compacted.
///
/// A turn is a call of a model. What a turn adds is drawn from what the last turns of the session added, and as
/// long as those are few from what turns of other sessions did; now and then the output of a tool adds much. A drop
/// is a compaction and nothing that is drawn.
///
/// ```
/// use agent_primitives::{ContextPressure, SessionId, Timestamp};
/// use agent_telemetry::{ContextSessions, Record};
///
/// let (at, session) = (Timestamp::from_unix_seconds, SessionId::new("s1")?);
/// let mut sessions = ContextSessions::new();
/// for turn in 0..20 {
///     let used = ContextPressure::new(40_000 + 5_000 * turn, 200_000);
///     sessions.add(&Record::new(at(60 * turn as i64), used).of_session(session.clone()));
/// }
/// let forecasts = sessions.forecasts(at(1_200), 7);
/// // 135 000 tokens are in use, and a turn adds 5 000.
/// assert_eq!((forecasts[0].used, forecasts[0].turns), (135_000, Some(13)));
/// assert!(forecasts[0].interval.is_some_and(|turns| turns.contains(13)));
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContextForecast {
    /// In which project.
    pub project: Option<ProjectId>,
    /// Which session.
    pub session: SessionId,
    /// Whose context, of those in the session: the one with most of the last turns. `None` where nobody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// With which model; not known where a [`ContextPressure`](agent_primitives::ContextPressure) says what is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// When its last turn was.
    pub at: Timestamp,
    /// Tokens in use.
    pub used: u64,
    /// Tokens that fit, where known.
    pub window: Option<u64>,
    /// Tokens from which on it counts as full: the set share of the window; where none is set, where it was
    /// compacted before, unless it went on from there.
    pub threshold: Option<u64>,
    /// Turns that were seen, at most the last 128.
    pub seen: u64,
    /// Drops that were seen.
    pub compactions: u64,
    /// What a turn adds half of the time.
    pub growth: Option<u64>,
    /// The number of turns until it is full, or one more or less, that comes about as often as any; `None` where it is
    /// not known, or is more than 400.
    pub turns: Option<u64>,
    /// In which share of the cases it is that number, or one more or less.
    pub within_one: Option<f64>,
    /// In 80 of 100 cases it takes between so many turns. The upper bound may be 400 and stand for more.
    pub interval: Option<CountBand>,
    /// What there is too little of, where there is.
    pub missing: Option<Missing>,
}

impl ContextForecast {
    /// Of one session, with what turns of others added.
    pub(super) fn of(
        project: Option<ProjectId>,
        session: SessionId,
        turns: &Turns,
        others: &Growths,
        full_at: Option<f64>,
        seed: u64,
    ) -> Self {
        let window = turns.window();
        let threshold = turns.threshold(full_at);
        let mut forecast = Self {
            project,
            session,
            agent: None,
            model: None,
            at: turns.at(),
            used: turns.used(),
            window,
            threshold,
            seen: turns.growths().len() as u64,
            compactions: turns.compactions(),
            growth: turns.growths().middle().or_else(|| others.middle()),
            turns: None,
            within_one: None,
            interval: None,
            missing: None,
        };
        let Some(threshold) = threshold else {
            forecast.missing = Some(Missing::Window);
            return forecast;
        };
        let have = turns.growths().len() + others.len();
        if have < NEEDED {
            forecast.missing = Some(Missing::Turns {
                have: have as u64,
                needed: NEEDED as u64,
            });
            return forecast;
        }
        let left = threshold.saturating_sub(forecast.used);
        let told = turns::tell(left, turns.growths(), others, seed);
        forecast.turns = told.turns;
        forecast.within_one = told.turns.map(|_| told.within_one);
        forecast.interval = told.interval;
        forecast
    }
}
