//! The messages that a model is sent: valid, and no more than it takes.

use super::{Failure, Finding, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use crate::history::{Repair, check};
use crate::{Checkpointer, Message};

/// Repairs that are told one by one; of more only how many there are.
const TOLD_MAX: usize = 4;

pub(super) fn mend(
    session: &mut Checkpointer,
    policy: &Recovery,
    hooks: &Hooks<'_>,
    report: &mut RecoveryReport,
) {
    let is_over = |session: &Checkpointer| {
        let limit = policy.context_limit?;
        let tokens = tokens(session, hooks);
        (tokens > limit).then_some((tokens, limit))
    };
    for _ in 0..policy.rounds {
        let mut is_quiet = true;
        match session.repair_context() {
            Ok(repairs) if repairs.is_empty() => {}
            Ok(repairs) => {
                is_quiet = false;
                report.push(Finding::new(
                    Failure::BrokenHistory,
                    Strategy::RepairContext,
                    told(&repairs),
                ));
            }
            Err(error) => {
                let finding =
                    Finding::new(Failure::BrokenHistory, Strategy::AskHost, error.to_string());
                report.push(finding.outcome(Outcome::NeedsHost));
                return;
            }
        }
        if let Some((before, limit)) = is_over(session) {
            is_quiet = false;
            match session.cut(limit, hooks.counter) {
                Ok(cut) => {
                    let after = tokens(session, hooks);
                    let detail = format!(
                        "{before} tokens where {limit} are the limit; {after} now, {} messages left out of the context and kept in the history",
                        cut.dropped
                    );
                    report.push(Finding::new(Failure::ContextTooLong, Strategy::Cut, detail));
                }
                Err(error) => {
                    let detail = format!("{before} tokens where {limit} are the limit: {error}");
                    let finding = Finding::new(Failure::ContextTooLong, Strategy::AskHost, detail);
                    report.push(finding.outcome(Outcome::NeedsHost));
                    return;
                }
            }
        }
        if is_quiet {
            return;
        }
    }
    if let Some(flaw) = check(&session.context()).first() {
        let detail = format!("still refused: {flaw}");
        let finding = Finding::new(Failure::BrokenHistory, Strategy::RepairContext, detail);
        report.push(finding.outcome(Outcome::Failed));
    }
    if let Some((tokens, limit)) = is_over(session) {
        let detail = format!("still {tokens} tokens where {limit} are the limit");
        let finding = Finding::new(Failure::ContextTooLong, Strategy::Cut, detail);
        report.push(finding.outcome(Outcome::Failed));
    }
}

fn tokens(session: &Checkpointer, hooks: &Hooks<'_>) -> u64 {
    let count = |sum: u64, message: &Message| sum.saturating_add(hooks.counter.count(message));
    session.context().into_iter().fold(0, count)
}

fn told(repairs: &[Repair]) -> String {
    let mut told: Vec<String> = repairs
        .iter()
        .take(TOLD_MAX)
        .map(Repair::to_string)
        .collect();
    if repairs.len() > TOLD_MAX {
        told.push(format!("and {} more", repairs.len() - TOLD_MAX));
    }
    told.join("; ")
}
