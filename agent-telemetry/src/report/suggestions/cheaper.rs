//! Models that do a kind of work as well, for less.

use agent_primitives::Usd;

use super::super::compare::{Judged, ModelsByTaskType};
use super::super::interval::adjusted;
use super::super::sheet::dollars;
use super::super::{Contender, LeftOut, Measured, Verdict};
use super::gain::{Told, part};
use super::{Finding, Gain, GainBounds, LookedAt, SuggestConfig, Suggestion, SuggestionKind};

/// The share of reports in which a model may be suggested that is worse, or saves nothing.
const WRONG: f64 = 0.05;

pub(super) fn suggest(
    models: ModelsByTaskType,
    config: &SuggestConfig,
    told: Told,
    found: &mut Vec<Suggestion>,
) -> (LookedAt, LeftOut) {
    let (judged, left_out) = models.finish();
    let probabilities: Vec<Option<f64>> = judged.iter().map(probability).collect();
    let enough = probabilities.iter().flatten().count() as u64;
    let mut chosen: Vec<Suggestion> = Vec::new();
    let mut nearest: Option<(f64, &Judged)> = None;
    for (it, adjusted) in judged.iter().zip(adjusted(&probabilities)) {
        let found = adjusted.and_then(|adjusted| suggestion(it, adjusted, config, told));
        let Some(suggestion) = found else {
            let saved = saving(it);
            if saved > nearest.map_or(0.0, |(most, _)| most) {
                nearest = Some((saved, it));
            }
            continue;
        };
        // For one model and kind of work, the one that saves most.
        match chosen.iter_mut().find(|other| is_about(other, it)) {
            Some(other) if other.gain.order() > suggestion.gain.order() => *other = suggestion,
            Some(_) => {}
            None => chosen.push(suggestion),
        }
    }
    found.append(&mut chosen);
    let looked = LookedAt {
        kind: SuggestionKind::CheaperModel,
        // Both directions are one pair.
        candidates: judged.len() as u64 / 2,
        enough: enough / 2,
        takes: format!(
            "two models asked first in 20 or more sessions of one kind of work, known prices, a success rate that is not lower by {:.0} points, and a lower cost for each success",
            config.rate_margin() * 100.0
        ),
        nearest: nearest.map(|(_, it)| lacks(it, config)),
    };
    (looked, left_out)
}

/// What one that was not suggested would save by its figures alone, in US dollars.
fn saving(it: &Judged) -> f64 {
    let ratio = it.cost.difference.unwrap_or(1.0);
    dollars(it.spent) * (1.0 - ratio.recip())
}

fn lacks(it: &Judged, config: &SuggestConfig) -> String {
    let of = it.task_type.as_deref().unwrap_or("work that names no kind");
    let who = format!("{} in place of {} for {of}", it.to, it.from);
    let reason = match (&it.success.verdict, it.success.interval) {
        (Verdict::NotEnoughData { .. }, _) => {
            "there are not enough sessions to tell their success rates apart".to_owned()
        }
        (_, Some(lower)) if lower.high >= config.rate_margin() => {
            format!(
                "its success rate may be lower by {:.1} points",
                lower.high * 100.0
            )
        }
        _ => "that it costs less may be chance".to_owned(),
    };
    format!("{who}: {reason}")
}

fn is_about(other: &Suggestion, it: &Judged) -> bool {
    matches!(&other.finding, Finding::CheaperModel { task_type, from, .. }
        if *task_type == it.task_type && *from == it.from)
}

/// That of figures like these where the other one is worse by the margin, or not cheaper; `None` without
/// enough data.
fn probability(it: &Judged) -> Option<f64> {
    it.success.adjusted?;
    it.cost.adjusted?;
    // One-sided, of a ratio above one.
    let of_both = it.cost.probability?;
    let cost = if it.cost.difference? > 1.0 {
        of_both / 2.0
    } else {
        1.0 - of_both / 2.0
    };
    Some(cost.max(it.worse))
}

fn suggestion(
    it: &Judged,
    adjusted: f64,
    config: &SuggestConfig,
    told: Told,
) -> Option<Suggestion> {
    let unsure = |it: &Measured| matches!(it.verdict, Verdict::NotEnoughData { .. });
    let is_cheaper =
        matches!(&it.cost.verdict, Verdict::Better { contender } if *contender == it.to);
    // Of the one less the other, and of the one divided by the other: turned round.
    let lower = it.success.interval?;
    let dearer = it.cost.interval?;
    let is_as_good = lower.high < config.rate_margin();
    let is_worth = dearer.low > 1.0 && it.spent > Usd::ZERO;
    if unsure(&it.success) || !(is_cheaper && is_as_good && is_worth) || adjusted > WRONG {
        return None;
    }
    let difference = super::super::Interval::new(-lower.high, -lower.low);
    let ratio = super::super::Interval::new(dearer.high.recip(), dearer.low.recip());
    let saved = |ratio: f64| told.cost(part(it.spent, 1.0 - ratio));
    let gain = Gain {
        cost: Some(saved(it.cost.difference?.recip())),
        cost_low: Some(saved(ratio.high)),
        cost_high: Some(saved(ratio.low)),
        time: None,
        turns: None,
        bounds: GainBounds::Interval,
    };
    let finding = Finding::CheaperModel {
        task_type: it.task_type.clone(),
        from: it.from.clone(),
        to: it.to.clone(),
        from_sessions: it.from_sessions,
        to_sessions: it.to_sessions,
        from_rate: it.success.first?,
        to_rate: it.success.second?,
        difference,
        from_cost: it.cost.first?,
        to_cost: it.cost.second?,
        ratio,
        adjusted,
    };
    let text = format!(
        "For {}, ask {} first in place of {}: {:.1} % of its sessions ended in success, beside {:.1} %, and a success cost ${:.4} in place of ${:.4}.",
        it.task_type.as_deref().unwrap_or("work that names no kind"),
        short(&it.to),
        short(&it.from),
        it.success.second? * 100.0,
        it.success.first? * 100.0,
        it.cost.second?,
        it.cost.first?,
    );
    let confidence = format!(
        "The success rate differs by {:+.1} to {:+.1} points, the cost of a success is {:.2} to {:.2} times as much (95 % each). A model that is worse by {:.0} points, or saves nothing, is suggested in less than 5 of 100 reports. Which model does which session was not drawn by lot: try it on some of them first.",
        difference.low * 100.0,
        difference.high * 100.0,
        ratio.low,
        ratio.high,
        config.rate_margin() * 100.0,
    );
    Some(Suggestion {
        kind: finding.kind(),
        text,
        gain,
        confidence,
        finding,
        evidence: it.evidence.clone(),
    })
}

fn short(who: &Contender) -> String {
    who.to_string()
}
