//! Damage to the log: what opening lost is sought elsewhere, and put together from what is left.

use std::ops::Range;
use std::sync::Arc;

use agent_primitives::CheckpointId;

use super::overlay::Overlay;
use super::{Failure, Finding, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use crate::checkpointer::salvage::{Salvaged, Unproven};
use crate::{Checkpointer, Error, Report};

/// What there was of the newest state.
#[derive(Default)]
struct Loss {
    /// A checkpoint that is newer than the one that the session goes on from is not whole.
    is_newest_lost: bool,
    /// What this store alone can tell of it.
    own: Option<Told>,
    /// The number of the last record in what a sibling gave back.
    given: Option<u64>,
    is_adopted: bool,
}

/// What a salvaged state says of itself, once it is gone.
struct Told {
    gaps: usize,
    messages: usize,
    components: Vec<String>,
    stubs: Vec<u64>,
    unproven: Option<Unproven>,
}

impl Told {
    fn of(salvaged: &Salvaged) -> Self {
        Self {
            gaps: salvaged.gaps.len(),
            messages: salvaged.messages,
            components: salvaged.components.clone(),
            stubs: salvaged.stubs.clone(),
            unproven: salvaged.unproven.clone(),
        }
    }
}

pub(super) fn mend(
    session: &mut Checkpointer,
    policy: &Recovery,
    hooks: &Hooks<'_>,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let opened = session.report().clone();
    if opened.is_clean() && opened.superseded.is_empty() {
        return Ok(());
    }
    let loss = seek(session, &opened, policy, hooks)?;
    tell_tail(&opened, &loss, report);
    tell_holes(&opened, &loss, report);
    if !opened.superseded.is_empty() {
        let detail = format!(
            "segments {:?} were begun by a writer after the session was taken over from it; nothing in them was acknowledged",
            opened.superseded
        );
        report.push(Finding::new(Failure::LostLease, Strategy::SetAside, detail));
    }
    if opened.unmended_bytes > 0 {
        let detail = format!(
            "{} bytes could not be set aside for want of room; free some, the next save does it",
            opened.unmended_bytes
        );
        let finding = Finding::new(Failure::FailedWrite, Strategy::FreeSpace, detail);
        report.push(finding.outcome(Outcome::NeedsHost));
    }
    Ok(())
}

/// Looks for the newest state, here and in the siblings, and goes on with it.
fn seek(
    session: &mut Checkpointer,
    opened: &Report,
    policy: &Recovery,
    hooks: &Hooks<'_>,
) -> Result<Loss, Error> {
    let head = number(opened.head.as_ref());
    let is_degraded = match opened.degraded.last() {
        Some(degraded) => number(Some(degraded)) > head,
        None => opened.head.is_none() && opened.items > 0,
    };
    // A commit that cannot be read is no checkpoint that is not whole: nobody knows of it.
    let is_lost_behind = opened.missing.last().is_some_and(|lost| lost.end > head);
    let own = if is_degraded || is_lost_behind {
        session.salvaged(&*session.shared_store())?
    } else {
        None
    };
    let is_newest_lost = is_degraded || own.is_some();
    let told = own.as_ref().map(Told::of);
    let mut given: Option<Salvaged> = None;
    let is_sought = is_newest_lost || is_lost_behind || opened.torn_at.is_some();
    // A whole state may still be without what was torn off.
    let is_all = |whole: &Salvaged| opened.torn_at.is_none_or(|torn| whole.through >= torn);
    if is_sought
        && !own
            .as_ref()
            .is_some_and(|own| own.is_whole() && is_all(own))
    {
        for sibling in &hooks.siblings {
            let overlay = Overlay::of(session.shared_store(), Arc::clone(sibling), opened);
            // One that cannot be read is of no use, and no harm.
            let more = session.salvaged(&overlay).unwrap_or_else(|error| {
                tracing::warn!(%error, "a sibling store cannot be read");
                None
            });
            let best = given.as_ref().or(own.as_ref().filter(|own| own.is_whole()));
            let best = best.map(|best| best.through);
            let is_better = |more: &Salvaged| best.is_none_or(|best| more.through > best);
            given = more.filter(Salvaged::is_whole).filter(is_better).or(given);
            if given.as_ref().is_some_and(is_all) {
                break;
            }
        }
    }
    let through = given.as_ref().map(|given| given.through);
    let adopted = given.or(own.filter(|_| policy.salvage));
    let is_adopted = adopted.is_some();
    if let Some(salvaged) = adopted {
        session.adopt(salvaged)?;
    }
    Ok(Loss {
        is_newest_lost,
        own: told,
        given: through,
        is_adopted,
    })
}

fn tell_tail(opened: &Report, loss: &Loss, report: &mut RecoveryReport) {
    let left_out = match opened.uncommitted {
        count if count > 0 && !loss.is_adopted => format!(
            "; {count} messages before it are whole and were not committed: they stay in the log, and are left out"
        ),
        _ => String::new(),
    };
    let Some(record) = opened.torn_at else {
        // It was torn between two frames, or its end is in quarantine since an earlier opening.
        if !left_out.is_empty() && !has_holes(opened) && !loss.is_newest_lost {
            let detail = format!("a write was not finished{left_out}");
            report.push(Finding::new(Failure::TornTail, Strategy::SetAside, detail));
        }
        return;
    };
    if loss.given.is_some_and(|through| through >= record) {
        let detail = format!("a sibling gave back record {record} and what follows it");
        report.push(Finding::new(Failure::TornTail, Strategy::Sibling, detail));
        return;
    }
    let bytes = opened.damaged.last().map_or(0, |tail| tail.len);
    let place = if opened.unmended_bytes > 0 {
        "are to be set aside"
    } else {
        "are in quarantine"
    };
    let detail = format!(
        "{bytes} bytes behind the last whole record {place}: record {record} and what follows it in that write; no save that they are of is known to be whole{left_out}"
    );
    let end = opened.torn_to.unwrap_or_else(|| record.saturating_add(1));
    let finding = Finding::new(Failure::TornTail, Strategy::SetAside, detail);
    report.push(finding.lost(std::iter::once(record..end)));
}

/// What opening a session anew in place found: what of it is in memory is not lost by it.
pub(super) fn tell_reopened(opened: &Report, report: &mut RecoveryReport) {
    if let (Some(record), Some(end)) = (opened.torn_at, opened.torn_to) {
        let bytes = opened.damaged.last().map_or(0, |tail| tail.len);
        let detail = format!(
            "{bytes} bytes behind the last whole record do not count; what of them is in memory is written again"
        );
        let finding = Finding::new(Failure::TornTail, Strategy::SetAside, detail);
        report.push(finding.lost(std::iter::once(record..end)));
    }
    if has_holes(opened) {
        let detail = format!(
            "{} checkpoints in the log are not whole; what of them is in memory is written again",
            opened.degraded.len()
        );
        let finding = Finding::new(Failure::DamagedFrame, Strategy::SetAside, detail);
        report.push(finding.lost(opened.missing.iter().cloned()));
    }
}

/// Whether something in the middle of the log is not as it was written.
fn has_holes(opened: &Report) -> bool {
    let tails = usize::from(opened.torn_at.is_some());
    opened.damaged.len() > tails
        || !opened.missing.is_empty()
        || !opened.degraded.is_empty()
        || !opened.damaged_headers.is_empty()
}

fn tell_holes(opened: &Report, loss: &Loss, report: &mut RecoveryReport) {
    if !opened.ignored.is_empty() {
        let detail = format!(
            "segments {:?} are not this session's, and were left as they are",
            opened.ignored
        );
        report.push(Finding::new(
            Failure::DamagedFrame,
            Strategy::SetAside,
            detail,
        ));
    }
    if !has_holes(opened) && !loss.is_newest_lost {
        return;
    }
    let own = loss.own.as_ref();
    let stubs = own.map_or(&[][..], |told| &told.stubs);
    let is_content_only = !stubs.is_empty()
        && own.is_some_and(|told| {
            told.messages == 0 && told.components.is_empty() && told.unproven.is_none()
        });
    let failure = if is_content_only {
        Failure::MissingContent
    } else {
        Failure::DamagedFrame
    };
    let degraded = opened.degraded.len();
    let finding = match own {
        _ if loss.given.is_some() && loss.is_newest_lost => {
            let detail = format!(
                "a sibling gave back all of the newest checkpoint; {degraded} in this store stay damaged"
            );
            Finding::new(failure, Strategy::Sibling, detail)
        }
        Some(told) if loss.is_adopted => {
            let strategy = if is_content_only {
                Strategy::Stub
            } else {
                Strategy::Salvage
            };
            Finding::new(failure, strategy, kept(told)).lost(opened.missing.iter().cloned())
        }
        _ => {
            let behind = opened.uncommitted;
            let detail = match &opened.head {
                Some(head) => format!(
                    "goes on from {head}; {degraded} checkpoints are not whole, {behind} messages behind it are left out"
                ),
                None => format!(
                    "no checkpoint is whole, and {behind} messages are left out; allow to salvage, or give a sibling store"
                ),
            };
            let finding = Finding::new(failure, Strategy::OlderCheckpoint, detail);
            let outcome = if opened.head.is_none() && loss.is_newest_lost {
                Outcome::NeedsHost
            } else {
                Outcome::Recovered
            };
            finding
                .outcome(outcome)
                .lost(opened.missing.iter().cloned())
        }
    };
    report.push(finding);
    if loss.is_adopted && loss.given.is_none() && !is_content_only && !stubs.is_empty() {
        let detail = format!(
            "{} long texts are lost; their digests stand in their place",
            stubs.len()
        );
        let gone = stubs.iter().map(|number| *number..number.saturating_add(1));
        report.push(Finding::new(Failure::MissingContent, Strategy::Stub, detail).lost(gone));
    }
}

fn kept(told: &Told) -> String {
    let mut parts = Vec::new();
    let at_most = told.unproven.as_ref().map_or("", |_| "at most ");
    match (told.messages, told.gaps) {
        (0, _) if told.unproven.is_some() => parts.push("no message is lost".to_owned()),
        (0, 0) => {}
        (messages, gaps) => parts.push(format!(
            "{at_most}{messages} messages are lost, and {gaps} marks stand in their place"
        )),
    }
    if let Some(Unproven { records, taken }) = &told.unproven {
        let records: Vec<String> = records.iter().map(records_of).collect();
        parts.push(format!(
            "no commit says how records {} belong together: the context, and what was taken out of the state, may be older",
            records.join(", ")
        ));
        if !taken.is_empty() {
            parts.push(format!(
                "values found there were taken of {}",
                taken.join(", ")
            ));
        }
    }
    if !told.stubs.is_empty() {
        let stubs = told.stubs.len();
        parts.push(format!(
            "{stubs} long texts are lost; their digests stand in their place"
        ));
    }
    if !told.components.is_empty() {
        let names = told.components.join(", ");
        parts.push(format!("older values, or none, of {names}"));
    }
    if parts.is_empty() {
        parts.push("no message and no component is lost".to_owned());
    }
    parts.join("; ")
}

/// First and last.
fn records_of(range: &Range<u64>) -> String {
    format!("{} to {}", range.start, range.end.saturating_sub(1))
}

/// The number in a checkpoint's id, one more; 0 for none.
fn number(id: Option<&CheckpointId>) -> u64 {
    let number = id.and_then(|id| id.as_str().split('-').next()?.parse::<u64>().ok());
    number.map_or(0, |number| number.saturating_add(1))
}
