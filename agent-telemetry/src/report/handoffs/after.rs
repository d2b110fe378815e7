//! Whether the taker of work was seen at it, and how that went.

use std::time::Duration;

use agent_primitives::{AgentId, Party, ProviderId, Timestamp};

use super::session::OneSession;
use crate::{Body, Outcome, Record};

/// What is known of the taker so far.
#[derive(Debug)]
pub(super) enum After {
    /// Nothing yet.
    Awaited(Party),
    /// A provider was called, with or without success.
    Called { ok: bool, wait: Duration },
    /// An agent works, in this session or in one of its own.
    Works {
        agent: AgentId,
        wait: Duration,
        elsewhere: Option<usize>,
    },
}

/// What became of one handoff.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Became {
    /// `None`: it was never taken up.
    pub(super) wait: Option<Duration>,
    /// `None`: not known yet.
    pub(super) succeeded: Option<bool>,
}

impl After {
    /// A later record of the session.
    pub(super) fn see(&mut self, at: Timestamp, record: &Record) {
        let Self::Awaited(taker) = self else { return };
        match taker {
            Party::Provider(provider) => {
                if let Some((ok, took)) = call(&record.body, provider) {
                    let wait = wait(at, record.at, took);
                    *self = Self::Called { ok, wait };
                }
            }
            Party::Agent(agent) if record.agent.as_ref() == Some(agent) => {
                if let Some(took) = work(&record.body) {
                    *self = Self::Works {
                        agent: agent.clone(),
                        wait: wait(at, record.at, took),
                        elsewhere: None,
                    };
                }
            }
            _ => {}
        }
    }

    /// The start of a session, at that place, for which this one is the parent; says whether that is where
    /// the taker works.
    pub(super) fn see_child(&mut self, at: Timestamp, record: &Record, place: usize) -> bool {
        if let Self::Awaited(Party::Agent(agent)) = self
            && record.agent.as_ref() == Some(agent)
        {
            *self = Self::Works {
                agent: agent.clone(),
                wait: wait(at, record.at, Duration::ZERO),
                elsewhere: Some(place),
            };
            return true;
        }
        false
    }

    pub(super) fn became<'a>(
        &self,
        session: &'a OneSession,
        other: impl Fn(usize) -> Option<&'a OneSession>,
    ) -> Became {
        match self {
            Self::Awaited(_) => Became::default(),
            Self::Called { ok, wait } => Became {
                wait: Some(*wait),
                succeeded: Some(*ok),
            },
            Self::Works {
                agent,
                wait,
                elsewhere,
            } => {
                let where_it_works = match elsewhere {
                    None => Some(session),
                    Some(place) => other(*place),
                };
                let outcome = where_it_works.and_then(|it| it.outcome_of(agent));
                Became {
                    wait: Some(*wait),
                    succeeded: outcome.map(|it| it == Outcome::Success),
                }
            }
        }
    }
}

/// How the call of a provider went, and how long it took.
fn call(body: &Body, provider: &ProviderId) -> Option<(bool, Duration)> {
    match body {
        Body::Attempt(it) if it.provider == *provider => Some((it.failure.is_none(), it.elapsed)),
        Body::ModelCall(it) if it.provider == *provider && !it.is_unexplained() => {
            Some((it.failure.is_none(), it.latency))
        }
        _ => None,
    }
}

/// How long the work took that a record of an agent tells of.
fn work(body: &Body) -> Option<Duration> {
    match body {
        Body::SessionStart(_) | Body::SessionResume(_) => Some(Duration::ZERO),
        Body::SessionEnd(it) => Some(it.elapsed),
        Body::ModelCall(it) if !it.is_unexplained() => Some(it.latency),
        _ => None,
    }
}

/// Up to the beginning of what ended at `end`.
fn wait(from: Timestamp, end: Timestamp, took: Duration) -> Duration {
    end.since(from).saturating_sub(took)
}
