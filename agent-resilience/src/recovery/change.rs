//! Which change a failure calls for: pure but for the host's hooks.

use agent_primitives::{FailureKind, RecoveryStrategy as By};

use super::Recovery;
use super::climb::Climb;
use super::measure::{Measure, share};
use super::request::{Cut, Recoverable};
use crate::classify::ContextNumbers;
use crate::route::Needs;

/// What is known about a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) kind: FailureKind,
    pub(super) numbers: ContextNumbers,
    /// A limit that the request is known not to fit.
    pub(super) measure: Option<Measure>,
}

/// What a change came to.
pub(super) enum Change<R> {
    /// Another request, which is expected to be answered.
    To(R),
    /// Several requests in its place.
    Parts(Vec<R>),
    /// Nothing that the ladder offers.
    Nothing,
}

/// What one rung came to.
enum Rise<R> {
    /// The request is expected to be answered now.
    Enough(R),
    /// It is smaller, and something else has to change, too.
    Partly(R),
    Parts(Vec<R>),
    /// The host was asked and had nothing that would do.
    Unchanged,
    /// There is nothing to ask the host for.
    Idle,
}

impl<R> From<Option<R>> for Rise<R> {
    fn from(changed: Option<R>) -> Self {
        changed.map_or(Self::Unchanged, Self::Enough)
    }
}

/// The steps that lead to a request that is smaller, for another model, or in parts.
pub(super) async fn smaller<R: Recoverable>(
    climb: &mut Climb<'_>,
    base: &R,
    trouble: Trouble,
    in_part: bool,
) -> Change<R> {
    let ladder: Vec<By> = climb.recovery.config().suits(trouble.kind).collect();
    // Smaller, but not known to be small enough: taken where the next rung makes it so.
    let mut partly: Option<R> = None;
    for strategy in ladder {
        let taken = u32::from(partly.is_some());
        if !climb.may(strategy, taken) || (in_part && strategy == By::Chunk) {
            continue;
        }
        let rung = Rung {
            recovery: climb.recovery,
            trouble,
            tried: climb.tries(strategy),
        };
        let from = partly.as_ref().unwrap_or(base);
        let rise = match strategy {
            By::ShrinkOutput => rung.shrink_output(base),
            By::CompactHistory => rung.compact(from).await,
            By::BiggerWindow => rung.bigger_window(base),
            By::Chunk => rung.split(base),
            By::CheaperModel => base.for_cheaper_model().into(),
            _ => Rise::Idle,
        };
        let before = base.needs();
        match rise {
            Rise::Enough(request) => {
                if let Some(first) = partly.filter(|_| strategy == By::CompactHistory) {
                    climb.take(By::ShrinkOutput, trouble.kind, &before, &first.needs());
                    climb.take(strategy, trouble.kind, &first.needs(), &request.needs());
                } else {
                    climb.take(strategy, trouble.kind, &before, &request.needs());
                }
                return Change::To(request);
            }
            Rise::Parts(parts) => {
                let widest = parts.iter().map(Recoverable::needs).max_by_key(total);
                let after = widest.unwrap_or_default();
                climb.take(strategy, trouble.kind, &before, &after);
                return Change::Parts(parts);
            }
            Rise::Partly(request) => partly = Some(request),
            Rise::Unchanged => climb.skip(strategy, trouble.kind, &before),
            Rise::Idle => {}
        }
    }
    match partly {
        // Nobody knows the limit, so that smaller is all that can be said.
        Some(request) if trouble.measure.is_none() => {
            let (before, after) = (base.needs(), request.needs());
            climb.take(By::ShrinkOutput, trouble.kind, &before, &after);
            Change::To(request)
        }
        _ => Change::Nothing,
    }
}

/// The step that leads to a whole answer in the place of one that was cut.
pub(super) fn longer<R: Recoverable>(
    climb: &mut Climb<'_>,
    base: &R,
    measure: Option<Measure>,
    cut: Option<(&R::Reply, Cut)>,
) -> Option<Answer<R>> {
    let kind = FailureKind::OutputLimit;
    let ladder: Vec<By> = climb.recovery.config().suits(kind).collect();
    let before = base.needs();
    for strategy in ladder {
        if !climb.may(strategy, 0) {
            continue;
        }
        let found = match (strategy, cut) {
            (By::ExtendOutput, _) => {
                let Some(tokens) = more_output(climb.recovery, &before, measure) else {
                    continue;
                };
                let more = |request: &R| {
                    (before.output_tokens + 1..=tokens).contains(&request.needs().output_tokens)
                };
                base.with_max_output(tokens).filter(more).map(Answer::Whole)
            }
            (By::AskForRest, Some((so_far, Cut::InText))) => {
                base.for_rest(so_far).map(Answer::Rest)
            }
            _ => continue,
        };
        match found {
            Some(answer) => {
                let (Answer::Whole(request) | Answer::Rest(request)) = &answer;
                climb.take(strategy, kind, &before, &request.needs());
                return Some(answer);
            }
            None => climb.skip(strategy, kind, &before),
        }
    }
    None
}

/// What is asked for after an answer that was cut.
pub(super) enum Answer<R> {
    /// All of it, from the start.
    Whole(R),
    /// What is missing.
    Rest(R),
}

