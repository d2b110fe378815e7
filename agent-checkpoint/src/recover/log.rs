//! Damage to the log: what opening lost is sought elsewhere, and put together from what is left.

use std::sync::Arc;

use agent_primitives::CheckpointId;

use super::overlay::Overlay;
use super::{Failure, Finding, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use crate::checkpointer::salvage::Salvaged;
use crate::{Checkpointer, Error, Report};

/// What there was of the newest state.
struct Loss {
    /// A checkpoint that is newer than the one that the session goes on from is not whole.
    is_newest_lost: bool,
    /// What this store alone can tell of it.
    own: Option<Told>,
    is_from_sibling: bool,
    is_adopted: bool,
}

/// What a salvaged state says of itself, once it is gone.
struct Told {
    gaps: usize,
    messages: usize,
    components: Vec<String>,
    stubs: Vec<u64>,
}

impl Told {
    fn of(salvaged: &Salvaged) -> Self {
        Self {
            gaps: salvaged.gaps.len(),
            messages: salvaged.messages,
            components: salvaged.components.clone(),
            stubs: salvaged.stubs.clone(),
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
    let is_newest_lost = match opened.degraded.last() {
        Some(degraded) => number(Some(degraded)) > head,
        None => opened.head.is_none() && opened.items > 0,
    };
    let mut found = if is_newest_lost {
        session.salvaged(&*session.shared_store())?
    } else {
        None
    };
    let own = found.as_ref().map(Told::of);
    let mut is_from_sibling = false;
    let is_sought = is_newest_lost || opened.torn_at.is_some();
    if is_sought && !found.as_ref().is_some_and(Salvaged::is_whole) {
        for sibling in &hooks.siblings {
            let overlay = Overlay::of(session.shared_store(), Arc::clone(sibling), opened);
            // One that cannot be read is of no use, and no harm.
            let given = session.salvaged(&overlay).unwrap_or_else(|error| {
                tracing::warn!(%error, "a sibling store cannot be read");
                None
            });
            if let Some(whole) = given.filter(Salvaged::is_whole) {
                found = Some(whole);
                is_from_sibling = true;
                break;
            }
        }
    }
    let adopted = found.filter(|_| policy.salvage || is_from_sibling);
    let is_adopted = adopted.is_some();
    if let Some(salvaged) = adopted {
        session.adopt(salvaged)?;
    }
    Ok(Loss {
        is_newest_lost,
        own,
        is_from_sibling,
        is_adopted,
    })
}

fn tell_tail(opened: &Report, loss: &Loss, report: &mut RecoveryReport) {
    let Some(record) = opened.torn_at else {
        return;
    };
    let bytes = opened.quarantined.last().map_or(0, |tail| tail.len);
    if loss.is_from_sibling {
        let detail = format!("a sibling gave back record {record} and what follows it");
        report.push(Finding::new(Failure::TornTail, Strategy::Sibling, detail));
        return;
    }
    let detail = format!(
        "{bytes} bytes behind the last whole record are in quarantine; no save that they are of is known to be whole"
    );
    let finding = Finding::new(Failure::TornTail, Strategy::SetAside, detail);
    report.push(finding.lost(std::iter::once(record..record.saturating_add(1))));
}

fn tell_holes(opened: &Report, loss: &Loss, report: &mut RecoveryReport) {
    let tails = usize::from(opened.torn_at.is_some());
    let has_holes = opened.quarantined.len() > tails
        || !opened.missing.is_empty()
        || !opened.degraded.is_empty()
        || !opened.damaged_headers.is_empty();
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
    if !has_holes && !loss.is_newest_lost {
        return;
    }
    let own = loss.own.as_ref();
    let stubs = own.map_or(&[][..], |told| &told.stubs);
    let is_content_only =
        !stubs.is_empty() && own.is_some_and(|told| told.gaps == 0 && told.components.is_empty());
    let failure = if is_content_only {
        Failure::MissingContent
    } else {
        Failure::DamagedFrame
    };
    let degraded = opened.degraded.len();
    let finding = match own {
        _ if loss.is_from_sibling => {
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
    if loss.is_adopted && !loss.is_from_sibling && !is_content_only && !stubs.is_empty() {
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
    match (told.messages, told.gaps) {
        (0, 0) => {}
        (messages, gaps) => parts.push(format!(
            "{messages} messages are lost, and {gaps} marks stand in their place"
        )),
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

/// The number in a checkpoint's id, one more; 0 for none.
fn number(id: Option<&CheckpointId>) -> u64 {
    let number = id.and_then(|id| id.as_str().split('-').next()?.parse::<u64>().ok());
    number.map_or(0, |number| number.saturating_add(1))
}
