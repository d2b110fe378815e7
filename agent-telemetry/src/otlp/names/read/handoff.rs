//! Work that changes hands.

use agent_primitives::{Handoff, HandoffReason, Initiator, Party, ProviderId};

use super::super::super::seen::{Seen, What};
use super::super::field::Field;
use super::super::id;
use super::super::item::{Item, Notes};

/// A span under either proposal for handoffs. One that does not tell both sides is not a fact.
pub(in super::super) fn handoff(item: &mut Item<'_>, out: &mut Vec<Seen>) {
    let facts = &item.facts;
    let notes = &mut item.notes;
    let from = facts.text(Field::HandoffFrom);
    let from = from.and_then(|it| party(it, facts.text(Field::HandoffFromKind), notes));
    let to = facts.text(Field::HandoffTo);
    let to = to.and_then(|it| party(it, facts.text(Field::HandoffToKind), notes));
    let Some((from, to)) = from.zip(to) else {
        item.notes.incomplete = true;
        return;
    };
    let reason = facts.text(Field::HandoffReason);
    let reason = reason.and_then(HandoffReason::from_word);
    let reason = reason.unwrap_or(HandoffReason::Delegated);
    let initiator = facts.text(Field::HandoffInitiator);
    let handoff = match initiator.and_then(Initiator::from_word) {
        Some(Initiator::Manual) => Handoff::manual(from, to, reason),
        _ => Handoff::automatic(from, to, reason),
    };
    out.push(item.seen(What::Handoff(handoff)));
}

fn party(name: &str, kind: Option<&str>, notes: &mut Notes) -> Option<Party> {
    if kind == Some("provider") {
        return ProviderId::new(name).ok().map(Party::from);
    }
    id::agent(name, notes).map(Party::from)
}
