//! One run up the ladder: calls, changes, and what came of each.

use agent_primitives::{FailureKind, RecoveryOutcome, RecoveryStep, RecoveryStrategy};

use super::change::{Answer, Change, Trouble, longer, smaller, total};
use super::error::{Recovered, RecoveryError};
use super::measure::Measure;
use super::request::{Recoverable, Seam};
use super::{Recovery, RecoveryTry};
use crate::classify::{ContextNumbers, Verdict};
use crate::failure::Failure;
use crate::route::Needs;

const STRATEGIES: usize = RecoveryStrategy::ALL.len();

/// What one run has used up. Shared by a request and its parts, so that both together are bounded.
pub(super) struct Climb<'a> {
    pub(super) recovery: &'a Recovery,
    tries: [u32; STRATEGIES],
    /// Strategies that had nothing to offer for the request at hand.
    retired: [bool; STRATEGIES],
    changes: u32,
    calls: u32,
    steps: Vec<RecoveryStep>,
    /// Steps whose outcome is not known yet.
    pending: Vec<RecoveryStep>,
}

impl<'a> Climb<'a> {
    pub(super) fn new(recovery: &'a Recovery) -> Self {
        Self {
            recovery,
            tries: [0; STRATEGIES],
            retired: [false; STRATEGIES],
            changes: 0,
            calls: 0,
            steps: Vec::new(),
            pending: Vec::new(),
        }
    }

    pub(super) fn tries(&self, strategy: RecoveryStrategy) -> u32 {
        self.tries.get(strategy as usize).copied().unwrap_or(0)
    }

    /// Whether the bounds allow this, with `taken` changes that are not counted yet.
    pub(super) fn may(&self, strategy: RecoveryStrategy, taken: u32) -> bool {
        let config = self.recovery.config();
        let rung = config.ladder.iter().find(|rung| rung.strategy == strategy);
        let retired = self.retired.get(strategy as usize).copied();
        rung.is_some_and(|rung| self.tries(strategy) < rung.tries.get())
            && retired == Some(false)
            && self.changes.saturating_add(taken) < config.max_steps.get()
    }

    /// Counts a change; its outcome is told later.
    pub(super) fn take(
        &mut self,
        strategy: RecoveryStrategy,
        failure: FailureKind,
        before: &Needs,
        after: &Needs,
    ) {
        if let Some(tries) = self.tries.get_mut(strategy as usize) {
            *tries += 1;
        }
        self.changes += 1;
        let step = RecoveryStep::new(strategy, failure, RecoveryOutcome::Failed)
            .number(self.changes)
            .tokens(total(before), total(after));
        self.pending.push(step);
    }

    /// Leaves a strategy out from here on, since it had nothing to offer.
    pub(super) fn skip(&mut self, strategy: RecoveryStrategy, failure: FailureKind, needs: &Needs) {
        if let Some(retired) = self.retired.get_mut(strategy as usize) {
            *retired = true;
        }
        let step = RecoveryStep::new(strategy, failure, RecoveryOutcome::Skipped)
            .number(self.changes)
            .tokens(total(needs), total(needs));
        self.tell(step);
    }

    fn tell(&mut self, step: RecoveryStep) {
        self.recovery.tell(step);
        self.steps.push(step);
    }

    /// The request that the pending steps led to was answered, or was not.
    fn settle(&mut self, outcome: impl Fn(&RecoveryStep) -> RecoveryOutcome) {
        for mut step in std::mem::take(&mut self.pending) {
            step.outcome = outcome(&step);
            self.tell(step);
        }
    }

    fn after(&self) -> Option<RecoveryStrategy> {
        self.pending.last().map(|step| step.strategy)
    }

    fn number_of_the_next_call(&mut self) -> u32 {
        self.calls = self.calls.saturating_add(1);
        self.calls
    }

    pub(super) fn recovered<R: Recoverable>(
        self,
        reply: R::Reply,
        request: Option<R>,
    ) -> Recovered<R> {
        Recovered {
            reply,
            request,
            steps: self.steps,
            calls: self.calls,
        }
    }

    pub(super) fn failed<R: Recoverable>(
        mut self,
        failure: Failure,
        partial: Vec<R::Reply>,
    ) -> RecoveryError<R> {
        let kind = failure.kind();
        if self.recovery.config().suits(kind).next().is_some() {
            let given_up = RecoveryStep::new(RecoveryStrategy::Stop, kind, RecoveryOutcome::Failed)
                .number(self.changes);
            self.tell(given_up);
        }
        RecoveryError::new(failure, partial, self.steps, self.changes, self.calls)
    }
}

/// How a request, or a part of one, ended.
pub(super) enum End<R: Recoverable> {
    Answered(R::Reply, Option<R>),
    /// It is to be asked in parts.
    Split(Vec<R>),
    Failed(Failure, Vec<R::Reply>),
}