/// The most output that may be asked for next; `None` where it is no more than before.
fn more_output(recovery: &Recovery, needs: &Needs, measure: Option<Measure>) -> Option<u64> {
    let config = recovery.config();
    let most = config.max_output.map(std::num::NonZeroU64::get);
    let wanted = match (needs.output_tokens, most) {
        (0, most) => most?,
        (output, most) => output.saturating_mul(2).min(most.unwrap_or(u64::MAX)),
    };
    let room = measure.map(|measure| measure.output_beside(needs.input_tokens));
    let tokens = wanted.min(room.unwrap_or(u64::MAX));
    (tokens > needs.output_tokens).then_some(tokens)
}

/// One rung, about to be tried.
struct Rung<'a> {
    recovery: &'a Recovery,
    trouble: Trouble,
    /// How often it was taken in this run.
    tried: u32,
}

impl Rung<'_> {
    /// What is left of `tokens` where nobody knows how much is too much.
    fn reduced(&self, tokens: u64) -> u64 {
        let percent = u32::from(self.recovery.config().reduce.as_u8());
        let percent = percent.saturating_mul(1 << self.tried.min(7)).min(90);
        tokens.saturating_sub(share(tokens, u8::try_from(percent).unwrap_or(90)))
    }

    fn shrink_output<R: Recoverable>(&self, base: &R) -> Rise<R> {
        let needs = base.needs();
        let output = needs.output_tokens;
        // In a window that is hardly longer than the shortest answer, a quarter of it.
        let quarter = self
            .trouble
            .measure
            .map_or(u64::MAX, |measure| (measure.limit / 4).max(1));
        let least = self.recovery.config().min_output.get().min(quarter);
        let (tokens, is_enough) = match (self.trouble.numbers.output_fits, self.trouble.measure) {
            (Some(fits), _) if fits >= least => (fits, true),
            (_, Some(measure)) => {
                let room = measure.output_beside(needs.input_tokens);
                if room >= least {
                    (room, true)
                } else if output > measure.limit / 2 {
                    // Most of the window was kept for the answer, and too little is left for the rest.
                    (least.max(measure.limit / 4), false)
                } else {
                    return Rise::Idle;
                }
            }
            (_, None) if total(&needs) / 4 <= output => (least.max(self.reduced(output)), false),
            _ => return Rise::Idle,
        };
        let is_unset = output == 0 && self.trouble.numbers.output_fits.is_some();
        if tokens >= output && !is_unset {
            return Rise::Idle;
        }
        let fewer = |request: &R| {
            let now = request.needs();
            (1..=tokens).contains(&now.output_tokens) && now.input_tokens <= needs.input_tokens
        };
        match base.with_max_output(tokens).filter(fewer) {
            Some(request) if is_enough => Rise::Enough(request),
            Some(request) => Rise::Partly(request),
            None => Rise::Unchanged,
        }
    }

    /// Tokens of input that are expected to fit beside the output.
    fn input_for(&self, needs: &Needs, unknown: u64) -> u64 {
        let Some(measure) = self.trouble.measure else {
            return unknown;
        };
        let fits = measure.input_beside(needs.output_tokens, self.recovery.config().margin);
        if self.trouble.numbers.used.is_none() && self.trouble.numbers.limit.is_some() {
            // Nobody said how much was too much.
            return fits.min(unknown);
        }
        fits
    }

    fn is_smaller<R: Recoverable>(&self, before: &Needs, request: &R) -> bool {
        let now = request.needs();
        now.input_tokens < before.input_tokens
            && now.output_tokens <= before.output_tokens
            && self
                .trouble
                .measure
                .is_none_or(|measure| measure.fits(&now))
    }

    async fn compact<R: Recoverable>(&self, from: &R) -> Rise<R> {
        let needs = from.needs();
        let tokens = self.input_for(&needs, self.reduced(needs.input_tokens));
        if tokens == 0 || tokens >= needs.input_tokens {
            return Rise::Idle;
        }
        match from.compacted(tokens).await {
            Ok(request) => request
                .filter(|request| self.is_smaller(&needs, request))
                .into(),
            Err(failure) => {
                tracing::debug!(error.type = %failure.kind(), "history could not be shortened");
                Rise::Unchanged
            }
        }
    }

    fn bigger_window<R: Recoverable>(&self, base: &R) -> Rise<R> {
        let needs = base.needs();
        let theirs = self
            .trouble
            .measure
            .map(|measure| measure.in_theirs(needs.input_tokens));
        let needs = needs.input(theirs.unwrap_or(needs.input_tokens));
        let holds = |request: &R| {
            let known = request.model().and_then(|model| self.recovery.known(model));
            known.is_none_or(|measure| measure.may_fit(&request.needs()))
        };
        base.for_bigger_window(&needs).filter(holds).into()
    }

    fn split<R: Recoverable>(&self, base: &R) -> Rise<R> {
        let needs = base.needs();
        let tokens = self.input_for(&needs, needs.input_tokens / 2);
        if tokens == 0 || tokens >= needs.input_tokens {
            return Rise::Idle;
        }
        let parts = base.split(tokens);
        let count = 2..=self.recovery.config().max_parts.get();
        if count.contains(&parts.len()) && parts.iter().all(|part| self.is_smaller(&needs, part)) {
            Rise::Parts(parts)
        } else {
            Rise::Unchanged
        }
    }
}

/// Tokens of the input and the allowed output together.
pub(super) fn total(needs: &Needs) -> u64 {
    needs.input_tokens.saturating_add(needs.output_tokens)
}
