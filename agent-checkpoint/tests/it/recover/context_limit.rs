//! A context that a model does not take for its length.

use agent_checkpoint::Message;
use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_primitives::CheckpointKind;

use super::{Site, call, said, talk};

fn one_each(_: &Message) -> u64 {
    1
}

#[test]
fn a_context_over_its_limit_is_cut_and_the_log_is_not() {
    let site = Site::new();
    talk(&mut site.open(), 20);
    let hooks = Hooks::new().counter(&one_each);
    let recovered = site.recover_with(&Recovery::default().context_limit(6), &hooks);
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::ContextTooLong, Strategy::Cut, Outcome::Recovered)
    );
    assert_eq!(
        finding.detail,
        "20 tokens where 6 are the limit; 6 now, 14 messages left out of the context and kept in the history"
    );
    let session = &recovered.session;
    assert_eq!((session.context().len(), session.history().len()), (6, 20));
    assert_eq!(session.context()[0], &said(0), "the task stays");
    site.holds(recovered.session);
}

#[test]
fn a_limit_that_nothing_fits_asks_the_host() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 3);
    session.push(call("c1", "build")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let hooks = Hooks::new().counter(&one_each);
    let recovered = site.recover_with(&Recovery::default().context_limit(1), &hooks);
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::AskHost, Outcome::NeedsHost)
    );
    assert!(finding.detail.contains("allow at least "), "{finding}");
    assert_eq!(recovered.session.context().len(), 4, "and nothing is cut");
}