/// All that is done for one request.
pub(super) async fn whole<R, E, F>(
    mut climb: Climb<'_>,
    request: &R,
    mut operation: F,
) -> Result<Recovered<R>, RecoveryError<R>>
where
    R: Recoverable,
    E: Into<Failure>,
    F: AsyncFnMut(&R, RecoveryTry) -> Result<R::Reply, E>,
{
    let parts = match one(&mut climb, request, None, &mut operation).await {
        End::Answered(reply, changed) => return Ok(climb.recovered(reply, changed)),
        End::Failed(failure, partial) => return Err(climb.failed(failure, partial)),
        End::Split(parts) => parts,
    };
    // What is pending is the splitting, which has succeeded when all parts have.
    let splitting = std::mem::take(&mut climb.pending);
    let (mut replies, of) = (Vec::with_capacity(parts.len()), count(parts.len()));
    for (place, part) in (1..).zip(&parts) {
        climb.retired = [false; STRATEGIES];
        match one(&mut climb, part, Some((place, of)), &mut operation).await {
            End::Answered(reply, _) => replies.push(reply),
            End::Failed(failure, partial) => {
                climb.pending = splitting;
                climb.settle(|_| RecoveryOutcome::Failed);
                replies.extend(partial);
                return Err(climb.failed(failure, replies));
            }
            End::Split(_) => {}
        }
    }
    climb.pending = splitting;
    match request.join(replies, Seam::Parts) {
        Ok(reply) => {
            climb.settle(|_| RecoveryOutcome::Recovered);
            Ok(climb.recovered(reply, None))
        }
        Err(replies) => {
            climb.settle(|_| RecoveryOutcome::Failed);
            let failure = Verdict::new(FailureKind::ContextTooLong).into();
            Err(climb.failed(failure, replies))
        }
    }
}

/// All that is done for a request, or for one part of it.
async fn one<R, E, F>(
    climb: &mut Climb<'_>,
    request: &R,
    part: Option<(u32, u32)>,
    operation: &mut F,
) -> End<R>
where
    R: Recoverable,
    E: Into<Failure>,
    F: AsyncFnMut(&R, RecoveryTry) -> Result<R::Reply, E>,
{
    let mut changed: Option<R> = None;
    // A request for the rest of an answer; the one before stays the one that is changed.
    let mut rest: Option<R> = None;
    let mut so_far: Option<R::Reply> = None;
    let mut defies_what_was_learned = false;
    if let Some(trouble) = foreseen(climb.recovery, request) {
        match smaller(climb, request, trouble, part.is_some()).await {
            Change::To(request) => changed = Some(request),
            Change::Parts(parts) => return End::Split(parts),
            // What was learned may be wrong: the provider decides.
            Change::Nothing => defies_what_was_learned = true,
        }
    }
    loop {
        let base = changed.as_ref().unwrap_or(request);
        let sent = rest.as_ref().unwrap_or(base);
        let attempt = RecoveryTry {
            after: climb.after(),
            number: climb.number_of_the_next_call(),
            part,
        };
        let reply = match operation(sent, attempt).await {
            Ok(reply) => reply,
            Err(error) => {
                let failure: Failure = error.into();
                climb.settle(|_| RecoveryOutcome::Failed);
                if rest.is_some() {
                    return End::Failed(failure, so_far.into_iter().collect());
                }
                let trouble = climb.recovery.trouble(base, &failure);
                let next = if trouble.kind == FailureKind::OutputLimit {
                    let window = base.model().and_then(|model| climb.recovery.known(model));
                    match longer(climb, base, window, None) {
                        Some(Answer::Whole(request)) => Change::To(request),
                        _ => Change::Nothing,
                    }
                } else {
                    smaller(climb, base, trouble, part.is_some()).await
                };
                match next {
                    Change::To(request) => changed = Some(request),
                    Change::Parts(parts) => return End::Split(parts),
                    Change::Nothing => {
                        return End::Failed(failure, so_far.into_iter().collect());
                    }
                }
                continue;
            }
        };
        if std::mem::take(&mut defies_what_was_learned) {
            climb.recovery.forget(request.model());
        }
        let cut = sent.cut(&reply);
        let reply = match (rest.take(), so_far.take()) {
            (Some(_), Some(before)) => match request.join(vec![before, reply], Seam::Rest) {
                Ok(joined) => joined,
                Err(pieces) => {
                    climb.settle(|_| RecoveryOutcome::Failed);
                    return End::Failed(cut_off(), pieces);
                }
            },
            _ => reply,
        };
        let Some(cut) = cut else {
            climb.settle(|_| RecoveryOutcome::Recovered);
            return End::Answered(reply, changed);
        };
        // The request was taken; only the length of the answer is in question.
        climb.settle(|step| match step.failure {
            FailureKind::OutputLimit => RecoveryOutcome::Failed,
            _ => RecoveryOutcome::Recovered,
        });
        let base = changed.as_ref().unwrap_or(request);
        let measure = base.model().and_then(|model| climb.recovery.known(model));
        match longer(climb, base, measure, Some((&reply, cut))) {
            Some(Answer::Whole(request)) => changed = Some(request),
            Some(Answer::Rest(request)) => rest = Some(request),
            None => return End::Failed(cut_off(), vec![reply]),
        }
        so_far = Some(reply);
    }
}

/// What a limit that was learned says about a request that was not sent yet.
fn foreseen<R: Recoverable>(recovery: &Recovery, request: &R) -> Option<Trouble> {
    if recovery.knows_nothing() {
        return None;
    }
    let measure: Measure = recovery.known(request.model()?)?;
    (!measure.may_fit(&request.needs())).then_some(Trouble {
        kind: FailureKind::ContextTooLong,
        numbers: ContextNumbers::default(),
        measure: Some(measure),
    })
}

fn cut_off() -> Failure {
    Verdict::new(FailureKind::OutputLimit).into()
}

fn count(parts: usize) -> u32 {
    u32::try_from(parts).unwrap_or(u32::MAX)
}
