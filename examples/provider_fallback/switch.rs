//! `fallback` and `return`: a person decides.

use std::error::Error;

use agent_primitives::{Clock, ProviderId, SystemClock};
use serde_json::json;

use crate::fleet::Fleet;
use crate::look::standings;
use crate::table::span;

/// Sends everything to one provider; whether there was one to send to.
///
/// # Errors
/// When the chain has nobody of that name.
pub(crate) fn fallback(
    fleet: &mut Fleet,
    to: Option<&ProviderId>,
    is_json: bool,
) -> Result<bool, Box<dyn Error>> {
    let now = SystemClock.timestamp();
    let before = standings(fleet, now);
    let asked = fleet.next();
    let from = asked.as_ref();
    let chosen = to.or_else(|| {
        // The one behind whoever would be asked now, and round again.
        let start = before
            .iter()
            .position(|s| Some(&s.status.provider) == from)?;
        let (ahead, behind) = before.split_at(start + 1);
        let mut others = behind.iter().chain(ahead.iter().take(start));
        let free = others.find(|standing| standing.status.rests_for.is_none())?;
        Some(&free.status.provider)
    });
    let Some(chosen) = chosen else {
        tell(
            is_json,
            &json!({"pinned": null}),
            "nobody else can be asked now; name one with --to",
        );
        return Ok(false);
    };
    fleet.chain.pin(chosen)?;
    fleet.state.pinned = Some(chosen.clone());
    let rest = before
        .iter()
        .find(|standing| standing.status.provider == *chosen)
        .and_then(|standing| standing.status.rests_for);
    let text = match (from.filter(|from| *from != chosen), rest) {
        (_, Some(rest)) => format!("pinned to {chosen}, which rests for {} more", span(rest)),
        (Some(from), None) => format!("{from} -> {chosen}: pinned, until `return`"),
        (None, None) => format!("pinned to {chosen}, until `return`"),
    };
    tell(is_json, &json!({"pinned": chosen, "from": from}), &text);
    Ok(true)
}

/// Goes back to choosing by preference; whether anybody can be asked.
pub(crate) fn back(fleet: &mut Fleet, mended: bool, is_json: bool) -> Result<bool, Box<dyn Error>> {
    let preferred = fleet.preferred().cloned().ok_or("no providers")?;
    fleet.chain.unpin();
    let pinned = fleet.state.pinned.take();
    if mended {
        fleet.chain.reset(&preferred)?;
    }
    let after = standings(fleet, SystemClock.timestamp());
    let next = fleet.next();
    let rest = after.iter().find_map(|standing| {
        standing
            .status
            .rests_for
            .filter(|_| standing.status.provider == preferred)
    });
    let began = match &pinned {
        Some(pinned) => format!("no longer pinned to {pinned}"),
        None => "nobody was pinned".to_owned(),
    };
    let text = match (&next, rest) {
        (Some(next), None) => format!("{began}; next: {next}"),
        (Some(next), Some(rest)) => {
            format!(
                "{began}; {preferred} rests for {} more, until then: {next}",
                span(rest)
            )
        }
        (None, _) => format!("{began}; nobody can be asked now"),
    };
    tell(is_json, &json!({"was_pinned": pinned, "next": next}), &text);
    Ok(next.is_some())
}

fn tell(is_json: bool, object: &serde_json::Value, text: &str) {
    if is_json {
        println!("{object}");
    } else {
        println!("{text}");
    }
}
