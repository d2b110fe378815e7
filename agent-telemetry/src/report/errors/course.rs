//! The calls of one session in their order: what failed, and what was called next.

use std::time::Duration;

use agent_primitives::{Attempt, FailureKind, ProviderId, Timestamp};

use super::remedies::Remedies;
use super::remedy::Remedy;
use super::rests::Rests;
use crate::{ModelCall, Outcome};

/// Failures of one session that may turn out to be answered by a recovery step.
const HELD: usize = 8;

/// What is known of a session's calls so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Whether the attempts of the model call to come are told.
    told: bool,
    /// Whether the last call failed.
    failed: bool,
    /// Whether a call failed since the last model call.
    met_failure: bool,
    /// The last failure of the period, as long as nothing has followed it.
    open: Option<Failed>,
    /// Followed by a call already. A recovery step that says why is told after that call.
    held: Vec<Followed>,
    /// Restarts that no call has followed yet.
    restarts: Vec<(Remedy, Timestamp)>,
    /// What was done in this session.
    pub(super) used: u16,
}

#[derive(Debug)]
struct Failed {
    provider: ProviderId,
    kind: FailureKind,
    at: Timestamp,
    /// Of [`Rests`].
    moment: u64,
    /// Whether a retry is announced.
    is_announced: bool,
    restarted: Option<Remedy>,
}

/// A failure and the call after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    pub(super) remedy: Remedy,
    pub(super) kind: FailureKind,
    pub(super) at: Timestamp,
    /// From the end of the one call to the end of the other.
    pub(super) after: Duration,
    /// Whether the other succeeded.
    pub(super) ok: bool,
}

/// What one record says of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Called<'a> {
    pub(super) provider: &'a ProviderId,
    pub(super) failure: Option<FailureKind>,
    pub(super) at: Timestamp,
    /// Whether a failure of it is one of those that the report is about.
    pub(super) counts: bool,
}

impl Course {
    /// Whether attempts were told since the last model call.
    pub(super) const fn is_told(&self) -> bool {
        self.told
    }

    /// Whether it is a failure that counts.
    pub(super) fn attempt(
        &mut self,
        it: &Attempt,
        (at, counts): (Timestamp, bool),
        rests: &Rests,
        remedies: &mut Remedies,
    ) -> bool {
        self.told = true;
        let called = Called {
            provider: &it.provider,
            failure: it.failure,
            at,
            counts,
        };
        self.call(called, rests, remedies)
    }

    /// Whether it is a failure that counts, apart from those of its attempts, and whether there were any of
    /// those.
    pub(super) fn model_call(
        &mut self,
        it: &ModelCall,
        (at, counts): (Timestamp, bool),
        rests: &Rests,
        remedies: &mut Remedies,
    ) -> (bool, bool) {
        let told = std::mem::take(&mut self.told);
        let met_failure = std::mem::take(&mut self.met_failure)
            || it.attempts > 1
            // Its only attempt, of which it alone tells.
            || (!told && failed_at_once(it));
        // The end of the attempt that failed last.
        if told && self.failed && it.failure.is_some() {
            return (false, met_failure);
        }
        let called = Called {
            provider: &it.provider,
            failure: it.failure,
            at,
            counts,
        };
        let counts = self.call(called, rests, remedies);
        self.met_failure = false;
        (counts, met_failure)
    }

    fn call(&mut self, it: Called<'_>, rests: &Rests, remedies: &mut Remedies) -> bool {
        let ok = it.failure.is_none();
        for (remedy, since) in self.restarts.drain(..) {
            remedies.settle(remedy, ok, it.at.since(since));
        }
        if let Some(failed) = self.open.take() {
            self.follow(&failed, it, rests, remedies);
        }
        self.failed = !ok;
        self.met_failure |= !ok;
        let Some(kind) = it.failure.filter(|_| it.counts) else {
            return false;
        };
        self.open = Some(Failed {
            provider: it.provider.clone(),
            kind,
            at: it.at,
            moment: rests.moment(it.provider),
            is_announced: false,
            restarted: None,
        });
        true
    }

