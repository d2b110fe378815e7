//! Events that no second channel tells: turns, waiting, choices.

use super::super::super::seen::{Seen, What};
use super::super::field::Field;
use super::super::id;
use super::super::item::Item;
use crate::{Candidate, Decision, Metric};

/// A person asked for something. The words are not read.
pub(in super::super) fn turn(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    out.push(item.seen(What::Metric(Metric::count("turns", 1))));
}

/// How long an agent waited for a person to allow a tool call.
pub(in super::super) fn waited(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    match item.elapsed() {
        Some(elapsed) => {
            let metric = Metric::seconds("waited_for_user", elapsed);
            out.push(item.seen(What::Metric(metric)));
        }
        None => item.notes.incomplete = true,
    }
}

/// A router chose a model.
pub(in super::super) fn routing(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let chosen = item.facts.text(Field::ChosenModel);
    let chosen = chosen.and_then(|it| id::model(it, &mut item.notes));
    let Some(model) = chosen else {
        item.notes.incomplete = true;
        return;
    };
    let model = model.as_str().to_owned();
    let decision = Decision::new(decision_id(item), "model");
    let decision = decision.candidate(Candidate::new(model.clone()));
    let decision = if item.facts.bool(Field::Failed) == Some(true) {
        decision
    } else {
        decision.choice(model)
    };
    out.push(item.seen(What::Decision(Box::new(decision))));
}

/// Gemini CLI went on with a smaller model.
pub(in super::super) fn fallback(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let decision = Decision::new(decision_id(item), "model");
    let decision = decision.candidate(Candidate::new("flash")).choice("flash");
    out.push(item.seen(What::Decision(Box::new(decision))));
}

/// The same for the same event sent again.
fn decision_id(item: &Item<'_>) -> String {
    format!("{:032x}", item.fingerprint.unwrap_or_default())
}