    fn follow(&mut self, failed: &Failed, it: Called<'_>, rests: &Rests, remedies: &mut Remedies) {
        let remedy = match failed.restarted {
            Some(restarted) => restarted,
            None if *it.provider != failed.provider => Remedy::OtherProvider,
            None if !failed.is_announced && rests.rested_since(it.provider, failed.moment) => {
                Remedy::Wait
            }
            None => Remedy::Retry,
        };
        let followed = Followed {
            remedy,
            kind: failed.kind,
            at: failed.at,
            after: it.at.since(failed.at),
            ok: it.failure.is_none(),
        };
        let is_told_later =
            !failed.is_announced && failed.restarted.is_none() && Remedy::any_answers(failed.kind);
        if !is_told_later {
            self.commit(followed, remedies);
            return;
        }
        if self.held.len() >= HELD {
            let first = self.held.remove(0);
            self.commit(first, remedies);
        }
        self.held.push(followed);
    }

    fn commit(&mut self, followed: Followed, remedies: &mut Remedies) {
        self.used |= followed.remedy.bit();
        remedies.follow(&followed);
    }

    /// The same provider will be called again.
    pub(super) fn announce(&mut self, provider: &ProviderId) {
        if let Some(open) = &mut self.open {
            open.is_announced |= open.provider == *provider;
        }
    }

    /// A change of the request, and what came of it: the last failure that it can be the answer to is
    /// the one that it answers.
    pub(super) fn step(
        &mut self,
        (at, counts): (Timestamp, bool),
        remedy: Remedy,
        ok: bool,
        remedies: &mut Remedies,
    ) {
        let held = self.held.iter().rposition(|it| remedy.answers(it.kind));
        let answered = held.map(|place| self.held.remove(place));
        if let Some(it) = answered {
            remedies.answer(remedy, it.kind, ok);
        }
        if counts || answered.is_some() {
            self.used |= remedy.bit();
            remedies.step(remedy, ok, answered.map(|it| at.since(it.at)));
        }
    }

    /// The session goes on in another process, or from a checkpoint.
    pub(super) fn restart(
        &mut self,
        (at, counts): (Timestamp, bool),
        remedy: Remedy,
        remedies: &mut Remedies,
    ) {
        // A process that goes on from a checkpoint tells of both.
        if let Some(open) = &mut self.open
            && open.restarted != Some(Remedy::Restore)
        {
            open.restarted = Some(remedy);
        }
        // What is done again before anything was called has not helped.
        if let Some(place) = self.restarts.iter().position(|(it, _)| *it == remedy) {
            let (remedy, since) = self.restarts.remove(place);
            remedies.settle(remedy, false, at.since(since));
        }
        if counts {
            self.used |= remedy.bit();
            self.restarts.push((remedy, at));
        }
    }

    /// The session ended without another call.
    pub(super) fn end(&mut self, at: Timestamp, outcome: Outcome, remedies: &mut Remedies) {
        for (remedy, since) in self.restarts.drain(..) {
            remedies.settle(remedy, outcome == Outcome::Success, at.since(since));
        }
    }

    /// What failed last, where nothing followed.
    pub(super) fn finish(mut self, remedies: &mut Remedies) -> (u16, Option<FailureKind>) {
        for followed in std::mem::take(&mut self.held) {
            self.commit(followed, remedies);
        }
        for (remedy, _) in &self.restarts {
            remedies.leave_open(*remedy);
        }
        (self.used, self.open.map(|failed| failed.kind))
    }
}

/// Whether a call took one attempt, which failed, as far as it says itself.
pub(super) const fn failed_at_once(it: &ModelCall) -> bool {
    it.attempts == 1 && it.failure.is_some()
}
